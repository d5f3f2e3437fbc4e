//! What has arrived from the other node: duplicates, gaps, acknowledgements
//! (specification 4.2 to 4.4).
//!
//! Every message comes once per link, so a duplicate is the normal case. The
//! original sends a pair out of order now and then, so a gap is first waited for.

use heapless::Vec;

use crate::id::Sequence;
use crate::limits::{LOST_MAX, REQUESTS_PER_TURN};
use crate::random::Random;
use crate::time::{Duration, Instant};

/// An acknowledgement is sent for every tenth message.
const ACK_EVERY: u64 = 10;
/// A first request waits at least so long, and at most `max_rexmit_delay`.
const FIRST_DELAY_MIN: Duration = Duration::from_millis(50);
/// Below this `max_rexmit_delay`, the first request waits from nothing to it.
const SHORT_DELAY: Duration = Duration::from_millis(100);

/// The sequence state of one origin, in one generation of it.
#[derive(Clone, Debug)]
pub(crate) struct Reception {
    last: Option<Sequence>,
    missing: Vec<Missing, LOST_MAX>,
    /// Which last digit we acknowledge: 0 to 9.
    trigger: u64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    sequence: Sequence,
    ask_at: Instant,
}

/// What to do with a message, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is new: deliver it.
    New(Gap),
    /// It came before, as the newest one: it only shows that its link works.
    Duplicate,
    /// It came before, or is too old to be of use.
    Old,
}

/// What a new message does to the gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// It is the one expected.
    None,
    /// Those between `after` and the new one have not come.
    Lost {
        /// The number before the gap.
        after: Sequence,
        /// How many are missing.
        count: u64,
    },
    /// The gap is too wide: nothing of it is asked for.
    GivenUp {
        /// The number before the gap.
        after: Sequence,
        /// How many are missing.
        count: u64,
    },
    /// It was missing, and others still are.
    Filled,
    /// It was the last one missing.
    Closed,
}

impl Reception {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self { last: None, missing: Vec::new(), trigger: random.below(ACK_EVERY) }
    }

    /// The newest number received.
    pub(crate) const fn last(&self) -> Option<Sequence> {
        self.last
    }

    /// Forgets all numbers: the origin has started anew.
    pub(crate) fn reset(&mut self) {
        self.last = None;
        self.missing.clear();
    }

    /// Notes the arrival of `sequence`.
    pub(crate) fn note(
        &mut self,
        now: Instant,
        sequence: Sequence,
        delay: Duration,
        random: &mut Random,
    ) -> Arrival {
        let Some(last) = self.last else {
            self.last = Some(sequence);
            return Arrival::New(Gap::None);
        };
        if sequence == last {
            return Arrival::Duplicate;
        }
        if sequence < last {
            return match self.missing.iter().position(|missing| missing.sequence == sequence) {
                Some(place) => {
                    self.missing.remove(place);
                    Arrival::New(if self.missing.is_empty() { Gap::Closed } else { Gap::Filled })
                }
                None => Arrival::Old,
            };
        }
        self.last = Some(sequence);
        let count = sequence.0 - last.0 - 1;
        if count == 0 {
            return Arrival::New(Gap::None);
        }
        if count > (LOST_MAX - self.missing.len()) as u64 {
            self.missing.clear();
            return Arrival::New(Gap::GivenUp { after: last, count });
        }
        for lost in last.0 + 1..sequence.0 {
            let ask_at = now.after(first_delay(delay, random));
            self.missing
                .push(Missing { sequence: Sequence(lost), ask_at })
                .expect("the count was checked above");
        }
        Arrival::New(Gap::Lost { after: last, count })
    }

    /// The origin will not send `sequence` again: it is lost for good.
    /// Returns whether we were waiting for it.
    pub(crate) fn give_up(&mut self, sequence: Sequence) -> bool {
        let before = self.missing.len();
        self.missing.retain(|missing| missing.sequence != sequence);
        self.missing.len() != before
    }

    /// What to acknowledge after a message was noted as `arrival`.
    pub(crate) fn acknowledgement(&self, sequence: Sequence, arrival: Arrival) -> Option<Sequence> {
        let due = |sequence: Sequence| sequence.0 % ACK_EVERY == self.trigger;
        match arrival {
            Arrival::New(Gap::None) => {
                (self.missing.is_empty() && due(sequence)).then_some(sequence)
            }
            Arrival::New(Gap::Closed | Gap::Filled) => {
                let whole = self.whole_up_to()?;
                let back = (whole.0 % ACK_EVERY + ACK_EVERY - self.trigger) % ACK_EVERY;
                let highest = whole.0.checked_sub(back).filter(|highest| *highest >= sequence.0);
                highest.map(Sequence)
            }
            Arrival::New(Gap::Lost { .. } | Gap::GivenUp { .. })
            | Arrival::Duplicate
            | Arrival::Old => None,
        }
    }

    /// The highest number below which nothing is missing.
    fn whole_up_to(&self) -> Option<Sequence> {
        let first_missing = self.missing.iter().map(|missing| missing.sequence).min();
        match first_missing {
            Some(missing) => Some(Sequence(missing.0 - 1)),
            None => self.last,
        }
    }

    /// The numbers to ask for now, [`REQUESTS_PER_TURN`] at most; the rest are due
    /// at once in the next turn.
    pub(crate) fn requests(
        &mut self,
        now: Instant,
        delay: Duration,
    ) -> Vec<Sequence, REQUESTS_PER_TURN> {
        let mut asked = Vec::new();
        for missing in self.missing.iter_mut().filter(|missing| missing.ask_at <= now) {
            if asked.push(missing.sequence).is_err() {
                break;
            }
            missing.ask_at = now.after(delay);
        }
        asked
    }

    /// When the next request is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.missing.iter().map(|missing| missing.ask_at).min()
    }
}

/// How long a gap is waited for before it is first asked about.
fn first_delay(max: Duration, random: &mut Random) -> Duration {
    let least = if max < SHORT_DELAY { Duration::ZERO } else { FIRST_DELAY_MIN };
    let span = max.as_micros() - least.as_micros();
    Duration::from_micros(least.as_micros() + random.below(span + 1))
}

#[cfg(test)]
mod tests;
