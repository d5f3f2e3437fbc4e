//! The simulator: two real nodes in virtual time, and everything that can go wrong.
//!
//! ```text
//! seed ──▶ scenario ──▶ world (clock, queue) ──▶ host ──▶ latido_core::Node
//!                          ▲      │                          │
//!                          └──────┴── network, scripts ◀─────┘
//!                                 └── checks after every step
//! ```
//!
//! One number decides everything: timing, links, groups, faults, delays. Frames are
//! the octets that [`latido_core::Node::render`] makes. Nothing here reads a clock.

pub(crate) mod census;
pub(crate) mod checks;
pub(crate) mod convergence;
pub(crate) mod executor;
pub(crate) mod hearing;
pub(crate) mod host;
pub(crate) mod inputs;
pub(crate) mod mutant;
pub(crate) mod network;
pub(crate) mod outputs;
pub(crate) mod plan;
pub(crate) mod scenario;
pub(crate) mod trace;
pub(crate) mod world;

use census::Census;
use mutant::Mutant;
use world::World;

/// What a run has come to.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// The hash of everything that happened.
    pub(crate) hash: u64,
    /// What was seen, counted.
    pub(crate) census: Census,
    /// The first rule that was broken.
    pub(crate) violation: Option<Violation>,
    /// What happened, in words, where that was wanted.
    pub(crate) timeline: Option<String>,
}

/// A rule that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    /// The number of the step.
    pub(crate) step: u64,
    /// The time of it, in microseconds.
    pub(crate) at: u64,
    /// Which rule, and how.
    pub(crate) what: String,
}

/// Runs the world of `seed` to its end, or to the first broken rule.
pub(crate) fn run(seed: u64, mutant: Option<Mutant>, in_words: bool) -> Verdict {
    World::new(seed, mutant, in_words).run()
}
