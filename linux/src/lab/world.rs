//! What can be seen of the cluster from outside: which kernel has the virtual address, who
//! answers the client, what the consoles showed. Nothing here is a daemon's opinion of itself.

use std::collections::BTreeSet;
use std::time::Instant;

use super::network::VIP;
use super::node::Host;
use super::timeline::{Event, What};

/// What can be seen from outside of the daemons.
#[derive(Default)]
pub(crate) struct World {
    /// The interfaces that have the virtual address.
    held: [BTreeSet<u32>; 2],
    serving: Option<String>,
    lines: Vec<(Instant, Host, String)>,
}

impl World {
    /// Whether the kernel of `host` has the virtual address.
    pub(crate) fn holds_vip(&self, host: Host) -> bool {
        !self.held[position(host)].is_empty()
    }

    /// The interfaces of `host` that have the virtual address, by index.
    pub(crate) fn vip_interfaces(&self, host: Host) -> &BTreeSet<u32> {
        &self.held[position(host)]
    }

    /// The one node that has the virtual address; `None` if none or both have it.
    pub(crate) fn only_holder(&self) -> Option<Host> {
        let mut holders = Host::BOTH.into_iter().filter(|host| self.holds_vip(*host));
        holders.next().filter(|_| holders.next().is_none())
    }

    /// Whether the client is being answered by `host`.
    pub(crate) fn served_by(&self, host: Host) -> bool {
        self.serving.as_deref() == Some(host.name())
    }

    /// Whether the client is being answered at all.
    pub(crate) fn served(&self) -> bool {
        self.serving.is_some()
    }

    /// When the console of `host` first showed a line with `text` in it, after `from`.
    pub(crate) fn said(&self, host: Host, text: &str, from: Instant) -> Option<Instant> {
        let mut lines = self.lines.iter();
        let found = lines
            .find(|(at, speaker, line)| *at >= from && *speaker == host && line.contains(text));
        found.map(|(at, _, _)| *at)
    }

    /// The first line with `text` in it that any console showed after `from`.
    pub(crate) fn anyone_said(&self, text: &str, from: Instant) -> Option<(Host, &str)> {
        let mut lines = self.lines.iter();
        let found = lines.find(|(at, _, line)| *at >= from && line.contains(text));
        found.map(|(_, speaker, line)| (*speaker, line.as_str()))
    }

    /// Takes an event into account.
    pub(super) fn learn(&mut self, event: &Event) {
        match &event.what {
            What::Line { host, text } => self.lines.push((event.at, *host, text.clone())),
            What::Vip { host, held: true, interface, .. } => {
                self.held[position(*host)].insert(*interface);
            }
            What::Vip { host, held: false, interface, .. } => {
                self.held[position(*host)].remove(interface);
            }
            What::Answered { by, .. } => self.serving = Some(by.clone()),
            What::Silent => self.serving = None,
            What::Power { .. }
            | What::Started { .. }
            | What::Exited { .. }
            | What::Phase(_)
            | What::Step(_)
            | What::Fault(_)
            | What::Waiting(_) => {}
        }
    }

    /// The state in words, for a failure.
    pub(super) fn describe(&self) -> String {
        let holders: Vec<&str> =
            Host::BOTH.into_iter().filter(|host| self.holds_vip(*host)).map(Host::name).collect();
        let holders = if holders.is_empty() { "nobody".to_owned() } else { holders.join(", ") };
        let serving = self.serving.as_deref().unwrap_or("nobody");
        format!("{VIP} is held by {holders}, the client is answered by {serving}")
    }
}

/// The place of a node in arrays of two.
pub(super) fn position(host: Host) -> usize {
    match host {
        Host::Corman => 0,
        Host::Rabius => 1,
    }
}
