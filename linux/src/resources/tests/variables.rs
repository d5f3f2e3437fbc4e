//! The environment of scripts: the golden list, and what a script really sees.

use std::fs::File;

use latido_core::order::{Outcome, Ownership};

use super::Site;
use crate::resources::{Directories, Settings, environment};

fn settings() -> Settings {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Settings {
        node: "corman".to_owned(),
        logfile: Some("/var/log/ha-log".to_owned()),
        logfacility: Some("daemon".to_owned()),
        debug: 1,
        directives: vec![
            pair("deadtime", "10"),
            pair("initdead", "20000ms"),
            pair("auto_failback", "yes"),
        ],
        variables: vec![pair("SITE", "clase 3")],
        ..Settings::default()
    }
}

#[test]
fn every_variable_of_the_specification_is_there() {
    let variables = environment(&settings(), &Directories::default(), Some("/usr/bin:/bin"));
    let text: String = variables
        .iter()
        .map(|(name, value)| format!("{name}={}\n", value.escape_debug()))
        .collect();
    expect_test::expect![[r#"
        HA_CURHOST=corman
        HA_DIR=/etc/ha.d
        HA_FUNCS=/etc/ha.d/shellfuncs
        HA_RCDIR=/etc/ha.d/rc.d
        HA_RESOURCEDIR=/etc/ha.d/resource.d
        HA_BIN=/usr/libexec/heartbeat
        HA_FIFO=/var/lib/heartbeat/fifo
        HA_LOGFILE=/var/log/ha-log
        HA_DEBUGLOG=/dev/null
        HA_LOGFACILITY=daemon
        HA_LOGD=no
        HA_DATEFMT=%Y/%m/%d_%T\t
        HA_DOCDIR=/usr/share/doc/heartbeat
        OCF_ROOT=/usr/lib/ocf
        OCF_AGENTS=/usr/lib/ocf/resource.d/heartbeat/
        HA_debug=1
        HA_deadtime=10
        HA_initdead=20000ms
        HA_auto_failback=yes
        HA_SITE=clase 3
        PATH=/usr/libexec/heartbeat:/usr/sbin:/usr/share/heartbeat:/usr/bin:/bin
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_later_variable_wins() {
    let mut settings = settings();
    settings.variables = vec![("deadtime".to_owned(), "7".to_owned())];
    let variables = environment(&settings, &Directories::default(), None);
    let deadtimes: Vec<_> = variables.iter().filter(|(name, _)| name == "HA_deadtime").collect();
    assert_eq!(deadtimes, [&("HA_deadtime".to_owned(), "7".to_owned())]);
}

#[test]
fn a_script_sees_its_environment_and_nothing_of_the_daemon() {
    let mut site = Site::new();
    site.install(
        "resource.d/look",
        r#"test $1 = start || exit 0
        env | sort > $ROOT/env
        pwd > $ROOT/pwd
        for fd in /proc/self/fd/*; do readlink $fd; done > $ROOT/fds
        grep -E 'Sig(Blk|Ign)' /proc/self/status > $ROOT/signals
        read pid name state parent group session rest < /proc/$$/stat
        echo $pid $group $session > $ROOT/session"#,
    );
    // One of ours that a library forgot to close on exec.
    let _zero = nix::unistd::dup(File::open("/dev/zero").expect("it is there")).expect("dup works");
    let environment = environment(&settings(), &Directories::default(), Some("/usr/bin:/bin"));
    let mut resources = site.resources_with(&["corman look"], &environment);
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Held), Outcome::Done);

    let seen = site.read("env");
    let mut expected: Vec<String> =
        environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    expected.sort();
    // The shell adds its own: the directory, its level and the last command.
    let own = ["PWD=", "OLDPWD=", "SHLVL=", "_="];
    let seen: Vec<&str> =
        seen.lines().filter(|line| !own.iter().any(|name| line.starts_with(name))).collect();
    assert_eq!(seen.len(), expected.len());
    for line in expected {
        assert!(seen.contains(&line.as_str()), "{line} is missing of {seen:?}");
    }

    assert_eq!(site.read("pwd").trim(), site.root.display().to_string());
    let root = site.root.display().to_string();
    for line in site.read("fds").lines() {
        let ours = line == "/dev/null" || line.starts_with("/memfd:script") || line.contains(&root);
        assert!(ours || line.starts_with("/proc/"), "{line} is open");
    }
    let signals = site.read("signals");
    assert_eq!(signals.lines().count(), 2);
    for line in signals.lines() {
        let (_, mask) = line.split_once('\t').expect("a name and a mask");
        let mask = u64::from_str_radix(mask, 16).expect("a mask in hexadecimal");
        // The C library keeps signals 32 and 33 to itself, as it found them.
        assert_eq!(mask & !(3 << 31), 0, "{line}");
    }
    let session: Vec<String> = site.read("session").split_whitespace().map(str::to_owned).collect();
    assert_eq!(session.len(), 3);
    assert!(session.iter().all(|number| *number == session[0]), "{session:?}");
}
