//! ha.cf line by line, and the original's own list of refusals.

use expect_test::{expect, expect_file};
use latido_core::time::Duration;

use super::super::diagnostic::{Diagnostic, Severity, Source};
use super::super::load;
use super::super::tests::Directory;
use super::directives::{Apply, DIRECTIVES};
use super::{HaCf, MessageFormat, read};

/// Enough to start with: nothing is reported about it.
const ENOUGH: &str = "node corman rabius\nbcast eth0\nauto_failback on\nlogfile /var/log/ha-log\n";

fn ha_cf(text: &str) -> (HaCf, Vec<Diagnostic>) {
    let mut source = Source::new("ha.cf", text);
    let ha_cf = read(&mut source, "corman");
    (ha_cf, source.into_found())
}

/// What is said about the lines after [`ENOUGH`], numbered from 1.
fn said(text: &str) -> Vec<String> {
    let lines = u32::try_from(ENOUGH.lines().count()).expect("few");
    let (_, mut found) = ha_cf(&format!("{ENOUGH}{text}"));
    for diagnostic in &mut found {
        if let Some(place) = &mut diagnostic.place {
            place.line -= lines;
        }
    }
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_are_the_originals() {
    let (ha_cf, found) = ha_cf(ENOUGH);
    assert_eq!(found, []);
    let times = &ha_cf.timing;
    assert_eq!(times.keepalive, Duration::from_secs(1));
    assert_eq!(times.deadtime, Duration::from_secs(30));
    assert_eq!(times.warntime, Duration::from_secs(15));
    assert_eq!(times.initdead, Duration::from_secs(30));
    assert_eq!(times.deadping, Duration::from_secs(30));
    assert_eq!((ha_cf.udpport, ha_cf.hopfudge, ha_cf.msgfmt), (694, 1, MessageFormat::Classic));
    assert_eq!(ha_cf.max_rexmit_delay, Duration::from_millis(250));
    assert!(ha_cf.logging.syslogmsgfmt && ha_cf.logging.log_badpack && !ha_cf.ipfail);
    assert_eq!(ha_cf.logging.debug, 0);
}

#[test]
fn initdead_follows_deadtime_as_in_the_original() {
    for (deadtime, initdead) in
        [("5", 12), ("5999ms", 12), ("6", 12), ("7", 14), ("10", 20), ("11", 11), ("60", 60)]
    {
        let (ha_cf, found) = ha_cf(&format!("{ENOUGH}deadtime {deadtime}\n"));
        assert_eq!(found, [], "{deadtime}");
        assert_eq!(ha_cf.timing.initdead, Duration::from_secs(initdead), "{deadtime}");
    }
}

#[test]
fn every_directive_of_the_original_is_known_once() {
    let original = "node bcast ucast mcast ucast6 mcast6 serial ping ping6 ping_group hbaping \
        udpport keepalive deadtime warntime initdead deadping hopfudge auto_failback \
        nice_failback respawn failfast apiauth stonith stonith_host watchdog logfacility \
        logfile debugfile use_logd conn_logd_time syslogmsgfmt log_badpack msgfmt compression \
        compression_threshold traditional_compression max_rexmit_delay hbgenmethod uuidfrom \
        autojoin realtime rtprio memreserve debug coredumps coreroot use_apphbd cluster \
        quorum_server env pacemaker crm crm_daemon_dir crmd_spawns_pengine \
        record_config_changes record_pengine_inputs enable_config_writes normalpoll udp baud";
    let mut original: Vec<_> = original.split_whitespace().collect();
    let mut known: Vec<_> = DIRECTIVES.iter().map(|directive| directive.name).collect();
    original.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, original);
}

#[test]
fn a_directive_that_is_not_read_says_so_with_its_reason() {
    let mut told = 0;
    for directive in DIRECTIVES {
        let (start, reason) = match directive.apply {
            Apply::Read(_) | Apply::Kept => continue,
            Apply::Idle(reason) => ("is accepted and does nothing here", reason),
            Apply::Only(_, reason) | Apply::Later(reason) => ("not implemented yet: ", reason),
            Apply::Refused(reason) => ("is refused", reason),
        };
        let said = said(&format!("{} x\n", directive.name));
        let [said] = said.as_slice() else {
            panic!("{}: {said:?}", directive.name);
        };
        assert!(said.contains(start) && said.contains(reason), "{said}");
        told += 1;
    }
    assert!(told > 30, "{told} of the original's directives are not read");
}

#[test]
fn a_value_that_changes_nothing_is_accepted() {
    let text = "autojoin none\nhbgenmethod file\nuuidfrom file\ncrm off\npacemaker No\n\
                use_apphbd 0\ncluster linux-ha\nenv A=b c\n";
    assert_eq!(said(text), <[String; 0]>::default());
}

#[test]
fn parameters_are_as_written_and_then_defaults() {
    let text = "node corman,rabius\nbcast eth0 # service\nauto_failback yes\nkeepalive 2\n\
                deadtime 10\ndeadtime 12\nlogfile /var/log/ha-log\nenv SITE=casa blanca\n\
                respawn hacluster /usr/lib/heartbeat/ipfail -v\n";
    let (ha_cf, _) = ha_cf(text);
    let parameters: Vec<_> =
        ha_cf.parameters.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    expect![[r#"
        node=corman,rabius
        bcast=eth0
        auto_failback=yes
        keepalive=2
        deadtime=12
        logfile=/var/log/ha-log
        SITE=casa blanca
        respawn=hacluster /usr/lib/heartbeat/ipfail -v
        udpport=694
        hopfudge=1
        syslogmsgfmt=true
        log_badpack=true
        msgfmt=classic
        max_rexmit_delay=250
        debug=0
        cluster=linux-ha
        warntime=6000ms
        initdead=12000ms
        deadping=12000ms
    "#]]
    .assert_eq(&parameters.concat());
}

#[test]
fn timings_are_checked_together() {
    let mut all = String::new();
    for text in [
        "keepalive 2\ndeadtime 4",
        "keepalive 2\ndeadtime 4001ms",
        "keepalive 20",
        "deadtime 10\ninitdead 5",
        "deadtime 10\ninitdead 10",
        "keepalive 100ms\nwarntime 300ms\ndeadtime 500ms\ninitdead 2",
        "keepalive 2\ndeadtime 10\nwarntime 10",
        "keepalive 2\ndeadtime 10\nwarntime 2",
        "keepalive 50ms\ndeadtime 1",
        "keepalive 2\ndeadtime 10\ndeadping 4",
        "keepalive 0",
        "deadtme 60\ninitdead 20",
        "keepalive 1\nkeepalive 2",
    ] {
        all += &format!("{}\n", text.replace('\n', ", "));
        for said in said(text) {
            all += &format!("  {said}\n");
        }
    }
    expect![[r#"
        keepalive 2, deadtime 4
          ha.cf:2:10: deadtime 4 s is not more than two keepalives of 2 s (expected a deadtime of more than 4 s; one heartbeat that is lost or late would be a death)
        keepalive 2, deadtime 4001ms
          ha.cf:2:10: two heartbeats that are lost are a death (expected at least three keepalives, 6 s)
        keepalive 20
          ha.cf:1:11: deadtime 30 s is not more than two keepalives of 20 s (expected a deadtime of more than 40 s; one heartbeat that is lost or late would be a death)
        deadtime 10, initdead 5
          ha.cf:2:10: initdead 5 s is less than deadtime 10 s (expected at least 10 s)
        deadtime 10, initdead 10
        keepalive 100ms, warntime 300ms, deadtime 500ms, initdead 2
          ha.cf:4:10: initdead is short: a machine that boots may not hear its peer in time (expected at least 10 s; it would then take what the peer holds)
        keepalive 2, deadtime 10, warntime 10
          ha.cf:3:10: a late heartbeat is never warned of: the node is dead first (expected less than deadtime, 10 s)
        keepalive 2, deadtime 10, warntime 2
          ha.cf:3:10: every heartbeat counts as late (expected more than keepalive, 2 s)
        keepalive 50ms, deadtime 1
          ha.cf:1:11: keepalive is very short (expected at least 100 ms; a Heartbeat 3.0.6 peer is declared dead by mistake at 50ms with deadtime 200ms)
        keepalive 2, deadtime 10, deadping 4
          ha.cf:3:10: deadping 4 s is not more than two keepalives of 2 s (expected a deadping of more than 4 s; one heartbeat that is lost or late would be a death)
        keepalive 0
          ha.cf:1:11: `keepalive` cannot be zero (expected a time, such as 2 or 500ms)
        deadtme 60, initdead 20
          ha.cf:1:1: unknown directive `deadtme` (a directive, in lower case; did you mean `deadtime`?)
        keepalive 1, keepalive 2
          ha.cf:2:1: `keepalive` again: line 5 does not count (only this one counts)
    "#]].assert_eq(&all);
}

#[test]
fn absent_lines_are_told() {
    let mut all = String::new();
    for (text, node) in [
        ("", "corman"),
        ("node corman rabius\nbcast eth0\nlogfacility none\n", "corman"),
        ("node corman\nping 192.168.1.1\nauto_failback off\nlogfile /l\n", "corman"),
        ("node corman rabius\nbcast eth0\nauto_failback off\nlogfile /l\n", "www1"),
        ("nodes corman\nbcst eth0\nauto_falback off\nlogfil /l\n", "corman"),
    ] {
        let mut source = Source::new("ha.cf", text);
        read(&mut source, node);
        all += &format!("{}\n", text.replace('\n', ", "));
        for said in source.into_found() {
            all += &format!("  {said}\n");
        }
    }
    expect![[r#"

          ha.cf: no node is listed (say `node NAME NAME`: both machines, as `uname -n` prints their names)
          ha.cf: no link carries heartbeats (say `bcast eth0`, better two: a `ping` line alone lets no node hear the other)
          ha.cf: auto_failback is not set; taken as off: nothing moves back by itself (say `auto_failback on` or `auto_failback off`)
          ha.cf: no log file is named; what happens is told on standard error only (say `logfile /var/log/ha-log`)
        node corman rabius, bcast eth0, logfacility none, 
          ha.cf: auto_failback is not set; taken as off: nothing moves back by itself (say `auto_failback on` or `auto_failback off`)
          ha.cf: no log file is named; what happens is told on standard error only (say `logfile /var/log/ha-log`)
        node corman, ping 192.168.1.1, auto_failback off, logfile /l, 
          ha.cf: no link carries heartbeats (say `bcast eth0`, better two: a `ping` line alone lets no node hear the other)
        node corman rabius, bcast eth0, auto_failback off, logfile /l, 
          ha.cf:1:6: this machine is called `www1`, which no `node` line lists (ha.cf lists corman and rabius; add `www1`, or rename the machine (hostname, or the first line of nodeinfo beside ha.cf))
        nodes corman, bcst eth0, auto_falback off, logfil /l, 
          ha.cf:1:1: unknown directive `nodes` (a directive, in lower case; did you mean `node`?)
          ha.cf:2:1: unknown directive `bcst` (a directive, in lower case; did you mean `bcast`?)
          ha.cf:3:1: unknown directive `auto_falback` (a directive, in lower case; did you mean `auto_failback`?)
          ha.cf:4:1: unknown directive `logfil` (a directive, in lower case; did you mean `logfile`?)
    "#]].assert_eq(&all);
}

#[test]
fn more_than_the_bounds_is_an_error() {
    let links: Vec<_> = (0..9).map(|link| format!("eth{link}")).collect();
    assert_eq!(
        said(&format!("bcast {}\n", links[1..].join(" "))),
        ["ha.cf:1:42: there are at most 8 links (one link too many)"]
    );
    let pings: Vec<_> = (1..=31).map(|ping| format!("10.0.0.{ping}")).collect();
    assert_eq!(
        said(&format!("ping {}\n", pings.join(" "))),
        ["ha.cf:1:297: there are at most 30 ping nodes (one node too many)"]
    );
    assert_eq!(
        said(&format!("node {}\n", "n".repeat(65))),
        ["ha.cf:1:6: a node's name has at most 64 octets"]
    );
}

/// The original's own refusals, and what it accepts (as Heartbeat 3.0.6 was seen to
/// behave): the file of the source document's, and what is changed in it. Where ours
/// differs, a comment says why.
const CHANGES: &[(&str, &str, &str)] = &[
    ("ha.cf", "keepalive 2", "frobnicate 3"),
    ("ha.cf", "keepalive 2", "Keepalive 3"),
    ("ha.cf", "keepalive 2", "keepalive 2x"),
    ("ha.cf", "deadtime 10", "deadtime 4"),
    ("ha.cf", "deadtime 10", "deadtime 10\ninitdead 5"),
    // The original starts; two nodes that cannot hear each other would both serve.
    ("ha.cf", "bcast eth0 eth2", ""),
    ("ha.cf", "node corman rabius", "node rabius"),
    // The original refuses; ours uses the interface when it comes.
    ("ha.cf", "bcast eth0 eth2", "bcast eth9"),
    // The original looks whether it is there; ours runs none yet.
    ("ha.cf", "/usr/lib/heartbeat/ipfail", "/nonexistent/x"),
    // The original starts with `legacy`; ours with off.
    ("ha.cf", "auto_failback yes", ""),
    ("ha.cf", "logfacility daemon", "#"),
    ("ha.cf", "keepalive 2", "keepalive 500000us"),
    ("ha.cf", "keepalive 2", "keepalive 1.5"),
    ("ha.cf", "deadtime 10", "warntime 3\ndeadtime 4500ms"),
    ("ha.cf", "node corman rabius", "node corman,rabius"),
    ("ha.cf", "bcast eth0 eth2", "udpport 695\nbcast eth0 eth2"),
    // The original refuses this order; ours does not mind.
    ("authkeys", "auth 1  \n1 sha1 clavesecreta", "1 sha1 clavesecreta\nauth 1"),
    ("authkeys", "auth 1", "auth 2"),
    ("authkeys", "1 sha1", "1 crc"),
    ("authkeys", "1 sha1 clavesecreta", "1 sha1"),
    ("authkeys", "1 sha1", "1 sha256"),
    ("authkeys", "1 sha1", "16 sha1"),
    ("haresources", "corman", "nosuch"),
    ("haresources", "corman IPaddr2::192.168.2.10/24/eth0:0", "corman \\ # address\n 192.168.2.10"),
];

#[test]
fn configuration_errors_of_the_original() {
    let mut all = String::new();
    for (file, from, to) in CHANGES {
        let directory = Directory::seed();
        directory.change(file, from, to);
        let (configuration, found) = load(&directory.0, "corman");
        let verdict = if configuration.is_some() { "accepted" } else { "refused" };
        all += &format!("{file}: {from:?} → {to:?}: {verdict}\n");
        let ipfail = "this ipfail is not started";
        for diagnostic in found.iter().filter(|one| !one.message.starts_with(ipfail)) {
            let severity = match diagnostic.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let said = diagnostic.to_string();
            all += &format!("  {severity}: {}\n", directory.at_home(&said));
        }
    }
    expect_file!["tests/refusals_of_the_original.txt"].assert_eq(&all);
}
