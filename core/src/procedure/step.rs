//! What a procedure asks for.

use super::{Report, Verb};
use crate::id::Order;
use crate::limits::STEPS_MAX;
use crate::order::Outcome;
use crate::time::Duration;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Call a resource's script, end it at its limit, and answer with
    /// [`super::Event::Exited`]. No other `Run` comes before that answer.
    Run {
        /// Whose script.
        resource: u8,
        /// What it is told to do.
        verb: Verb,
        /// How long it may take.
        limit: Duration,
    },
    /// The latest order has ended.
    Settle {
        /// Its number.
        order: Order,
        /// How.
        outcome: Outcome,
    },
    /// Restart the machine at once: a resource cannot be stopped and the policy
    /// says so.
    Reboot {
        /// The one that did not stop.
        resource: u8,
    },
    /// Log it.
    Tell(Report),
}

/// What one turn asks for, in order.
pub type Steps = heapless::Vec<Step, STEPS_MAX>;

/// Adds `step` to `steps`.
pub(super) fn push(steps: &mut Steps, step: Step) {
    steps.push(step).expect("STEPS_MAX covers the largest turn");
}
