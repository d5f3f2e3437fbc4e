//! Time limits of scripts, and what happens when a stop fails for good.

use crate::time::Duration;

/// What happens when a resource cannot be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnStopFailure {
    /// The group stays as it is, and is never started here before it was stopped.
    Block,
    /// The machine is restarted, as the original does.
    Reboot,
}

/// Time limits and last resorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// How long one `start` may take; longer is a failure.
    pub start: Duration,
    /// How long one `stop` may take; longer is a failed stop, to be tried again.
    pub stop: Duration,
    /// How long one `status` may take.
    pub status: Duration,
    /// From a failed stop to the next.
    pub retry_interval: Duration,
    /// Stops of one resource after the first; the original's `HA_STOPRETRYMAX`.
    pub retries: u8,
    /// From the first stop of a resource to the end of its last.
    pub stop_bound: Duration,
    /// What happens when all of them failed.
    pub on_stop_failure: OnStopFailure,
}

impl Policy {
    /// What holds where the configuration says nothing.
    pub const DEFAULT: Self = Self {
        start: Duration::from_secs(60),
        stop: Duration::from_secs(60),
        status: Duration::from_secs(10),
        retry_interval: Duration::from_secs(1),
        retries: 10,
        stop_bound: Duration::from_secs(120),
        on_stop_failure: OnStopFailure::Block,
    };
}
