//! The English: log lines as the original writes them, and the text of `status`.

use core::fmt::{self, Write};

use crate::limits::STATUS_OUTPUT_MAX;
use crate::procedure::{Line, Names, Report, Verb, judge_status};
use crate::time::Duration;

struct Document;

const WORDS: [&str; 2] = ["IPaddr2::192.168.2.10/24/eth0:0", "apache2"];

impl Names for Document {
    fn group(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "corman {} {}", WORDS[0], WORDS[1])
    }

    fn resource(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WORDS[usize::from(resource)])
    }

    fn script(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["IPaddr2", "apache2"][usize::from(resource)])
    }

    fn path(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["/etc/ha.d/resource.d/IPaddr2", "/etc/init.d/apache2"][usize::from(resource)])
    }

    fn arguments(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["192.168.2.10/24/eth0:0", ""][usize::from(resource)])
    }
}

#[test]
fn log_lines_are_those_of_the_original() {
    let limit = Duration::from_secs(60);
    let reports = [
        Report::Acquiring,
        Report::Running { resource: 0, verb: Verb::Start },
        Report::Running { resource: 1, verb: Verb::Start },
        Report::Returned { resource: 1, code: 1 },
        Report::GivingUp { resource: 1 },
        Report::Releasing,
        Report::Running { resource: 0, verb: Verb::Stop },
        Report::Retrying { resource: 1 },
        Report::RebootRequired { resource: 1 },
        Report::Missing { resource: 1 },
        Report::TimedOut { resource: 1, verb: Verb::Stop, limit },
        Report::NotCompliant { resource: 1 },
        Report::Blocked { resource: 1 },
        Report::StillBlocked { resource: 1 },
    ];
    let mut text = heapless::String::<2_048>::new();
    for report in reports {
        let line = Line { report, names: &Document };
        writeln!(text, "{}: {line}", report.severity()).expect("the lines fit");
    }
    expect_test::expect![[r#"
        info: Acquiring resource group: corman IPaddr2::192.168.2.10/24/eth0:0 apache2
        info: Running /etc/ha.d/resource.d/IPaddr2 192.168.2.10/24/eth0:0 start
        info: Running /etc/init.d/apache2  start
        ERROR: Return code 1 from /etc/init.d/apache2
        CRIT: Giving up resources due to failure of apache2
        info: Releasing resource group: corman IPaddr2::192.168.2.10/24/eth0:0 apache2
        info: Running /etc/ha.d/resource.d/IPaddr2 192.168.2.10/24/eth0:0 stop
        info: Retrying failed stop operation [apache2]
        CRIT: Resource STOP failure. Reboot required!
        ERROR: Cannot locate resource script apache2
        ERROR: /etc/init.d/apache2 stop did not end within 60000 ms and was ended
        ERROR: Resource script for apache2 probably not LSB-compliant: it must succeed on a stop when already stopped
        CRIT: Resource STOP failure. apache2 may still run: its group stays as it is and is not started here again
        ERROR: Not acquiring resource group: corman IPaddr2::192.168.2.10/24/eth0:0 apache2: apache2 could not be stopped here
    "#]]
    .assert_eq(&text);
}

#[test]
fn status_is_judged_by_its_words() {
    for running in ["Running OK\n", "apache2 is running (pid 812).", "OK", "x Running y"] {
        assert!(judge_status(running.as_bytes()), "{running:?}");
    }
    for stopped in [
        "",
        "Resource is stopped",
        "ok",
        "RUNNING",
        "apache2 is not running.",
        "Not Running, OK",
        "running, but the other is not running",
        "not Running",
        "Not running",
    ] {
        assert!(!judge_status(stopped.as_bytes()), "{stopped:?}");
    }
    // Other capitals do not deny it, and the original takes this for running.
    assert!(judge_status(b"NOT running"));
}

#[test]
fn only_the_first_octets_of_a_status_are_judged() {
    let mut output = [b'.'; STATUS_OUTPUT_MAX + 7];
    output[STATUS_OUTPUT_MAX..].copy_from_slice(b"running");
    assert!(!judge_status(&output));
    output[STATUS_OUTPUT_MAX - 7..STATUS_OUTPUT_MAX].copy_from_slice(b"running");
    assert!(judge_status(&output));
}
