//! From events to bars: in which state a node was from when to when, and for how long it held
//! the virtual address.

use std::time::Instant;

use crate::lab::node::Host;
use crate::lab::timeline::{Event, What};

/// A time in which something was so.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) from: Instant,
    pub(super) to: Instant,
    pub(super) word: &'static str,
    pub(super) colour: &'static str,
}

const OFF: (&str, &str) = ("#d1d5db", "no power");
const POWERED: (&str, &str) = ("#fecaca", "no daemon");
const STARTING: (&str, &str) = ("#fde68a", "starting");
const ACTIVE: (&str, &str) = ("#bbf7d0", "active");
const CORMAN: (&str, &str) = ("#7dd3fc", "corman");
const RABIUS: (&str, &str) = ("#d8b4fe", "rabius");

/// The colours and their words.
pub(super) const LEGEND: [(&str, &str); 6] = [OFF, POWERED, STARTING, ACTIVE, CORMAN, RABIUS];

/// The colour of what a node holds and answers.
pub(super) fn colour(host: Host) -> &'static str {
    match host {
        Host::Corman => CORMAN.0,
        Host::Rabius => RABIUS.0,
    }
}

/// The states of a node, one after the other.
pub(super) fn states(host: Host, events: &[Event], start: Instant, end: Instant) -> Vec<Bar> {
    let bar = |from, to, (colour, word)| Bar { from, to, word, colour };
    let (mut from, mut state) = (start, OFF);
    let mut bars = Vec::new();
    for event in events {
        let next = match &event.what {
            What::Power { host: h, on } if *h == host => {
                if *on {
                    POWERED
                } else {
                    OFF
                }
            }
            What::Started { host: h } if *h == host => STARTING,
            What::Exited { host: h, .. } if *h == host => POWERED,
            What::Line { host: h, text } if *h == host => {
                if text.ends_with("Local status now set to: 'active'") { ACTIVE } else { state }
            }
            _ => state,
        };
        if next != state {
            bars.push(bar(from, event.at, state));
            (from, state) = (event.at, next);
        }
    }
    bars.push(bar(from, end, state));
    bars
}

/// The times in which a node held the virtual address on any interface.
pub(super) fn addresses(host: Host, events: &[Event], end: Instant) -> Vec<Bar> {
    let bar = |from, to| Bar { from, to, word: host.name(), colour: colour(host) };
    let mut since = None;
    let mut on = Vec::new();
    let mut bars = Vec::new();
    for event in events {
        match &event.what {
            What::Vip { host: h, held: true, interface, .. } if *h == host => {
                on.push(*interface);
                since.get_or_insert(event.at);
            }
            What::Vip { host: h, held: false, interface, .. } if *h == host => {
                on.retain(|one| one != interface);
                if on.is_empty() {
                    bars.extend(since.take().map(|from| bar(from, event.at)));
                }
            }
            _ => {}
        }
    }
    bars.extend(since.map(|from| bar(from, end)));
    bars
}
