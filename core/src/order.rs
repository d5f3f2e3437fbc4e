//! What one ownership order asks of a resource group, and how it ended.
//!
//! Only the vocabulary that the decision (who should hold a group) and its
//! execution (`procedure`) share; neither is here. An order's number is
//! [`crate::id::Order`].

/// The level that an order asks for. Levels, not steps: only the latest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// Every resource of the group runs here.
    Held,
    /// No resource of the group runs here.
    Released,
}

/// How an order ended. Only the latest order of a group is ever settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The group is at the level that was ordered.
    Done,
    /// The group does not run here: `resource` could not be started and the whole
    /// group was stopped again, or `resource` could not be stopped here earlier and
    /// the group is therefore not started here any more.
    StartFailed {
        /// Its place in the group's line, from 0.
        resource: u8,
    },
    /// `resource` could not be stopped: it and those to its left may still run here.
    StopFailed {
        /// Its place in the group's line, from 0.
        resource: u8,
    },
}
