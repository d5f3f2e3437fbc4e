//! The order in which events are told. A log line passes through the daemon's scribe and a pipe
//! before the lab sees it, and the kernel's word on an address comes at once, so that effects
//! would stand before their causes. Events are held for a moment and put right.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Event, What};
use crate::lab::node::Host;

/// How long an event is held: longer than a line takes from the daemon to the lab.
const HOLD: Duration = Duration::from_millis(25);

/// Events that are not told yet, as they came.
#[derive(Default)]
pub(super) struct Order {
    held: VecDeque<Event>,
}

impl Order {
    /// Takes an event; it comes back from `due` or `rest`.
    pub(super) fn push(&mut self, event: Event) {
        self.held.push_back(event);
    }

    /// When the next event is to be told.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.front().map(|first| first.at + HOLD)
    }

    /// The next event that has been held long enough.
    pub(super) fn due(&mut self, now: Instant) -> Option<Event> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.rest()
    }

    /// The next event, however young.
    pub(super) fn rest(&mut self) -> Option<Event> {
        let first = self.held.front()?;
        let What::Vip { host, held, .. } = &first.what else { return self.held.pop_front() };
        let (host, latest) = (*host, first.at);
        let word = if *held { " start" } else { " stop" };
        let of_host =
            |event: &Event| matches!(&event.what, What::Line { host: h, .. } if *h == host);
        let cause = |event: &Event| is_cause(event, host, word);
        if !self.held.iter().any(cause) {
            return self.held.pop_front();
        }
        // The node said this before it touched the address, so it was said by then.
        let position = self.held.iter().position(of_host).expect("the cause is one of them");
        let mut line = self.held.remove(position).expect("it was found there");
        line.at = line.at.min(latest);
        Some(line)
    }
}

/// Whether a line announces what happens to an address of `host`.
fn is_cause(event: &Event, host: Host, word: &str) -> bool {
    match &event.what {
        What::Line { host: speaker, text } => {
            *speaker == host
                && text.contains("Running ")
                && text.contains("IPaddr")
                && text.ends_with(word)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
