//! Ownership of a group: what is ordered, and what came of it.

/// A level, not an edge: what should be true of a group from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// This node runs the group.
    Held,
    /// This node runs nothing of the group.
    Released,
}

/// How carrying out an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The level holds.
    Done,
    /// A resource did not start; the whole group has been stopped.
    StartFailed {
        /// Its place in the group.
        resource: u8,
    },
    /// A resource did not stop and still runs.
    StopFailed {
        /// Its place in the group.
        resource: u8,
    },
}
