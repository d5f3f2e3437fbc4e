//! The world: a queue of what happens next, in true time, and the state it acts on.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use latido_core::id::{GroupId, NodeId, Order};
use latido_core::random::Random;
use latido_core::{Command, LinkState, Outcome};

use super::census::Census;
use super::checks::Checks;
use super::host::{Host, Waiting};
use super::mutant::Mutant;
use super::network::Network;
use super::outputs::Frame;
use super::plan::{Fault, Kind};
use super::scenario::{MS, SECOND, Scenario};
use super::trace::Trace;
use super::{Verdict, Violation};

/// Everything there is.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) step: u64,
    pub(crate) scenario: Scenario,
    pub(crate) random: Random,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) hosts: [Host; 2],
    pub(crate) network: Network,
    pub(crate) recordings: Vec<Rc<Frame>>,
    /// Scripts, daemons and alarms so far, for their numbers.
    pub(crate) scripts: u64,
    pub(crate) daemons: u64,
    pub(crate) alarms: u64,
    /// Since when nothing new goes wrong; none while something does.
    pub(crate) quiet: Option<u64>,
    pub(crate) checks: Checks,
    pub(crate) census: Census,
    pub(crate) trace: Trace,
    active: Vec<(usize, usize)>,
    queue: BinaryHeap<Reverse<Entry>>,
    entries: u64,
}

/// Something that happens at a time.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Arrives { to: usize, link: usize, frame: Rc<Frame> },
    Replied { host: usize, number: u64, node: NodeId, token: u64 },
    Settled { host: usize, number: u64, group: GroupId, order: Order, outcome: Outcome },
    Recorded { host: usize, number: u64, generation: u64 },
    ScriptEnded { host: usize, group: GroupId, number: u64 },
    Start { host: usize },
    FaultBegins { episode: usize, fault: usize },
    FaultEnds { episode: usize, fault: usize },
    Inject { episode: usize, fault: usize },
    Quiet,
    EpisodeEnds { last: bool },
    Wake { host: usize, alarm: u64 },
}

/// A happening in the queue: by time; at one time alarms come last.
struct Entry {
    at: u64,
    is_alarm: bool,
    number: u64,
    happening: Happening,
}

impl Entry {
    const fn key(&self) -> (u64, bool, u64) {
        (self.at, self.is_alarm, self.number)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl World {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>, in_words: bool) -> Self {
        let scenario = Scenario::new(seed);
        let mut random = Random::new(seed ^ 0x5DEE_CE66_D154_21A7);
        let groups = scenario.preferred.len();
        let hosts = scenario.drift.map(|ppm| Host::new(groups, ppm, random.below(1 << 40)));
        let mut world = Self {
            now: 0,
            step: 0,
            network: Network::new(&scenario),
            checks: Checks::new(groups),
            random,
            mutant,
            hosts,
            recordings: Vec::new(),
            scripts: 0,
            daemons: 0,
            alarms: 0,
            quiet: None,
            census: Census::default(),
            trace: Trace::new(in_words),
            active: Vec::new(),
            queue: BinaryHeap::new(),
            entries: 0,
            scenario,
        };
        if world.scenario.drift[0] != world.scenario.drift[1] {
            world.census.count("clock drift");
        }
        let Scenario { timing, preferred, auto_failback, commands, .. } = &world.scenario;
        let fails = world.scenario.fails();
        world.trace.say(
            0,
            "world",
            format_args!(
                "{timing:?} groups prefer {preferred:?} failback {auto_failback} \
                 commands {commands} failures {fails}"
            ),
        );
        world.schedule();
        world
    }

    fn schedule(&mut self) {
        for host in 0..2 {
            // Together, one after the other, or when the first has given up waiting.
            let quiet = self.scenario.episodes[0].quiet;
            let kinds = [MS, SECOND, quiet];
            let apart = kinds[usize::try_from(self.random.below(3)).expect("small")];
            let at = self.random.below(apart);
            self.later(at, Happening::Start { host });
        }
        let episodes = std::mem::take(&mut self.scenario.episodes);
        for (number, episode) in episodes.iter().enumerate() {
            for (fault, Fault { begins, ends, .. }) in episode.faults.iter().enumerate() {
                self.later(*begins, Happening::FaultBegins { episode: number, fault });
                self.later(*ends, Happening::FaultEnds { episode: number, fault });
            }
            self.later(episode.quiet, Happening::Quiet);
            let last = number + 1 == episodes.len();
            self.later(episode.ends, Happening::EpisodeEnds { last });
        }
        self.scenario.episodes = episodes;
    }

    pub(crate) fn run(mut self) -> Verdict {
        // A panic of the core is a finding like any other.
        let end = catch_unwind(AssertUnwindSafe(|| self.proceed()));
        if let Err(panic) = end {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
            self.violate(format!("panic: {}", text.unwrap_or_default()));
        }
        self.census.simulated = self.now;
        self.census.steps = self.step;
        let (step, at) = (self.step, self.now);
        let violation = self.checks.violation.map(|what| Violation { step, at, what });
        let (hash, timeline) = self.trace.finish();
        Verdict { hash, census: self.census, violation, timeline }
    }

    fn proceed(&mut self) {
        let mut last = false;
        while !last && self.checks.violation.is_none() {
            let Some(Reverse(entry)) = self.queue.pop() else { break };
            assert!(entry.at >= self.now, "time goes forward");
            self.now = entry.at;
            last = self.happen(entry.happening);
            self.check();
        }
    }

    /// Puts `happening` into the queue.
    pub(crate) fn later(&mut self, after: u64, happening: Happening) {
        self.entries += 1;
        let is_alarm = matches!(happening, Happening::Wake { .. });
        let (at, number) = (self.now + after, self.entries);
        self.queue.push(Reverse(Entry { at, is_alarm, number, happening }));
    }

    /// Lets it happen. Returns whether it was the end.
    fn happen(&mut self, happening: Happening) -> bool {
        match happening {
            Happening::Arrives { to, link, frame } => {
                if self.network.has_device(to, link) {
                    let link = Self::link(link);
                    self.give(to, Waiting::Frame { link, frame, replayed: false });
                }
            }
            Happening::Replied { host, number, node, token } => {
                self.give_to(host, number, Waiting::Replied { node, token });
            }
            Happening::Settled { host, number, group, order, outcome } => {
                self.give_to(host, number, Waiting::Settled { group, order, outcome });
            }
            Happening::Recorded { host, number, generation } => {
                self.recorded(host, number, generation);
            }
            Happening::ScriptEnded { host, group, number } => {
                self.script_ended(host, group, number);
            }
            Happening::Start { host } => self.start(host),
            Happening::FaultBegins { episode, fault } => self.fault_begins(episode, fault),
            Happening::FaultEnds { episode, fault } => self.fault_ends(episode, fault),
            Happening::Inject { episode, fault } => self.inject(episode, fault),
            Happening::Quiet => {
                self.quiet = Some(self.now);
                self.checks.quiet_begins();
                self.trace.say(self.now, "world", format_args!("quiet"));
            }
            Happening::EpisodeEnds { last } => {
                self.check_rest();
                self.quiet = None;
                return last;
            }
            Happening::Wake { host, alarm } => self.wake(host, alarm),
        }
        false
    }

    fn recorded(&mut self, host: usize, number: u64, generation: u64) {
        if !self.hosts[host].powered {
            self.census.count("record lost");
            return;
        }
        let disk = &mut self.hosts[host].disk;
        disk.peer_generation = disk.peer_generation.max(generation);
        let _ = number;
    }

    fn script_ended(&mut self, host: usize, group: GroupId, number: u64) {
        let wrong_order = self.mutant == Some(Mutant::WrongOrderSettled);
        let executor = &mut self.hosts[host].groups[group.index()];
        if executor.job.is_none_or(|job| job.number != number) {
            return;
        }
        if wrong_order && let (Some(job), Some((latest, _))) = (&mut executor.job, executor.latest)
        {
            job.order = latest;
        }
        let next = executor.end();
        let running = executor.running;
        self.say(host, format_args!("script of {} ends, running: {running}", group.0));
        let early = self.mutant == Some(Mutant::ReleaseSettledEarly);
        if !early || running {
            self.go_on(host, group, next);
        }
    }

    /// The faults at work.
    pub(crate) fn faults(&self) -> impl Iterator<Item = Kind> {
        self.active.iter().map(|&(episode, fault)| self.fault(episode, fault).kind)
    }

    /// Whether this fault is at work.
    pub(crate) fn is_active(&self, fault: (usize, usize)) -> bool {
        self.active.contains(&fault)
    }

    pub(crate) fn fault(&self, episode: usize, fault: usize) -> Fault {
        self.scenario.episodes[episode].faults[fault]
    }

    fn fault_begins(&mut self, episode: usize, fault: usize) {
        self.active.push((episode, fault));
        let kind = self.fault(episode, fault).kind;
        self.trace.say(self.now, "world", format_args!("begins: {kind:?}"));
        self.set_network();
        match kind {
            Kind::Pause { node } => self.pause(node),
            Kind::NodeCrash { node } => self.take_down(node, (episode, fault), kind),
            Kind::DaemonCrash { node } => self.take_down(node, (episode, fault), kind),
            Kind::Shutdown { node } => self.take_down(node, (episode, fault), kind),
            Kind::Standby { node, set } => {
                self.census.count("standby command");
                self.give(node, Waiting::Commanded(Command::Standby(set)));
            }
            Kind::Takeover { node, set } => {
                self.census.count("takeover command");
                self.give(node, Waiting::Commanded(Command::Takeover(set)));
            }
            Kind::Replay | Kind::Garbage => self.inject(episode, fault),
            Kind::LinkDevice { node, link } => self.device(node, link, LinkState::Down),
            Kind::LinkCut { .. } => self.census.count("link cut"),
            Kind::OneWayCut { .. } => self.census.count("one-way cut"),
            Kind::Partition => self.census.count("partition"),
            Kind::HalfPartition { .. } => self.census.count("half partition"),
            Kind::Jitter => self.census.count("jitter"),
            Kind::Loss { .. }
            | Kind::Bursts
            | Kind::Duplication
            | Kind::Reordering
            | Kind::PingSilence { .. } => {}
        }
    }

    fn fault_ends(&mut self, episode: usize, fault: usize) {
        self.active.retain(|active| *active != (episode, fault));
        let kind = self.fault(episode, fault).kind;
        self.trace.say(self.now, "world", format_args!("ends: {kind:?}"));
        self.set_network();
        match kind {
            Kind::Pause { node } => {
                let still = self.faults().any(|other| other == kind);
                if !still {
                    self.resume(node);
                }
            }
            Kind::NodeCrash { node } | Kind::DaemonCrash { node } | Kind::Shutdown { node } => {
                self.bring_up(node, (episode, fault));
            }
            Kind::LinkDevice { node, link } => {
                if self.network.has_device(node, link) {
                    self.device(node, link, LinkState::Up);
                }
            }
            Kind::Loss { .. }
            | Kind::Bursts
            | Kind::Duplication
            | Kind::Reordering
            | Kind::Jitter
            | Kind::LinkCut { .. }
            | Kind::OneWayCut { .. }
            | Kind::Partition
            | Kind::HalfPartition { .. }
            | Kind::Standby { .. }
            | Kind::Takeover { .. }
            | Kind::Replay
            | Kind::Garbage
            | Kind::PingSilence { .. } => {}
        }
    }

    fn set_network(&mut self) {
        let kinds: Vec<Kind> = self.faults().collect();
        self.network.set(kinds.into_iter());
    }

    fn device(&mut self, node: usize, link: usize, state: LinkState) {
        self.census.count("link device lost");
        let link = Self::link(link);
        self.give(node, Waiting::Device { link, state });
    }

    /// Notes one line about a node.
    pub(crate) fn say(&mut self, host: usize, what: fmt::Arguments<'_>) {
        self.trace.say(self.now, ["corman", "rabius"][host], what);
    }
}

/// A place in a short table as the core's identifiers want it.
pub(crate) fn small(place: usize) -> u8 {
    u8::try_from(place).expect("tables are short")
}
