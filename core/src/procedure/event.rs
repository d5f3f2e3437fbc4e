//! What a procedure is told: orders, and how scripts ended.

use core::fmt;

use crate::id::Order;
use crate::order::Ownership;

/// What a script is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Say whether the resource runs.
    Status,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
}

impl fmt::Display for Verb {
    /// The script's last argument.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "status",
            Self::Start => "start",
            Self::Stop => "stop",
        })
    }
}

/// What `status` found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The resource runs, by [`super::judge_status`].
    Running,
    /// It does not.
    Stopped,
    /// The script did not say so in time.
    TimedOut,
    /// There is no such script.
    Missing,
}

/// How a `start` or a `stop` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Exit code 0.
    Success,
    /// Another exit code; 128 and the signal's number when a signal ended it.
    Failed {
        /// 1 to 255.
        code: u8,
    },
    /// It did not end in time and was ended.
    TimedOut,
    /// There is no such script.
    Missing,
}

/// How a script ended, with the verb that it had been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// A `status` ended.
    Status(Condition),
    /// A `start` ended.
    Start(Exit),
    /// A `stop` ended.
    Stop(Exit),
}

impl Ending {
    /// The verb that the script had been told.
    #[must_use]
    pub const fn verb(self) -> Verb {
        match self {
            Self::Status(_) => Verb::Status,
            Self::Start(_) => Verb::Start,
            Self::Stop(_) => Verb::Stop,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The group shall be at another level. An order not newer than the latest is
    /// ignored.
    Ordered {
        /// The order's number.
        order: Order,
        /// The level.
        ownership: Ownership,
    },
    /// Something of the group runs although nothing was ordered: a leftover of an
    /// earlier daemon. It is kept until an order decides.
    Found,
    /// The script that [`super::Step::Run`] asked for ended, or was ended at its limit.
    Exited {
        /// Whose script.
        resource: u8,
        /// How it ended.
        ending: Ending,
    },
    /// Time reached or passed the deadline.
    Ticked,
}
