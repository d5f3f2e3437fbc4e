//! Tables of our own file.

use latido_core::time::Duration;

use super::super::diagnostic::Source;
use super::{LatidoCf, OnStopFailure, ResourceTimeout, read};

fn latido_cf(text: &str) -> (LatidoCf, Vec<String>) {
    let mut source = Source::new("latido.cf", text);
    let latido_cf = read(&mut source);
    (latido_cf, source.into_found().iter().map(ToString::to_string).collect())
}

#[test]
fn an_empty_file_has_the_defaults() {
    assert_eq!(latido_cf("# nothing\n"), (LatidoCf::default(), Vec::new()));
    let text = "resource-timeout start 60s stop 60s status 10s\non-stop-failure block";
    assert_eq!(latido_cf(text), (LatidoCf::default(), Vec::new()));
}

#[test]
fn each_value_is_read() {
    let text = "resource-timeout stop 1.5min\nresource-timeout status 500ms start 7\n\
                on-stop-failure reboot";
    let expected = LatidoCf {
        resource_timeout: ResourceTimeout {
            start: Duration::from_secs(7),
            stop: Duration::from_secs(90),
            status: Duration::from_millis(500),
        },
        on_stop_failure: OnStopFailure::Reboot,
    };
    assert_eq!(latido_cf(text), (expected, Vec::new()));
}

#[test]
fn each_mistake_has_its_message() {
    let times = "expected a time such as 60s; units are us, ms, s and min";
    for (text, message) in [
        (
            "on-stop-failur block",
            "1:1: unknown directive `on-stop-failur` (expected resource-timeout or \
             on-stop-failure; did you mean `on-stop-failure`?)",
        ),
        (
            "on-stop-failure blok",
            "1:17: unknown word `blok` (expected block or reboot; did you mean `block`?)",
        ),
        ("on-stop-failure block now", "1:23: `on-stop-failure` takes one word (nothing more)"),
        ("on-stop-failure", "1:1: `on-stop-failure` says nothing (then block or reboot)"),
        (
            "resource-timeout begin 60s",
            "1:18: unknown word `begin` (expected start, stop or status)",
        ),
        ("resource-timeout start", "1:18: `start` has no time (then a time, such as 60s)"),
        ("resource-timeout start 60x", &format!("1:26: `x` is no unit of time ({times})")),
        ("resource-timeout stop 0s", &format!("1:23: `0s` leaves no time at all ({times})")),
        ("resource-timeout stop soon", &format!("1:23: `soon` is no time ({times})")),
    ] {
        assert_eq!(latido_cf(text).1, [format!("latido.cf:{message}")], "{text}");
    }
}
