//! Carrying out ownership orders for one resource group (specification 9.2).
//!
//! Decides which script of the group is called next, with what verb and time limit,
//! and when an order is settled. Whether the group *should* be held is decided
//! elsewhere; calling scripts, ending them at their limit and judging their text
//! is the edge's part.
//!
//! A group is taken left to right: `status`, and `start` where it does not run. It
//! is given right to left by `stop`, without asking first. At most one script runs
//! at a time. Orders are levels: an order that comes while a script runs lets it
//! end, then the group goes to the *latest* level, and only the latest order is
//! settled. A level that already holds settles at once.

mod event;
mod policy;
mod report;
mod status;
mod step;
#[cfg(test)]
mod tests;

pub use event::{Condition, Ending, Event, Exit, Verb};
pub use policy::{OnStopFailure, Policy};
pub use report::{Line, Names, Report};
pub use status::judge_status;
pub use step::{Step, Steps};

use step::push;

use crate::id::Order;
use crate::limits::RESOURCES_MAX;
use crate::order::{Outcome, Ownership};
use crate::time::{Duration, Instant};

/// What is known about a group while nothing is being done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// Nothing was ordered yet and nothing was found.
    Unknown,
    /// Something of it runs, by no order.
    Leftover,
    /// All of it runs.
    Held,
    /// All of it was stopped, or it never ran.
    Released,
    /// This resource could not be stopped.
    Blocked(u8),
}

/// Why a group is being stopped; only an ordinary release may be cut short by a
/// new order to hold the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// By order.
    Ordered,
    /// Because this resource did not start under this order.
    StartFailed { resource: u8, order: Order },
    /// By order, after this resource could not be stopped: the group must be
    /// stopped entirely before it may start again.
    Blocked,
}

/// A group on its way down: the resource whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Release {
    resource: u8,
    /// Stops of this resource that came after its first.
    retries: u8,
    /// When this resource's stops must have ended.
    until: Instant,
    cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing runs, nothing is due.
    Resting(Level),
    /// `status` runs before a start.
    Checking { resource: u8 },
    /// `start` runs.
    Starting { resource: u8 },
    /// `stop` runs, until this limit.
    Stopping { release: Release, limit: Duration },
    /// A stop failed; the next is due at `until`.
    Pausing { release: Release, until: Instant },
    /// All stops failed; `status` runs.
    Confirming { release: Release },
}

/// The procedure of one group. See the module for the rules.
#[derive(Clone, Debug)]
pub struct Procedure {
    resources: u8,
    policy: Policy,
    latest: Option<(Order, Ownership)>,
    state: State,
    /// Resources that are known to run, one bit each: they started or said so, and
    /// were not stopped since.
    running: u32,
}

impl Procedure {
    /// A group of `resources` resources (1 to [`RESOURCES_MAX`]) of which nothing is
    /// known yet.
    ///
    /// # Panics
    /// If `resources` is out of range: the configuration was to refuse it.
    #[must_use]
    pub fn new(resources: u8, policy: Policy) -> Self {
        assert!((1..=RESOURCES_MAX).contains(&usize::from(resources)), "a group has 1 to 32");
        let state = State::Resting(Level::Unknown);
        Self { resources, policy, latest: None, state, running: 0 }
    }

    /// When [`Event::Ticked`] is due: only between a failed stop and the next.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Pausing { until, .. } => Some(until),
            State::Resting(_)
            | State::Checking { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Confirming { .. } => None,
        }
    }

    /// The script that runs: what an [`Event::Exited`] is expected for.
    #[must_use]
    pub const fn in_flight(&self) -> Option<(u8, Verb)> {
        match self.state {
            State::Resting(_) | State::Pausing { .. } => None,
            State::Checking { resource } => Some((resource, Verb::Status)),
            State::Starting { resource } => Some((resource, Verb::Start)),
            State::Stopping { release, .. } => Some((release.resource, Verb::Stop)),
            State::Confirming { release } => Some((release.resource, Verb::Status)),
        }
    }

    /// Takes in what happened and says what to do, in order.
    ///
    /// # Panics
    /// If an ending is reported of a script that was not asked for.
    #[must_use]
    pub fn handle(&mut self, now: Instant, event: Event) -> Steps {
        let mut steps = Steps::new();
        match event {
            Event::Ordered { order, ownership } => self.ordered(now, order, ownership, &mut steps),
            Event::Found => self.found(),
            Event::Exited { resource, ending } => {
                let expected = Some((resource, ending.verb()));
                assert_eq!(self.in_flight(), expected, "only what was asked for can end");
                self.exited(now, ending, &mut steps);
            }
            Event::Ticked => self.ticked(now, &mut steps),
        }
        steps
    }

    fn ordered(&mut self, now: Instant, order: Order, ownership: Ownership, steps: &mut Steps) {
        if self.latest.is_some_and(|(latest, _)| order <= latest) {
            return;
        }
        self.latest = Some((order, ownership));
        match self.state {
            State::Resting(level) => self.leave(now, level, ownership, steps),
            State::Pausing { release, .. } if self.cuts_short(release) => self.acquire(steps),
            // What runs is let end; what comes then is decided by the latest order.
            State::Pausing { .. }
            | State::Checking { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Confirming { .. } => {}
        }
    }

    /// From rest towards `ownership`.
    fn leave(&mut self, now: Instant, level: Level, ownership: Ownership, steps: &mut Steps) {
        match (ownership, level) {
            (Ownership::Held, Level::Held) | (Ownership::Released, Level::Released) => {
                self.settle(Outcome::Done, steps);
            }
            // Nothing was found at the start, so there is nothing to stop.
            (Ownership::Released, Level::Unknown) => {
                self.rest(Level::Released);
                self.settle(Outcome::Done, steps);
            }
            (Ownership::Held, Level::Unknown | Level::Leftover | Level::Released) => {
                self.acquire(steps);
            }
            (Ownership::Held, Level::Blocked(resource)) => {
                push(steps, Step::Tell(Report::StillBlocked { resource }));
                self.settle(Outcome::StartFailed { resource }, steps);
            }
            (Ownership::Released, Level::Held | Level::Leftover) => {
                self.release(now, Cause::Ordered, steps);
            }
            // The operator may have mended it: a new order tries again.
            (Ownership::Released, Level::Blocked(_)) => self.release(now, Cause::Blocked, steps),
        }
    }

    fn found(&mut self) {
        match self.state {
            State::Resting(Level::Unknown | Level::Released) => self.rest(Level::Leftover),
            // What is held or cannot be stopped is known to run, and what is under way
            // ends with every resource started or stopped.
            State::Resting(Level::Leftover | Level::Held | Level::Blocked(_))
            | State::Checking { .. }
            | State::Starting { .. }
            | State::Stopping { .. }
            | State::Pausing { .. }
            | State::Confirming { .. } => {}
        }
    }

    fn ticked(&mut self, now: Instant, steps: &mut Steps) {
        if let State::Pausing { release, until } = self.state
            && now >= until
        {
            push(steps, Step::Tell(Report::Retrying { resource: release.resource }));
            self.stop(now, Release { retries: release.retries + 1, ..release }, steps);
        }
    }

    fn exited(&mut self, now: Instant, ending: Ending, steps: &mut Steps) {
        match (self.state, ending) {
            (State::Checking { resource }, Ending::Status(condition)) => {
                self.checked(now, resource, condition, steps);
            }
            (State::Starting { resource }, Ending::Start(exit)) => {
                self.started(now, resource, exit, steps);
            }
            (State::Stopping { release, limit }, Ending::Stop(exit)) => {
                self.stopped(now, release, limit, exit, steps);
            }
            (State::Confirming { release }, Ending::Status(condition)) => {
                self.confirmed(now, release, condition, steps);
            }
            _ => unreachable!("handle compared the ending with the state"),
        }
    }

    fn checked(&mut self, now: Instant, resource: u8, condition: Condition, steps: &mut Steps) {
        match condition {
            Condition::Running => self.running |= 1 << resource,
            // A script that cannot even say it is asked to start all the same: starting
            // what runs does no harm, and a start that hangs is a failed start.
            Condition::TimedOut => self.timed_out(resource, Verb::Status, steps),
            Condition::Stopped => self.running &= !(1 << resource),
            Condition::Missing => push(steps, Step::Tell(Report::Missing { resource })),
        }
        match (self.wanted(), condition) {
            (Ownership::Released, _) => self.release(now, Cause::Ordered, steps),
            (Ownership::Held, Condition::Running) => self.acquired(resource, steps),
            (Ownership::Held, Condition::Stopped | Condition::TimedOut) => {
                self.state = State::Starting { resource };
                push(steps, Step::Tell(Report::Running { resource, verb: Verb::Start }));
                push(steps, Step::Run { resource, verb: Verb::Start, limit: self.policy.start });
            }
            (Ownership::Held, Condition::Missing) => self.give_up(now, resource, steps),
        }
    }

    fn started(&mut self, now: Instant, resource: u8, exit: Exit, steps: &mut Steps) {
        match exit {
            Exit::Success => self.running |= 1 << resource,
            Exit::Failed { code } => push(steps, Step::Tell(Report::Returned { resource, code })),
            Exit::TimedOut => self.timed_out(resource, Verb::Start, steps),
            Exit::Missing => push(steps, Step::Tell(Report::Missing { resource })),
        }
        match (self.wanted(), exit) {
            (Ownership::Released, _) => self.release(now, Cause::Ordered, steps),
            (Ownership::Held, Exit::Success) => self.acquired(resource, steps),
            (Ownership::Held, Exit::Failed { .. } | Exit::TimedOut | Exit::Missing) => {
                self.give_up(now, resource, steps);
            }
        }
    }

    fn stopped(
        &mut self,
        now: Instant,
        release: Release,
        limit: Duration,
        exit: Exit,
        steps: &mut Steps,
    ) {
        let resource = release.resource;
        match exit {
            Exit::Success => self.running &= !(1 << resource),
            Exit::Failed { code } => push(steps, Step::Tell(Report::Returned { resource, code })),
            Exit::TimedOut => {
                push(steps, Step::Tell(Report::TimedOut { resource, verb: Verb::Stop, limit }));
            }
            Exit::Missing => push(steps, Step::Tell(Report::Missing { resource })),
        }
        if self.cuts_short(release) {
            return self.acquire(steps);
        }
        let known_to_run = self.running & 1 << resource != 0;
        match exit {
            Exit::Success => self.next_stop(now, release, steps),
            // Trying again for ten seconds would only keep the peer waiting: this node
            // has no script for what it never ran.
            Exit::Missing if !known_to_run => self.next_stop(now, release, steps),
            Exit::Failed { .. } | Exit::TimedOut | Exit::Missing => {
                let until = now.after(self.policy.retry_interval);
                if release.retries < self.policy.retries && until < release.until {
                    self.state = State::Pausing { release, until };
                } else {
                    self.state = State::Confirming { release };
                    let limit = self.policy.status;
                    push(steps, Step::Run { resource, verb: Verb::Status, limit });
                }
            }
        }
    }

    /// After the last stop of a resource failed, too.
    fn confirmed(&mut self, now: Instant, release: Release, found: Condition, steps: &mut Steps) {
        let resource = release.resource;
        if found == Condition::TimedOut {
            self.timed_out(resource, Verb::Status, steps);
        }
        if self.cuts_short(release) {
            return self.acquire(steps);
        }
        let runs = match found {
            // Who cannot say that it has stopped may run.
            Condition::Running | Condition::TimedOut => true,
            Condition::Stopped => false,
            Condition::Missing => self.running & 1 << resource != 0,
        };
        if !runs {
            self.running &= !(1 << resource);
            push(steps, Step::Tell(Report::NotCompliant { resource }));
            return self.next_stop(now, release, steps);
        }
        self.rest(Level::Blocked(resource));
        let (report, reboot) = match self.policy.on_stop_failure {
            OnStopFailure::Block => (Report::Blocked { resource }, false),
            OnStopFailure::Reboot => (Report::RebootRequired { resource }, true),
        };
        push(steps, Step::Tell(report));
        self.settle(Outcome::StopFailed { resource }, steps);
        if reboot {
            push(steps, Step::Reboot { resource });
        }
    }

    /// `resource` runs: on to its right neighbour, or the group is held.
    fn acquired(&mut self, resource: u8, steps: &mut Steps) {
        if resource + 1 < self.resources {
            self.check(resource + 1, steps);
        } else {
            self.rest(Level::Held);
            self.settle(Outcome::Done, steps);
        }
    }

    /// `resource` did not start: nothing of the group shall run, not even what was
    /// never started (specification 9.2).
    fn give_up(&mut self, now: Instant, resource: u8, steps: &mut Steps) {
        push(steps, Step::Tell(Report::GivingUp { resource }));
        let (order, _) = self.latest.expect("a start follows an order");
        self.release(now, Cause::StartFailed { resource, order }, steps);
    }

    fn acquire(&mut self, steps: &mut Steps) {
        push(steps, Step::Tell(Report::Acquiring));
        self.check(0, steps);
    }

    fn check(&mut self, resource: u8, steps: &mut Steps) {
        self.state = State::Checking { resource };
        push(steps, Step::Run { resource, verb: Verb::Status, limit: self.policy.status });
    }

    fn release(&mut self, now: Instant, cause: Cause, steps: &mut Steps) {
        push(steps, Step::Tell(Report::Releasing));
        self.first_stop(now, self.resources - 1, cause, steps);
    }

    fn first_stop(&mut self, now: Instant, resource: u8, cause: Cause, steps: &mut Steps) {
        let until = now.after(self.policy.stop_bound);
        self.stop(now, Release { resource, retries: 0, until, cause }, steps);
    }

    fn stop(&mut self, now: Instant, release: Release, steps: &mut Steps) {
        let resource = release.resource;
        // A clock that jumped over the bound still leaves this stop a moment to act in.
        let left = release.until.since(now).max(self.policy.retry_interval);
        let limit = self.policy.stop.min(left);
        self.state = State::Stopping { release, limit };
        push(steps, Step::Tell(Report::Running { resource, verb: Verb::Stop }));
        push(steps, Step::Run { resource, verb: Verb::Stop, limit });
    }

    /// `release.resource` is done with: on to its left neighbour, or the group is down.
    fn next_stop(&mut self, now: Instant, release: Release, steps: &mut Steps) {
        if let Some(resource) = release.resource.checked_sub(1) {
            return self.first_stop(now, resource, release.cause, steps);
        }
        self.running = 0;
        self.rest(Level::Released);
        let (latest, ownership) = self.latest.expect("a release follows an order");
        match (release.cause, ownership) {
            (Cause::StartFailed { resource, order }, _) if order == latest => {
                self.settle(Outcome::StartFailed { resource }, steps);
            }
            (_, Ownership::Released) => self.settle(Outcome::Done, steps),
            // Ordered anew while the group was on its way down.
            (_, Ownership::Held) => self.acquire(steps),
        }
    }

    /// Whether the latest order calls a release back before it has ended.
    fn cuts_short(&self, release: Release) -> bool {
        release.cause == Cause::Ordered && self.wanted() == Ownership::Held
    }

    fn wanted(&self) -> Ownership {
        self.latest.expect("scripts run by orders only").1
    }

    fn timed_out(&self, resource: u8, verb: Verb, steps: &mut Steps) {
        let limit = match verb {
            Verb::Status => self.policy.status,
            Verb::Start => self.policy.start,
            Verb::Stop => self.policy.stop,
        };
        push(steps, Step::Tell(Report::TimedOut { resource, verb, limit }));
    }

    fn rest(&mut self, level: Level) {
        self.state = State::Resting(level);
    }

    fn settle(&self, outcome: Outcome, steps: &mut Steps) {
        let (order, _) = self.latest.expect("only an order is settled");
        push(steps, Step::Settle { order, outcome });
    }
}
