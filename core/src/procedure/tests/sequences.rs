//! Random sequences of operations, with what must hold after each step.
//!
//! The driver plays the edge: it keeps which resources really run, lets scripts
//! end well or badly, and gives orders at any moment.

use super::{OK, Procedure};
use crate::id::Order;
use crate::limits::RESOURCES_MAX;
use crate::order::{Outcome, Ownership};
use crate::procedure::{
    Condition, Ending, Event, Exit, OnStopFailure, Policy, Report, Step, Steps, Verb,
};
use crate::time::{Duration, Instant};

/// Marsaglia's xorshift: the same sequence of operations for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// How often what is worth seeing was seen; none may be zero at the end.
#[derive(Debug, Default)]
struct Seen {
    done: u32,
    start_failed: u32,
    stop_failed: u32,
    refused: u32,
    reboots: u32,
    superseded: u32,
    retries: u32,
}

/// A procedure among scripts that fail now and then.
struct World {
    procedure: Procedure,
    resources: u8,
    now: Instant,
    dice: Dice,
    /// Resources that really run, one bit each.
    running: u32,
    latest: Option<(Order, Ownership)>,
    ordered_at: Instant,
    settled: bool,
    in_flight: Option<(u8, Verb, Duration)>,
    /// A resource could not be stopped, and the group was not down since.
    blocked: bool,
    /// The resource whose stop is expected next; none outside a release.
    turn: Option<u8>,
    /// One script in this many ends badly.
    trouble: u64,
    /// The resource whose stops all fail for now.
    stuck: Option<u8>,
    seen: Seen,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let most = if dice.roll(20) == 0 { RESOURCES_MAX as u64 } else { 4 };
        let resources = u8::try_from(1 + dice.roll(most)).expect("at most 32");
        let reboot = dice.roll(2) == 0;
        let on_stop_failure = if reboot { OnStopFailure::Reboot } else { OnStopFailure::Block };
        let procedure = Procedure::new(resources, Policy { on_stop_failure, ..Policy::DEFAULT });
        let mut world = Self {
            procedure,
            resources,
            now: Instant::ZERO,
            running: 0,
            latest: None,
            ordered_at: Instant::ZERO,
            settled: true,
            in_flight: None,
            blocked: false,
            turn: None,
            trouble: [2, 4, 30][usize::try_from(dice.roll(3)).expect("small")],
            stuck: None,
            dice,
            seen: Seen::default(),
        };
        if world.dice.roll(3) == 0 {
            world.running = 1;
            world.handle(Event::Found);
        }
        world
    }

    fn handle(&mut self, event: Event) {
        let steps = self.procedure.handle(self.now, event);
        self.check(&steps);
    }

    /// What must hold of every turn.
    fn check(&mut self, steps: &Steps) {
        for step in steps {
            match *step {
                Step::Run { resource, verb, limit } => self.run(resource, verb, limit),
                Step::Settle { order, outcome } => self.settle(order, outcome),
                Step::Reboot { .. } => self.seen.reboots += 1,
                Step::Tell(Report::Releasing) => self.turn = Some(self.resources - 1),
                Step::Tell(Report::NotCompliant { resource }) => {
                    self.turn = resource.checked_sub(1);
                }
                Step::Tell(_) => {}
            }
        }
        assert_eq!(
            self.procedure.in_flight(),
            self.in_flight.map(|(resource, verb, _)| (resource, verb))
        );
        let active = self.in_flight.is_some() || self.procedure.deadline().is_some();
        assert_eq!(active, !self.settled, "an order is open exactly while something is under way");
    }

    fn run(&mut self, resource: u8, verb: Verb, limit: Duration) {
        assert_eq!(self.in_flight, None, "one script at a time");
        assert!(resource < self.resources);
        assert!(limit > Duration::ZERO);
        match verb {
            Verb::Start => {
                assert!(!self.blocked, "a blocked group never starts");
                assert_eq!(self.wanted(), Some(Ownership::Held), "started by order only");
            }
            Verb::Stop => assert_eq!(Some(resource), self.turn, "stopped right to left"),
            Verb::Status => {}
        }
        self.in_flight = Some((resource, verb, limit));
    }

    fn settle(&mut self, order: Order, outcome: Outcome) {
        let (latest, ownership) = self.latest.expect("an order came before");
        assert_eq!(order, latest, "only the latest order is settled");
        assert!(!self.settled, "an order is settled once");
        self.settled = true;
        // Every resource may take all its stops and a start, twice: once for what was
        // under way when the order came, once for the order itself.
        let each = Policy::DEFAULT.stop_bound.plus(Duration::from_secs(60 + 10 + 10 + 60));
        let bound = each.times(3 * u32::from(self.resources));
        assert!(self.now.since(self.ordered_at) <= bound, "settled within the bound");
        let all = u32::MAX >> (32 - u32::from(self.resources));
        match (ownership, outcome) {
            (Ownership::Held, Outcome::Done) => {
                assert_eq!(self.running, all, "what is held runs");
                self.seen.done += 1;
            }
            (Ownership::Released, Outcome::Done) => {
                assert_eq!(self.running, 0, "what is released does not run");
                self.blocked = false;
                self.seen.done += 1;
            }
            (Ownership::Held, Outcome::StartFailed { .. }) if self.blocked => {
                self.seen.refused += 1;
            }
            (Ownership::Held, Outcome::StartFailed { .. }) => {
                assert_eq!(self.running, 0, "nothing of a group that failed stays up");
                self.seen.start_failed += 1;
            }
            (Ownership::Released, Outcome::StartFailed { .. }) => panic!("nothing was started"),
            (_, Outcome::StopFailed { resource }) => {
                assert_ne!(self.running & 1 << resource, 0, "what stopped is not complained of");
                self.blocked = true;
                self.seen.stop_failed += 1;
            }
        }
    }

    fn wanted(&self) -> Option<Ownership> {
        self.latest.map(|(_, ownership)| ownership)
    }

    fn order(&mut self) {
        let held = self.dice.roll(2) == 0;
        let ownership = if held { Ownership::Held } else { Ownership::Released };
        let order = Order(self.latest.map_or(1, |(order, _)| order.0 + 1));
        if !self.settled {
            self.seen.superseded += 1;
        }
        self.latest = Some((order, ownership));
        self.ordered_at = self.now;
        self.settled = false;
        self.handle(Event::Ordered { order, ownership });
    }

    /// Lets what is under way go on: the script ends, or its retry is due.
    fn go_on(&mut self) {
        if let Some((resource, verb, limit)) = self.in_flight.take() {
            let ending = self.end(resource, verb, limit);
            // Once down, the group may start again whatever it was before.
            self.blocked &= resource != 0 || self.running != 0;
            self.handle(Event::Exited { resource, ending });
        } else if let Some(due) = self.procedure.deadline() {
            self.now = self.now.max(due);
            self.seen.retries += 1;
            self.handle(Event::Ticked);
        }
    }

    fn end(&mut self, resource: u8, verb: Verb, limit: Duration) -> Ending {
        let bit = 1 << resource;
        let stuck = verb == Verb::Stop && self.stuck == Some(resource);
        let bad = stuck || self.dice.roll(self.trouble) == 0 && verb != Verb::Status;
        let late = bad && self.dice.roll(4) == 0;
        self.now = self.now.after(if late { limit } else { Duration::from_millis(50) });
        let exit = match (bad, late) {
            (false, _) => OK,
            (true, false) => Exit::Failed { code: 1 },
            (true, true) => Exit::TimedOut,
        };
        match verb {
            Verb::Status if self.running & bit != 0 => Ending::Status(Condition::Running),
            Verb::Status => Ending::Status(Condition::Stopped),
            Verb::Start => {
                // A start that fails may leave the resource running, or not.
                if !bad || self.dice.roll(2) == 0 {
                    self.running |= bit;
                }
                Ending::Start(exit)
            }
            Verb::Stop => {
                if self.stop_works(bad) {
                    self.running &= !bit;
                }
                if !bad {
                    self.turn = resource.checked_sub(1);
                }
                Ending::Stop(exit)
            }
        }
    }

    /// A stop that reports a failure may have worked all the same.
    fn stop_works(&mut self, bad: bool) -> bool {
        !bad || self.dice.roll(20) == 0
    }
}

#[test]
fn whatever_is_ordered_and_whatever_fails_the_latest_order_is_settled_in_time() {
    let mut seen = Seen::default();
    for seed in 1..=20_000 {
        let mut world = World::new(seed);
        for _ in 0..120 {
            match world.dice.roll(12) {
                0 => world.order(),
                1 => world.handle(Event::Ticked),
                2 if world.trouble == 2 && world.dice.roll(4) == 0 => world.handle(Event::Found),
                3 if world.dice.roll(4) == 0 => {
                    let resource = world.dice.roll(2 * u64::from(world.resources));
                    world.stuck = u8::try_from(resource).ok().filter(|n| *n < world.resources);
                }
                _ => world.go_on(),
            }
        }
        for _ in 0..RESOURCES_MAX * 40 {
            world.go_on();
        }
        assert!(world.settled, "seed {seed}: the latest order is still open");
        seen.done += world.seen.done;
        seen.start_failed += world.seen.start_failed;
        seen.stop_failed += world.seen.stop_failed;
        seen.refused += world.seen.refused;
        seen.reboots += world.seen.reboots;
        seen.superseded += world.seen.superseded;
        seen.retries += world.seen.retries;
    }
    let Seen { done, start_failed, stop_failed, refused, reboots, superseded, retries } = seen;
    for count in [done, start_failed, stop_failed, refused, reboots, superseded, retries] {
        assert!(count > 100, "the sequences must show everything: {seen:?}");
    }
}
