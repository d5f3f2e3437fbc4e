//! What a run has seen, counted, so that a test that tests nothing is noticed.

use std::collections::BTreeMap;
use std::fmt;

use super::scenario::SECOND;

/// What every long enough run must have seen at least once.
const REQUIRED: [&str; 34] = [
    "announcement",
    "beat lost",
    "burst",
    "clock drift",
    "cold start",
    "daemon crash",
    "datagram duplicated",
    "datagram reordered",
    "death of a node",
    "death of a ping node",
    "failback",
    "found leftover",
    "full socket",
    "garbage",
    "group that failed to start",
    "group that failed to stop",
    "half partition",
    "healed split",
    "jitter",
    "link cut",
    "link device lost",
    "node crash",
    "one-way cut",
    "partition",
    "pause",
    "ping silence",
    "record lost",
    "replay",
    "replay to a fresh receiver",
    "retransmission",
    "shutdown",
    "standby command",
    "takeover",
    "takeover command",
];

/// Counters by name, and the time that was simulated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    counts: BTreeMap<&'static str, u64>,
    /// Simulated microseconds.
    pub(crate) simulated: u64,
    /// Calls of `handle`.
    pub(crate) steps: u64,
}

impl Census {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        self.simulated += other.simulated;
        self.steps += other.steps;
    }

    /// What should have been seen and was not.
    pub(crate) fn unseen(&self) -> Vec<&'static str> {
        REQUIRED.into_iter().filter(|what| !self.counts.contains_key(what)).collect()
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.simulated / SECOND / 3_600;
        writeln!(f, "{:>12}  simulated hours", hours)?;
        writeln!(f, "{:>12}  steps", self.steps)?;
        self.counts.iter().try_for_each(|(what, count)| writeln!(f, "{count:>12}  {what}"))
    }
}
