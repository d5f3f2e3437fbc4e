//! `latido check` on the source document's files and a made-up machine.

use expect_test::expect;

use super::{examine, status};
use crate::config::diagnostic::render;
use crate::config::tests::Directory;

/// A machine with the document's interfaces and an executable apache2.
fn machine() -> Directory {
    let machine = Directory::new();
    for device in ["eth0", "eth1", "eth2"] {
        machine.write(&format!("sys/class/net/{device}/operstate"), "up\n");
    }
    machine.write("var/log/messages", "");
    machine.write("etc/init.d/apache2", "#!/bin/sh\n");
    machine.mode("etc/init.d/apache2", 0o755);
    machine
}

#[test]
fn the_documents_files_on_a_machine_that_fits_are_well() {
    let (seed, machine) = (Directory::seed(), machine());
    let (diagnostics, summary) = examine(&seed.0, "corman", &machine.0);
    assert_eq!(status(&diagnostics), 0, "{}", seed.rendered(&diagnostics));
    expect![[r#"
        This machine is corman. The nodes are corman and rabius.
        A heartbeat goes out every 2 s on eth0 and eth2, UDP port 694, signed by sha1 with key 1.
        A node that is silent for 10 s is dead; at start, for 20 s. A heartbeat later than 6 s is logged.
        192.168.1.1 is pinged, dead after 10 s.
        corman holds 192.168.2.10/24 on eth0:0, then apache2, when it can.
        What moved goes back when its node returns.
        A script may take 60 s to start, 60 s to stop and 10 s to tell its status; if it cannot be stopped, its group is blocked.
        The log goes to /var/log/ha-log.
        Fingerprint, the same on both nodes: 88bd916812bc0e65.
        All is well.
    "#]].assert_eq(&summary);
}

#[test]
fn what_starts_at_boot_and_what_is_missing_is_named() {
    let (seed, machine) = (Directory::seed(), machine());
    seed.write("haresources", "corman 192.168.2.10 apache2 pingchek\nrabius other\n");
    seed.write("resource.d/pingcheck", "#!/bin/sh\n");
    seed.write("resource.d/other", "#!/bin/sh\n");
    seed.change("ha.cf", "eth0 eth2", "eth0 eth9");
    for link in [
        "etc/rc2.d/S20apache2",
        "etc/rc3.d/K20apache2",
        "etc/rc3.d/S2apache2",
        "etc/rc0.d/S20apache2",
        "etc/rc2.d/S20apache2x",
        "etc/systemd/system/multi-user.target.wants/apache2.service",
        "etc/systemd/system/apache2.service",
    ] {
        machine.write(link, "");
    }
    let (diagnostics, summary) = examine(&seed.0, "corman", &machine.0);
    let shown = seed.at_home(&(render(&diagnostics[1..], false) + &summary));
    expect![[r#"
        info: this ipfail is not started
          --> /etc/ha.d/ha.cf:32:19
           |
        32 | respawn hacluster /usr/lib/heartbeat/ipfail # What acts when a
           |                   ^^^^^^^^^^^^^^^^^^^^^^^^^ the daemon pings by itself; it does not move groups for it yet

        warning: `bcast eth9`: this machine has no such interface now
        --> /etc/ha.d/ha.cf
         = help: it is used as soon as it comes

        warning: apache2 starts at boot by itself, on both nodes at once
         --> /etc/ha.d/haresources:1:21
          |
        1 | corman 192.168.2.10 apache2 pingchek
          |                     ^^^^^^^ only the cluster may start it
          |
          = help: type `systemctl disable apache2` or `update-rc.d apache2 disable`; /etc/rc2.d/S20apache2 and /etc/systemd/system/multi-user.target.wants/apache2.service start it

        error: there is no script for `pingchek`
         --> /etc/ha.d/haresources:1:29
          |
        1 | corman 192.168.2.10 apache2 pingchek
          |                             ^^^^^^^^ a script in resource.d or /etc/init.d
          |
          = help: did you mean `pingcheck`?

        error: /etc/ha.d/resource.d/other cannot be executed
         --> /etc/ha.d/haresources:2:8
          |
        2 | rabius other
          |        ^^^^^ a script in resource.d or /etc/init.d
          |
          = help: type `chmod +x /etc/ha.d/resource.d/other`

        This machine is corman. The nodes are corman and rabius.
        A heartbeat goes out every 2 s on eth0 and eth9, UDP port 694, signed by sha1 with key 1.
        A node that is silent for 10 s is dead; at start, for 20 s. A heartbeat later than 6 s is logged.
        192.168.1.1 is pinged, dead after 10 s.
        corman holds 192.168.2.10, then apache2, then pingchek, when it can.
        rabius holds other, when it can.
        What moved goes back when its node returns.
        A script may take 60 s to start, 60 s to stop and 10 s to tell its status; if it cannot be stopped, its group is blocked.
        The log goes to /var/log/ha-log.
        Fingerprint, the same on both nodes: 0b4d5dbd7f2be8f8.
        Errors: 2, warnings: 2. The daemon starts, and this fails.
    "#]].assert_eq(&shown.replace(&machine.0.display().to_string(), ""));
}

#[test]
fn a_configuration_that_is_refused_has_no_summary() {
    let (seed, machine) = (Directory::seed(), machine());
    seed.mode("authkeys", 0o640);
    let (diagnostics, summary) = examine(&seed.0, "corman", &machine.0);
    assert_eq!(status(&diagnostics), 2);
    assert_eq!(summary, "Errors: 1, warnings: 0. The daemon does not start.\n");
}

#[test]
fn a_doubt_alone_is_a_warning() {
    let (seed, machine) = (Directory::seed(), machine());
    seed.change("ha.cf", "auto_failback yes", "");
    let (diagnostics, summary) = examine(&seed.0, "rabius", &machine.0);
    assert_eq!(status(&diagnostics), 1);
    assert!(summary.contains("What moved stays where it is when its node returns.\n"));
    assert!(summary.ends_with("\nWarnings: 1. The daemon starts.\n"), "{summary}");
}

#[test]
fn a_log_that_cannot_be_written_is_a_warning_and_one_that_is_not_yet_is_told() {
    let (seed, machine) = (Directory::seed(), machine());
    seed.change("ha.cf", "logfile /var/log/ha-log", "logfile /srv/log/ha-log\ndebugfile /dev/null");
    let (diagnostics, summary) = examine(&seed.0, "corman", &machine.0);
    assert_eq!(status(&diagnostics), 1);
    assert!(summary.contains("The log goes to /srv/log/ha-log.\n"), "{summary}");
    let told = seed.rendered(&diagnostics);
    for line in [
        "info: `logfacility` is not used by the daemon yet",
        "info: `debugfile` is not used by the daemon yet",
        "warning: `logfile /srv/log/ha-log`: there is no directory /srv/log",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
}
