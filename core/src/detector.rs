//! Whether a node lives, judged by its silence.
//!
//! A node is heard when a `status` of it arrives (a ping node: when it answers),
//! over whichever link. Silence for its deadtime is death; nothing else is, and
//! never before the deadline. Each link of a node is watched in the same way, by
//! any packet; a dead link is told and changes no decision.

use crate::id::LinkId;
use crate::limits::LINKS_MAX;
use crate::time::{Duration, Instant};
use crate::wire::Status;

/// One node's signs of life.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    status: Status,
    heard_at: Option<Instant>,
    /// What it advertised (`dt`), or the configured one; the larger counts.
    deadtime: Duration,
    links: [Option<Instant>; LINKS_MAX],
}

/// A gap between two beats that is longer than it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lateness {
    /// In time.
    Timely,
    /// Longer than `warntime`.
    Late(Duration),
    /// Longer than `deadtime`: it would have been declared dead, had we looked.
    TooLate(Duration),
}

impl Detector {
    pub(crate) const fn new(deadtime: Duration) -> Self {
        Self { status: Status::Init, heard_at: None, deadtime, links: [None; LINKS_MAX] }
    }

    /// The status last heard, or [`Status::Dead`].
    pub(crate) const fn status(&self) -> Status {
        self.status
    }

    /// When it was last heard.
    pub(crate) const fn heard_at(&self) -> Option<Instant> {
        self.heard_at
    }

    /// Whether it has been heard, and is not dead.
    pub(crate) const fn is_alive(&self) -> bool {
        self.heard_at.is_some() && !matches!(self.status, Status::Dead)
    }

    /// Whether it needs no more waiting for: it has been heard, or is dead.
    pub(crate) const fn is_decided(&self) -> bool {
        self.heard_at.is_some() || matches!(self.status, Status::Dead)
    }

    /// Notes a beat. Returns how late it was and whether the status is a new one.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        status: Status,
        deadtime: Duration,
        warntime: Duration,
    ) -> (Lateness, bool) {
        let was_dead = self.status == Status::Dead;
        let lateness = match self.heard_at.map(|heard| now.since(heard)) {
            Some(_) if was_dead => Lateness::Timely,
            Some(interval) if interval > self.deadtime => Lateness::TooLate(interval),
            Some(interval) if interval > warntime => Lateness::Late(interval),
            Some(_) | None => Lateness::Timely,
        };
        let changed = self.status != status || self.heard_at.is_none();
        self.heard_at = Some(now);
        self.status = status;
        self.deadtime = deadtime;
        (lateness, changed)
    }

    /// Forgets when it was heard: the next beat is its first, of a new life.
    pub(crate) const fn reset(&mut self) {
        self.heard_at = None;
        self.status = Status::Init;
    }

    /// When its silence becomes death: `start` counts as a sign of life, and
    /// `grace` is the least time to wait. None once it is dead.
    pub(crate) fn dead_at(&self, start: Instant, grace: Duration) -> Option<Instant> {
        if self.status == Status::Dead {
            return None;
        }
        Some(self.heard_at.unwrap_or(start).after(self.deadtime.max(grace)))
    }

    /// Declares it dead.
    ///
    /// # Panics
    /// If it is dead already.
    pub(crate) fn die(&mut self) {
        assert!(self.status != Status::Dead, "a node dies once");
        self.status = Status::Dead;
    }

    /// Notes a packet over `link`. Returns whether the link was dead until now.
    pub(crate) fn hear_link(&mut self, now: Instant, link: LinkId) -> bool {
        let heard = self.links.get_mut(link.index()).expect("a link is one of the configured");
        heard.replace(now).is_none()
    }

    /// When something was last heard over `link`; none while it is dead.
    pub(crate) fn link_heard_at(&self, link: LinkId) -> Option<Instant> {
        self.links.get(link.index()).copied().flatten()
    }

    /// The links that are dead now and were not before, the first to die first.
    pub(crate) fn bury_links(&mut self, now: Instant, all: bool) -> impl Iterator<Item = LinkId> {
        let deadtime = self.deadtime;
        self.links.iter_mut().enumerate().filter_map(move |(place, heard)| {
            let dead_at = (*heard)?.after(deadtime);
            (all || dead_at <= now).then(|| {
                *heard = None;
                LinkId(u8::try_from(place).expect("a table of links is short"))
            })
        })
    }

    /// When the next link falls silent for good.
    pub(crate) fn link_deadline(&self) -> Option<Instant> {
        self.links.iter().flatten().min().map(|heard| heard.after(self.deadtime))
    }
}

#[cfg(test)]
mod tests;
