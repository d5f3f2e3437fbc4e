//! The messages that this node has sent, kept for retransmission.
//!
//! A ring of [`HISTORY_MAX`] slots, indexed by sequence number: the newest
//! message takes the oldest's slot. The load and the time stamp are not kept; a
//! retransmission is stamped anew when it is rendered.

use crate::action::Transmission;
use crate::id::Sequence;
use crate::limits::{HISTORY_MAX, REXMIT_BURST_MAX};
use crate::time::{Duration, Instant};
use crate::wire::NakReason;

/// A message is not sent again within so long: a request comes once per link
/// (specification 4.4).
const RESEND_AFTER: Duration = Duration::from_millis(240);

/// The last [`HISTORY_MAX`] messages with a number.
#[derive(Clone, Debug)]
pub(crate) struct History {
    slots: [Option<Transmission>; HISTORY_MAX],
    resent_at: [Option<Instant>; HISTORY_MAX],
    refused_at: Option<Instant>,
    refused: usize,
    last: Sequence,
    acknowledged: Sequence,
}

/// What is found for a requested number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// It can be sent again.
    Kept(Transmission),
    /// It cannot, for this reason.
    Gone(NakReason),
    /// The other node has acknowledged it: nothing to do.
    Acknowledged,
    /// It has not been sent yet.
    Unsent,
}

impl History {
    pub(crate) const fn new() -> Self {
        Self {
            slots: [None; HISTORY_MAX],
            resent_at: [None; HISTORY_MAX],
            refused_at: None,
            refused: 0,
            last: Sequence(0),
            acknowledged: Sequence(0),
        }
    }

    /// The highest number given so far.
    pub(crate) const fn last(&self) -> Sequence {
        self.last
    }

    /// Gives `transmission` the next number and keeps it.
    pub(crate) fn keep(&mut self, mut transmission: Transmission) -> Transmission {
        assert!(transmission.message.is_sequenced(), "only numbered messages are kept");
        self.last = self.last.next();
        transmission.sequence = Some(self.last);
        *self.slot(self.last) = Some(transmission);
        *self.resent(self.last) = None;
        transmission
    }

    /// The other node has everything up to and including `sequence`. A number
    /// that was never sent is ignored (specification 4.3).
    pub(crate) fn acknowledge(&mut self, sequence: Sequence) {
        if sequence <= self.last && sequence > self.acknowledged {
            self.acknowledged = sequence;
        }
    }

    /// Forgets what the other node acknowledged: it has started anew.
    pub(crate) const fn forget_acknowledgements(&mut self) {
        self.acknowledged = Sequence(0);
    }

    /// What can be done for a request of `sequence` (specification 4.4).
    pub(crate) fn look_up(&mut self, sequence: Sequence) -> Lookup {
        if sequence > self.last {
            return Lookup::Unsent;
        }
        if sequence <= self.acknowledged {
            return Lookup::Acknowledged;
        }
        let lowest = self.last.0.saturating_sub(HISTORY_MAX as u64);
        if sequence.0 <= lowest {
            return Lookup::Gone(NakReason::TooLow);
        }
        match *self.slot(sequence) {
            Some(kept) if kept.sequence == Some(sequence) => Lookup::Kept(kept),
            Some(_) | None => Lookup::Gone(NakReason::NotFound),
        }
    }

    /// Whether `sequence` may be sent again now: it was not just before.
    pub(crate) fn may_resend(&mut self, now: Instant, sequence: Sequence) -> bool {
        let resent = self.resent(sequence);
        let due = resent.is_none_or(|at| now.since(at) >= RESEND_AFTER);
        if due {
            *resent = Some(now);
        }
        due
    }

    /// Whether a refusal may be sent now: as many as a request can name, then a pause.
    pub(crate) fn may_refuse(&mut self, now: Instant) -> bool {
        if self.refused_at.is_none_or(|at| now.since(at) >= RESEND_AFTER) {
            (self.refused_at, self.refused) = (Some(now), 0);
        }
        self.refused += 1;
        self.refused <= REXMIT_BURST_MAX
    }

    fn resent(&mut self, sequence: Sequence) -> &mut Option<Instant> {
        self.resent_at.get_mut(place(sequence)).expect("a remainder is within the ring")
    }

    fn slot(&mut self, sequence: Sequence) -> &mut Option<Transmission> {
        self.slots.get_mut(place(sequence)).expect("a remainder is within the ring")
    }
}

/// The place of a number in the ring.
fn place(sequence: Sequence) -> usize {
    usize::try_from(sequence.0 % HISTORY_MAX as u64).expect("the ring is shorter than 2^32")
}

#[cfg(test)]
mod tests;
