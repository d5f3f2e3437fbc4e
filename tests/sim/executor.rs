//! The resources of one group on one host: the contract of `Own`, and nothing more.
//!
//! One script runs at a time and is let finish; then the latest level is gone to,
//! and only that order is settled. A level that already holds settles at once.

use latido_core::id::Order;
use latido_core::{Outcome, Ownership};

/// One group on one host.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Executor {
    /// The resources run, or something of them: from the first moment of a start to
    /// the last one of a stop.
    pub(crate) running: bool,
    pub(crate) job: Option<Job>,
    pub(crate) latest: Option<(Order, Ownership)>,
    /// The latest order has been settled.
    pub(crate) settled: bool,
}

/// A script at work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) order: Order,
    pub(crate) level: Ownership,
    pub(crate) fails: bool,
}

/// What an executor is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Nothing,
    Settle(Order, Outcome),
    Begin(Order, Ownership),
}

impl Executor {
    /// A new order has come.
    pub(crate) fn order(&mut self, order: Order, level: Ownership) -> Next {
        assert!(self.latest.is_none_or(|(last, _)| last < order), "orders count upwards");
        self.latest = Some((order, level));
        self.settled = false;
        if self.job.is_some() { Next::Nothing } else { self.next() }
    }

    /// The script at work has begun.
    pub(crate) fn begin(&mut self, job: Job) {
        self.running = true;
        self.job = Some(job);
    }

    /// The script at work has ended.
    pub(crate) fn end(&mut self) -> Next {
        let job = self.job.take().expect("only a script at work ends");
        self.running = (job.level == Ownership::Held) != job.fails;
        if self.latest.is_none_or(|(latest, _)| latest != job.order) {
            return self.next();
        }
        self.settled = true;
        let outcome = match (job.fails, job.level) {
            (false, _) => Outcome::Done,
            (true, Ownership::Held) => Outcome::StartFailed { resource: 0 },
            (true, Ownership::Released) => Outcome::StopFailed { resource: 0 },
        };
        Next::Settle(job.order, outcome)
    }

    fn next(&mut self) -> Next {
        let Some((order, level)) = self.latest else { return Next::Nothing };
        if self.settled {
            return Next::Nothing;
        }
        if self.running == (level == Ownership::Held) {
            self.settled = true;
            return Next::Settle(order, Outcome::Done);
        }
        Next::Begin(order, level)
    }

    /// Whether it is on its way to stop, or will be.
    pub(crate) fn is_releasing(&self) -> bool {
        !self.settled && matches!(self.latest, Some((_, Ownership::Released)))
    }

    /// The daemon is gone; what runs goes on, a script at work ends.
    pub(crate) fn forsake(&mut self) {
        *self = Self { running: self.running, ..Self::default() };
    }
}
