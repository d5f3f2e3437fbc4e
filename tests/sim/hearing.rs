//! Who hears whom, from what was in fact delivered: the simulator's own book, not
//! what a node says.
//!
//! A beat counts if it is the newest of a generation that is not over and that has
//! proven to hear the receiver; anything else may be a recording, and a node that
//! takes it for life is wrong.

use std::collections::HashSet;

use latido_core::id::Generation;
use latido_core::wire::Message;

use super::outputs::Frame;

/// What one daemon has received of the other node.
#[derive(Clone, Debug)]
pub(crate) struct Hearing {
    mine: u64,
    /// The newest generation that an authentic frame has shown.
    newest: u64,
    /// The generation that has proven itself.
    pub(crate) proven: u64,
    seen: HashSet<u64>,
    first: u64,
    last: u64,
    /// When a beat that counts came last, by the receiver's clock.
    pub(crate) beat_local: Option<u64>,
    /// The same in true time.
    pub(crate) beat_at: Option<u64>,
}

/// What a delivered frame is to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It may change anything.
    Fresh,
    /// A numbered message that was delivered before.
    Repeated,
    /// Its generation is over or not proven.
    Unbelievable,
}

impl Hearing {
    pub(crate) fn new(mine: u64, newest: u64) -> Self {
        Self {
            mine,
            newest,
            proven: 0,
            seen: HashSet::new(),
            first: 0,
            last: 0,
            beat_local: None,
            beat_at: None,
        }
    }

    /// What `frame` would be if it came now.
    pub(crate) fn judge(&self, frame: &Frame) -> News {
        if frame.generation < self.newest {
            return News::Unbelievable;
        }
        if frame.generation != self.proven {
            return if self.proves(frame) { News::Fresh } else { News::Unbelievable };
        }
        match frame.sequence {
            Some(sequence) if sequence < self.first || self.seen.contains(&sequence) => {
                News::Repeated
            }
            Some(_) | None => News::Fresh,
        }
    }

    fn proves(&self, frame: &Frame) -> bool {
        let mine = Generation(self.mine);
        matches!(frame.message, Message::Status { hears, .. } if hears == Some(mine))
    }

    /// Whether `frame` is a beat that would count if it came now.
    pub(crate) fn is_beat(&self, frame: &Frame) -> bool {
        let newest = frame.sequence.is_some_and(|sequence| {
            frame.generation != self.proven || sequence > self.last || self.seen.is_empty()
        });
        matches!(frame.message, Message::Status { .. })
            && newest
            && self.judge(frame) == News::Fresh
    }

    /// Notes that `frame` has been delivered.
    pub(crate) fn note(&mut self, frame: &Frame, now: u64, local: u64) -> News {
        let news = self.judge(frame);
        let beat = self.is_beat(frame);
        self.newest = self.newest.max(frame.generation);
        if news != News::Fresh {
            return news;
        }
        let sequence = frame.sequence.unwrap_or(0);
        if frame.generation != self.proven {
            self.proven = frame.generation;
            self.seen.clear();
            (self.first, self.last) = (sequence, sequence);
        }
        if frame.sequence.is_some() {
            self.seen.insert(sequence);
            self.last = self.last.max(sequence);
        }
        if beat {
            (self.beat_local, self.beat_at) = (Some(local), Some(now));
        }
        news
    }

    /// The receiver's own generation.
    pub(crate) const fn mine(&self) -> u64 {
        self.mine
    }

    /// The highest number received.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// Whether the other node is heard at `now`.
    pub(crate) fn hears(&self, now: u64, deadtime: u64) -> bool {
        self.beat_at.is_some_and(|at| now - at <= deadtime)
    }
}
