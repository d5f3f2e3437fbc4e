//! The lines of the timeline.

use std::time::{Duration, Instant};

use super::{Event, Form, Timeline, What};
use crate::lab::node::Host;

fn line(host: Host, at: Instant) -> Event {
    Event { at, what: What::Line { host, text: "WARN: node corman: is dead".to_owned() } }
}

#[test]
fn times_count_from_the_start_and_then_from_the_last_fault() {
    let mut timeline = Timeline::new(Form::Text { coloured: false }, false);
    let start = timeline.start;
    let event = line(Host::Rabius, start + Duration::from_millis(1500));
    assert_eq!(timeline.render(&event), "   1.500 s  rabius   WARN: node corman: is dead");
    timeline.fault = Some(start + Duration::from_millis(1048));
    assert_eq!(timeline.render(&event), "  +0.452 s  rabius   WARN: node corman: is dead");
    let before = line(Host::Rabius, start + Duration::from_millis(1000));
    assert_eq!(timeline.render(&before), "  -0.048 s  rabius   WARN: node corman: is dead");
}

#[test]
fn json_has_both_times_and_one_object_a_line() {
    let mut timeline = Timeline::new(Form::Json, false);
    timeline.fault = Some(timeline.start + Duration::from_millis(1000));
    let event = line(Host::Corman, timeline.start + Duration::from_micros(1_452_340));
    let written: serde_json::Value =
        serde_json::from_str(&timeline.render(&event)).expect("it is JSON");
    assert_eq!(
        written,
        serde_json::json!({
            "at_ms": 1452.3, "since_fault_ms": 452.3, "who": "corman", "kind": "log",
            "text": "WARN: node corman: is dead",
        })
    );
}
