//! The router's settings, as its owner writes them, and every mistake.

extern crate std;

use std::fmt::Write as _;
use std::format;
use std::string::{String, ToString};

use super::*;

const MINIMAL: &str = "name clase\nuplink vlan1\ntarget 192.0.2.1\nreport device br0\n";

#[test]
fn what_is_not_said_has_its_default() {
    let settings = Settings::read(MINIMAL).expect("nothing is wrong with it");
    assert_eq!(settings.name, "clase");
    assert_eq!(settings.uplink, "vlan1");
    assert_eq!(settings.targets, [Ipv4Addr::new(192, 0, 2, 1)]);
    let second = Duration::from_secs(1);
    assert_eq!(settings.probe, Probe { interval: second, lost_after: second, need: 1 });
    assert_eq!(settings.report.device, "br0");
    assert_eq!(settings.report.port, 6940);
    assert_eq!(settings.report.interval, second);
}

#[test]
fn everything_can_be_said_in_any_order_and_with_comments() {
    let settings = Settings::read(
        "# the router in the corner\n\
         report interval 500ms port 7000 device br0\n\
         probe need 2, lost-after 150ms, interval 0.25s   # fast\n\
         target 192.0.2.1\n\ntarget 192.0.2.2\r\n\
         uplink ppp0\n\tname rafa",
    )
    .expect("nothing is wrong with it");
    assert_eq!(settings.name, "rafa");
    assert_eq!(settings.uplink, "ppp0");
    assert_eq!(settings.targets, [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)]);
    let (interval, lost_after) = (Duration::from_millis(250), Duration::from_millis(150));
    assert_eq!(settings.probe, Probe { interval, lost_after, need: 2 });
    assert_eq!(settings.report.device, "br0");
    assert_eq!(settings.report.port, 7000);
    assert_eq!(settings.report.interval, Duration::from_millis(500));
}

/// What is appended to a file without mistakes, and what is said then.
#[test]
fn a_mistake_is_told_with_its_line_and_column() {
    let cases = [
        (
            "uplnik vlan1",
            "5:1: 'uplnik' is no directive; there are name, uplink, target, probe and report",
        ),
        ("name", "5:1: 'name' stands here a second time"),
        ("target", "5:1: 'target' wants a value"),
        ("target 192.0.2.2 192.0.2.3", "5:18: '192.0.2.3' is one word too many"),
        ("target 192.0.2.256", "5:8: '192.0.2.256' is no IPv4 address of a host"),
        ("target 255.255.255.255", "5:8: '255.255.255.255' is no IPv4 address of a host"),
        ("target 0.0.0.0", "5:8: '0.0.0.0' is no IPv4 address of a host"),
        ("target 192.0.2.1", "5:8: '192.0.2.1' stands here a second time"),
        ("probe intervall 1s", "5:7: 'intervall' is no key of this directive"),
        ("probe interval", "5:7: 'interval' wants a value"),
        ("probe interval soon", "5:16: 'soon' is no time; 1s or 250ms is, up to an hour"),
        ("probe interval 0s", "5:16: '0s' is no time; 1s or 250ms is, up to an hour"),
        ("probe interval 61min", "5:16: '61min' is no time; 1s or 250ms is, up to an hour"),
        ("probe need 1 need 1", "5:14: 'need' stands here a second time"),
        ("probe need 0", "5:12: '0' is no number in its range"),
        ("probe need +1", "5:12: '+1' is no number in its range"),
        ("probe need 256", "5:12: '256' is no number in its range"),
        ("probe need 2", "need is larger than the number of targets"),
        ("probe interval 1s lost-after 2s", "lost-after is longer than interval"),
        ("report device br1", "5:1: 'report' stands here a second time"),
    ];
    for (line, expected) in cases {
        let text = format!("{MINIMAL}{line}\n");
        let said = Settings::read(&text).expect_err(line).to_string();
        assert_eq!(said, expected, "{line}");
    }
}

#[test]
fn each_directive_that_has_no_default_is_asked_for() {
    for (missing, line) in [("name", 0), ("uplink", 1), ("target", 2), ("report", 3)] {
        let rest = MINIMAL.lines().enumerate().filter(|(at, _)| *at != line);
        let text = rest.fold(String::new(), |text, (_, line)| text + line + "\n");
        let said = Settings::read(&text).expect_err(missing).to_string();
        assert_eq!(said, format!("there is no '{missing}'"));
    }
    let said = Settings::read("report port 6940").expect_err("it has no device").to_string();
    assert_eq!(said, "1:1: there is no 'device'");
    let said = Settings::read("report port 65536").expect_err("that is no port").to_string();
    assert_eq!(said, "1:13: '65536' is no number in its range");
}

#[test]
fn every_bound_is_told_and_not_passed() {
    let mut text = String::from("name clase\nuplink vlan1\nreport device br0\n");
    for host in 1..=TARGETS_MAX {
        writeln!(text, "target 192.0.2.{host}").expect("memory");
    }
    let settings = Settings::read(&text).expect("that is as many as it takes");
    assert_eq!(settings.targets.len(), TARGETS_MAX);
    text.push_str("target 198.51.100.1\n");
    let said = Settings::read(&text).expect_err("that is one more").to_string();
    assert_eq!(said, "12:8: a router has at most 8 targets");

    let long = "x".repeat(latido_core::limits::NAME_MAX + 1);
    let text = format!("name {long}");
    let said = Settings::read(&text).expect_err("that is too long").to_string();
    assert_eq!(said, format!("1:6: '{long}' is too long for a name"));

    let words = "word ".repeat(latido_core::limits::WORDS_MAX + 1);
    let said = Settings::read(&words).expect_err("those are too many").to_string();
    assert_eq!(said, "1:321: a line with too many words");
}
