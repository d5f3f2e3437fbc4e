//! Every clause of the procedure as a sentence, and random sequences of orders,
//! endings and waits under the rules that always hold.

mod sequences;
mod text;

use heapless::Vec;

use super::{
    Condition, Ending, Event, Exit, OnStopFailure, Policy, Procedure, Report, Step, Steps, Verb,
};
use crate::id::Order;
use crate::order::{Outcome, Ownership};
use crate::time::{Duration, Instant};

const OK: Exit = Exit::Success;
const BAD: Exit = Exit::Failed { code: 1 };

/// One procedure, its clock and the number of its last order.
struct Group {
    procedure: Procedure,
    now: Instant,
    order: u32,
}

fn group(resources: u8) -> Group {
    let procedure = Procedure::new(resources, Policy::DEFAULT);
    Group { procedure, now: Instant::from_micros(1_000), order: 0 }
}

impl Group {
    fn handle(&mut self, event: Event) -> Steps {
        self.procedure.handle(self.now, event)
    }

    fn order(&mut self, ownership: Ownership) -> Steps {
        self.order += 1;
        self.handle(Event::Ordered { order: Order(self.order), ownership })
    }

    fn status(&mut self, resource: u8, condition: Condition) -> Steps {
        self.handle(Event::Exited { resource, ending: Ending::Status(condition) })
    }

    fn start(&mut self, resource: u8, exit: Exit) -> Steps {
        self.handle(Event::Exited { resource, ending: Ending::Start(exit) })
    }

    fn stop(&mut self, resource: u8, exit: Exit) -> Steps {
        self.handle(Event::Exited { resource, ending: Ending::Stop(exit) })
    }

    fn tick_at(&mut self, at: Instant) -> Steps {
        self.now = at;
        self.handle(Event::Ticked)
    }

    /// Takes the group with everything going well.
    fn held(mut self) -> Self {
        let mut steps = self.order(Ownership::Held);
        while let Some((resource, verb)) = self.procedure.in_flight() {
            steps = match verb {
                Verb::Status => self.status(resource, Condition::Stopped),
                Verb::Start => self.start(resource, OK),
                Verb::Stop => panic!("a stop while taking a group"),
            };
        }
        assert_eq!(steps, [settle(self.order, Outcome::Done)]);
        self
    }

    /// Fails the stop of `resource`, which runs, with every retry; returns the last
    /// steps.
    fn exhaust_stops(&mut self, resource: u8) -> Steps {
        for _ in 0..Policy::DEFAULT.retries {
            assert_eq!(self.stop(resource, BAD), [tell(Report::Returned { resource, code: 1 })]);
            let due = self.procedure.deadline().expect("a retry is due");
            assert_eq!(
                self.tick_at(due),
                [
                    tell(Report::Retrying { resource }),
                    running(resource, Verb::Stop),
                    stop(resource)
                ]
            );
        }
        self.stop(resource, BAD)
    }
}

fn tell(report: Report) -> Step {
    Step::Tell(report)
}

fn running(resource: u8, verb: Verb) -> Step {
    Step::Tell(Report::Running { resource, verb })
}

fn status(resource: u8) -> Step {
    Step::Run { resource, verb: Verb::Status, limit: Duration::from_secs(10) }
}

fn start(resource: u8) -> Step {
    Step::Run { resource, verb: Verb::Start, limit: Duration::from_secs(60) }
}

fn stop(resource: u8) -> Step {
    Step::Run { resource, verb: Verb::Stop, limit: Duration::from_secs(60) }
}

fn settle(order: u32, outcome: Outcome) -> Step {
    Step::Settle { order: Order(order), outcome }
}

#[test]
fn a_group_is_taken_left_to_right_asking_each_resource_first() {
    let mut group = group(2);
    assert_eq!(group.order(Ownership::Held), [tell(Report::Acquiring), status(0)]);
    assert_eq!(group.status(0, Condition::Stopped), [running(0, Verb::Start), start(0)]);
    assert_eq!(group.start(0, OK), [status(1)]);
    assert_eq!(group.status(1, Condition::Stopped), [running(1, Verb::Start), start(1)]);
    assert_eq!(group.start(1, OK), [settle(1, Outcome::Done)]);
    assert_eq!(group.procedure.deadline(), None);
}

#[test]
fn what_runs_already_is_not_started() {
    let mut group = group(2);
    let _ = group.order(Ownership::Held);
    assert_eq!(group.status(0, Condition::Running), [status(1)]);
    assert_eq!(group.status(1, Condition::Running), [settle(1, Outcome::Done)]);
}

#[test]
fn a_group_is_given_right_to_left_without_asking() {
    let mut group = group(3).held();
    assert_eq!(
        group.order(Ownership::Released),
        [tell(Report::Releasing), running(2, Verb::Stop), stop(2)]
    );
    assert_eq!(group.stop(2, OK), [running(1, Verb::Stop), stop(1)]);
    assert_eq!(group.stop(1, OK), [running(0, Verb::Stop), stop(0)]);
    assert_eq!(group.stop(0, OK), [settle(2, Outcome::Done)]);
}

#[test]
fn a_level_that_holds_settles_at_once() {
    let mut group = group(1).held();
    assert_eq!(group.order(Ownership::Held), [settle(2, Outcome::Done)]);
    let _ = group.order(Ownership::Released);
    assert_eq!(group.stop(0, OK), [settle(3, Outcome::Done)]);
    assert_eq!(group.order(Ownership::Released), [settle(4, Outcome::Done)]);
}

#[test]
fn a_first_release_settles_at_once_unless_a_leftover_was_found() {
    let mut clean = group(1);
    assert_eq!(clean.order(Ownership::Released), [settle(1, Outcome::Done)]);

    let mut littered = group(1);
    assert_eq!(littered.handle(Event::Found), []);
    assert_eq!(
        littered.order(Ownership::Released),
        [tell(Report::Releasing), running(0, Verb::Stop), stop(0)]
    );
    assert_eq!(littered.stop(0, OK), [settle(1, Outcome::Done)]);
}

#[test]
fn a_leftover_is_taken_over_as_it_runs() {
    let mut group = group(1);
    assert_eq!(group.handle(Event::Found), []);
    assert_eq!(group.order(Ownership::Held), [tell(Report::Acquiring), status(0)]);
    assert_eq!(group.status(0, Condition::Running), [settle(1, Outcome::Done)]);
}

#[test]
fn what_is_found_after_a_release_is_stopped_by_the_next() {
    let mut group = group(1);
    let _ = group.order(Ownership::Released);
    assert_eq!(group.handle(Event::Found), []);
    assert_eq!(
        group.order(Ownership::Released),
        [tell(Report::Releasing), running(0, Verb::Stop), stop(0)]
    );
}

#[test]
fn what_is_found_of_a_held_group_changes_nothing() {
    let mut group = group(1).held();
    assert_eq!(group.handle(Event::Found), []);
    assert_eq!(group.order(Ownership::Held), [settle(2, Outcome::Done)]);
}

#[test]
fn a_failed_start_stops_the_whole_group_even_what_was_never_started() {
    // The address, then apache2 whose start fails, then what was never reached.
    let mut group = group(3);
    let _ = group.order(Ownership::Held);
    let _ = group.status(0, Condition::Stopped);
    let _ = group.start(0, OK);
    let _ = group.status(1, Condition::Stopped);
    assert_eq!(
        group.start(1, BAD),
        [
            tell(Report::Returned { resource: 1, code: 1 }),
            tell(Report::GivingUp { resource: 1 }),
            tell(Report::Releasing),
            running(2, Verb::Stop),
            stop(2),
        ]
    );
    assert_eq!(group.stop(2, OK), [running(1, Verb::Stop), stop(1)]);
    assert_eq!(group.stop(1, OK), [running(0, Verb::Stop), stop(0)]);
    assert_eq!(group.stop(0, OK), [settle(1, Outcome::StartFailed { resource: 1 })]);
    assert_eq!(group.order(Ownership::Released), [settle(2, Outcome::Done)]);
}

#[test]
fn a_start_that_times_out_is_a_failed_start() {
    let mut group = group(1);
    let _ = group.order(Ownership::Held);
    let _ = group.status(0, Condition::Stopped);
    let limit = Duration::from_secs(60);
    assert_eq!(
        group.start(0, Exit::TimedOut),
        [
            tell(Report::TimedOut { resource: 0, verb: Verb::Start, limit }),
            tell(Report::GivingUp { resource: 0 }),
            tell(Report::Releasing),
            running(0, Verb::Stop),
            stop(0),
        ]
    );
    assert_eq!(group.stop(0, OK), [settle(1, Outcome::StartFailed { resource: 0 })]);
}

#[test]
fn a_status_that_times_out_does_not_keep_the_resource_from_its_start() {
    let mut group = group(1);
    let _ = group.order(Ownership::Held);
    let limit = Duration::from_secs(10);
    assert_eq!(
        group.status(0, Condition::TimedOut),
        [
            tell(Report::TimedOut { resource: 0, verb: Verb::Status, limit }),
            running(0, Verb::Start),
            start(0),
        ]
    );
}

#[test]
fn a_group_without_a_script_is_given_up_without_retries() {
    let mut group = group(2);
    let _ = group.order(Ownership::Held);
    let _ = group.status(0, Condition::Running);
    assert_eq!(
        group.status(1, Condition::Missing),
        [
            tell(Report::Missing { resource: 1 }),
            tell(Report::GivingUp { resource: 1 }),
            tell(Report::Releasing),
            running(1, Verb::Stop),
            stop(1),
        ]
    );
    assert_eq!(
        group.stop(1, Exit::Missing),
        [tell(Report::Missing { resource: 1 }), running(0, Verb::Stop), stop(0)]
    );
    assert_eq!(group.stop(0, OK), [settle(1, Outcome::StartFailed { resource: 1 })]);
}

#[test]
fn what_runs_and_lost_its_script_counts_as_not_stopped() {
    let mut group = group(1).held();
    let _ = group.order(Ownership::Released);
    for _ in 0..Policy::DEFAULT.retries {
        assert_eq!(group.stop(0, Exit::Missing), [tell(Report::Missing { resource: 0 })]);
        let due = group.procedure.deadline().expect("it is tried again");
        let _ = group.tick_at(due);
    }
    assert_eq!(group.stop(0, Exit::Missing), [tell(Report::Missing { resource: 0 }), status(0)]);
    assert_eq!(
        group.status(0, Condition::Missing),
        [tell(Report::Blocked { resource: 0 }), settle(2, Outcome::StopFailed { resource: 0 })]
    );
}

#[test]
fn a_failed_stop_is_tried_again_every_second_ten_times() {
    let mut group = group(1).held();
    let _ = group.order(Ownership::Released);
    let began = group.now;
    assert_eq!(
        group.exhaust_stops(0),
        [tell(Report::Returned { resource: 0, code: 1 }), status(0)]
    );
    assert_eq!(group.now.since(began), Duration::from_secs(10));
}

#[test]
fn a_retry_is_not_early() {
    let mut group = group(1).held();
    let _ = group.order(Ownership::Released);
    let _ = group.stop(0, BAD);
    let due = group.now.after(Duration::from_secs(1));
    assert_eq!(group.procedure.deadline(), Some(due));
    assert_eq!(group.tick_at(Instant::from_micros(due.as_micros() - 1)), []);
    assert_eq!(group.procedure.deadline(), Some(due));
    assert_eq!(group.tick_at(due).len(), 3);
}

#[test]
fn a_retry_that_succeeds_goes_on_to_the_left() {
    let mut group = group(2).held();
    let _ = group.order(Ownership::Released);
    let _ = group.stop(1, BAD);
    let due = group.procedure.deadline().expect("it is tried again");
    let _ = group.tick_at(due);
    assert_eq!(group.stop(1, OK), [running(0, Verb::Stop), stop(0)]);
    assert_eq!(group.stop(0, OK), [settle(2, Outcome::Done)]);
}

#[test]
fn a_group_whose_stop_failed_stays_as_it_is_and_never_starts_here() {
    let mut group = group(2).held();
    let _ = group.order(Ownership::Released);
    let _ = group.exhaust_stops(1);
    assert_eq!(
        group.status(1, Condition::Running),
        [tell(Report::Blocked { resource: 1 }), settle(2, Outcome::StopFailed { resource: 1 })]
    );
    assert_eq!(
        group.order(Ownership::Held),
        [
            tell(Report::StillBlocked { resource: 1 }),
            settle(3, Outcome::StartFailed { resource: 1 })
        ]
    );
}

#[test]
fn a_release_that_succeeds_lifts_the_block() {
    let mut group = group(1).held();
    let _ = group.order(Ownership::Released);
    let _ = group.exhaust_stops(0);
    let _ = group.status(0, Condition::Running);
    assert_eq!(
        group.order(Ownership::Released),
        [tell(Report::Releasing), running(0, Verb::Stop), stop(0)]
    );
    // Held again meanwhile: the group must be down before it may start.
    assert_eq!(group.order(Ownership::Held), []);
    assert_eq!(group.stop(0, BAD), [tell(Report::Returned { resource: 0, code: 1 })]);
    let due = group.procedure.deadline().expect("it is tried again");
    let _ = group.tick_at(due);
    assert_eq!(group.stop(0, OK), [tell(Report::Acquiring), status(0)]);
    let _ = group.status(0, Condition::Stopped);
    assert_eq!(group.start(0, OK), [settle(4, Outcome::Done)]);
}

#[test]
fn where_the_policy_says_so_a_failed_stop_restarts_the_machine() {
    let policy = Policy { on_stop_failure: OnStopFailure::Reboot, ..Policy::DEFAULT };
    let mut group = Group { procedure: Procedure::new(1, policy), ..group(1) }.held();
    let _ = group.order(Ownership::Released);
    let _ = group.exhaust_stops(0);
    assert_eq!(
        group.status(0, Condition::Running),
        [
            tell(Report::RebootRequired { resource: 0 }),
            settle(2, Outcome::StopFailed { resource: 0 }),
            Step::Reboot { resource: 0 },
        ]
    );
}

#[test]
fn a_stop_that_fails_although_nothing_runs_is_only_an_error() {
    let mut group = group(2).held();
    let _ = group.order(Ownership::Released);
    let _ = group.exhaust_stops(1);
    assert_eq!(
        group.status(1, Condition::Stopped),
        [tell(Report::NotCompliant { resource: 1 }), running(0, Verb::Stop), stop(0)]
    );
    assert_eq!(group.stop(0, OK), [settle(2, Outcome::Done)]);
}

#[test]
fn who_cannot_say_that_it_stopped_counts_as_running() {
    let mut group = group(1).held();
    let _ = group.order(Ownership::Released);
    let _ = group.exhaust_stops(0);
    let limit = Duration::from_secs(10);
    assert_eq!(
        group.status(0, Condition::TimedOut),
        [
            tell(Report::TimedOut { resource: 0, verb: Verb::Status, limit }),
            tell(Report::Blocked { resource: 0 }),
            settle(2, Outcome::StopFailed { resource: 0 }),
        ]
    );
}

#[test]
fn stops_that_time_out_are_retries_and_end_with_the_bound() {
    let mut group = group(1).held();
    let mut steps = group.order(Ownership::Released);
    let began = group.now;
    let mut limits = Vec::<u64, 8>::new();
    while let Some(Step::Run { verb: Verb::Stop, limit, .. }) = steps.last().copied() {
        limits.push(limit.as_secs()).expect("three stops fit into the bound");
        group.now = group.now.after(limit);
        let told = group.stop(0, Exit::TimedOut);
        assert_eq!(told[0], tell(Report::TimedOut { resource: 0, verb: Verb::Stop, limit }));
        steps = match group.procedure.deadline() {
            Some(due) => group.tick_at(due),
            None => told,
        };
    }
    assert_eq!(limits, [60, 59]);
    assert_eq!(steps.last(), Some(&status(0)));
    assert_eq!(group.now.since(began), Duration::from_secs(120));
}

#[test]
fn a_release_ordered_during_a_start_waits_for_its_end() {
    let mut group = group(2);
    let _ = group.order(Ownership::Held);
    let _ = group.status(0, Condition::Stopped);
    assert_eq!(group.order(Ownership::Released), []);
    assert_eq!(group.start(0, OK), [tell(Report::Releasing), running(1, Verb::Stop), stop(1)]);
    let _ = group.stop(1, OK);
    assert_eq!(group.stop(0, OK), [settle(2, Outcome::Done)]);
}

#[test]
fn a_group_ordered_back_during_a_release_is_taken_from_the_left() {
    let mut group = group(2).held();
    let _ = group.order(Ownership::Released);
    assert_eq!(group.order(Ownership::Held), []);
    assert_eq!(group.stop(1, OK), [tell(Report::Acquiring), status(0)]);
    assert_eq!(group.status(0, Condition::Running), [status(1)]);
    let _ = group.status(1, Condition::Stopped);
    assert_eq!(group.start(1, OK), [settle(3, Outcome::Done)]);
}

#[test]
fn a_group_ordered_back_between_retries_is_taken_at_once() {
    let mut group = group(1).held();
    let _ = group.order(Ownership::Released);
    let _ = group.stop(0, BAD);
    assert_eq!(group.order(Ownership::Held), [tell(Report::Acquiring), status(0)]);
    assert_eq!(group.procedure.deadline(), None);
}

#[test]
fn a_start_ordered_while_a_failed_one_is_cleaned_up_gets_its_own_try() {
    let mut group = group(1);
    let _ = group.order(Ownership::Held);
    let _ = group.status(0, Condition::Stopped);
    let _ = group.start(0, BAD);
    assert_eq!(group.order(Ownership::Held), []);
    assert_eq!(group.stop(0, OK), [tell(Report::Acquiring), status(0)]);
    let _ = group.status(0, Condition::Stopped);
    assert_eq!(group.start(0, OK), [settle(2, Outcome::Done)]);
}

#[test]
fn a_release_ordered_while_a_failed_start_is_cleaned_up_is_done_with_it() {
    let mut group = group(1);
    let _ = group.order(Ownership::Held);
    let _ = group.status(0, Condition::Stopped);
    let _ = group.start(0, BAD);
    assert_eq!(group.order(Ownership::Released), []);
    assert_eq!(group.stop(0, OK), [settle(2, Outcome::Done)]);
}

#[test]
fn an_order_that_is_not_newer_changes_nothing() {
    let mut group = group(1).held();
    let old = Event::Ordered { order: Order(1), ownership: Ownership::Released };
    assert_eq!(group.handle(old), []);
    assert_eq!(group.order(Ownership::Held), [settle(2, Outcome::Done)]);
}
