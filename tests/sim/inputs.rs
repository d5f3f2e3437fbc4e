//! What happens to a node: its daemon's life, its turns, and what is played to it.

use std::collections::VecDeque;
use std::rc::Rc;

use latido_core::id::{Generation, GroupId, LinkId, Sequence};
use latido_core::limits::FRAME_MAX;
use latido_core::time::Instant;
use latido_core::wire::{Encoding, Envelope, Message};
use latido_core::{Action, Actions, Command, Event, LinkState, Node};

use super::checks::{Expected, Snapshot};
use super::hearing::{Hearing, News};
use super::host::{Daemon, SOCKET_MAX, Waiting};
use super::mutant::Mutant;
use super::outputs::Frame;
use super::plan::Kind;
use super::scenario::{MS, SECOND, Scenario};
use super::world::{Happening, World, small};

impl World {
    /// Starts the daemon of `me`, and the machine if need be.
    pub(crate) fn start(&mut self, me: usize) {
        if self.hosts[me].daemon.is_some() {
            return;
        }
        if !self.hosts[me].powered {
            self.hosts[me].powered = true;
            self.hosts[me].clock.offset = self.random.below(1 << 30);
        }
        self.daemons += 1;
        let number = self.daemons;
        let mut seed = self.random.next();
        if self.mutant == Some(Mutant::Irreproducible) {
            seed ^= fresh();
        }
        let both = self.mutant == Some(Mutant::BothPreferred);
        let config = self.scenario.config(me, both);
        let host = &mut self.hosts[me];
        if self.mutant != Some(Mutant::GenerationReused) || host.starts == 0 {
            host.disk.generation += 1;
        }
        if host.starts == 0 {
            self.census.count("cold start");
        }
        host.starts += 1;
        let (generation, peer) = (host.disk.generation, host.disk.peer_generation);
        let incarnation = Scenario::incarnation(me, generation, peer, seed);
        let local = host.clock.local(self.now);
        let now = Instant::from_micros(local);
        let node = Box::new(Node::new(config, self.scenario.keys(), incarnation, now));
        let groups = host.groups.len();
        let found: Vec<bool> = host.groups.iter().map(|group| group.running).collect();
        host.daemon = Some(Daemon {
            node,
            number,
            started: self.now,
            started_local: local,
            paused: false,
            waiting: VecDeque::new(),
            wake: None,
            hearing: Hearing::new(generation, peer),
            tokens: VecDeque::new(),
            replied: vec![None; self.scenario.pings],
            found: found.clone(),
            failed: vec![false; groups],
        });
        self.checks.forget(me);
        self.say(me, format_args!("starts, generation {generation}, knows {peer}"));
        for (group, _) in found.iter().enumerate().filter(|(_, found)| **found) {
            if self.mutant != Some(Mutant::LeftoverHidden) {
                let group = GroupId(small(group));
                self.handle(me, Event::Found { group }, Expected::Anything);
            }
        }
        for link in 0..self.scenario.links {
            if self.network.has_device(me, link) {
                continue;
            }
            let event = Event::LinkChanged { link: Self::link(link), state: LinkState::Down };
            self.handle(me, event, Expected::Anything);
        }
        if self.faults().any(|kind| kind == Kind::Pause { node: me }) {
            self.pause(me);
        } else {
            self.tick(me, false);
        }
    }

    /// The daemon is no more; what it started goes on.
    pub(crate) fn end_daemon(&mut self, me: usize) {
        self.hosts[me].daemon = None;
        self.hosts[me].groups.iter_mut().for_each(|group| group.forsake());
        self.checks.forget(me);
    }

    pub(crate) fn take_down(&mut self, me: usize, fault: (usize, usize), kind: Kind) {
        if self.hosts[me].down_by.is_some() || self.hosts[me].daemon.is_none() {
            return;
        }
        self.hosts[me].down_by = Some(fault);
        match kind {
            Kind::Shutdown { .. } => self.give(me, Waiting::Commanded(Command::Shutdown)),
            Kind::DaemonCrash { .. } => {
                self.census.count("daemon crash");
                self.end_daemon(me);
            }
            _ => {
                self.census.count("node crash");
                self.hosts[me].powered = false;
                self.end_daemon(me);
                self.hosts[me].groups.iter_mut().for_each(|group| group.running = false);
            }
        }
    }

    pub(crate) fn bring_up(&mut self, me: usize, fault: (usize, usize)) {
        if self.hosts[me].down_by != Some(fault) {
            return;
        }
        self.hosts[me].down_by = None;
        if self.hosts[me].daemon.is_some() {
            self.hosts[me].start_on_exit = true;
        } else {
            self.start(me);
        }
    }

    pub(crate) fn pause(&mut self, me: usize) {
        if let Some(daemon) = &mut self.hosts[me].daemon {
            daemon.paused = true;
            self.census.count("pause");
        }
    }

    /// The daemon goes on after a pause: first what has been received, then the time.
    pub(crate) fn resume(&mut self, me: usize) {
        match &mut self.hosts[me].daemon {
            Some(daemon) if daemon.paused => daemon.paused = false,
            Some(_) | None => return,
        }
        if self.mutant == Some(Mutant::TickBeforeDrain) {
            self.tick(me, false);
        }
        loop {
            for _ in 0..self.scenario.drain {
                let daemon = self.hosts[me].daemon.as_mut();
                let Some(waiting) = daemon.and_then(|daemon| daemon.waiting.pop_front()) else {
                    break;
                };
                self.input(me, waiting);
            }
            let daemon = self.hosts[me].daemon.as_ref();
            let behind = daemon.is_some_and(|daemon| !daemon.waiting.is_empty());
            self.tick(me, behind);
            if !behind {
                return;
            }
        }
    }

    /// Gives `waiting` to the daemon with that number, if it still runs.
    pub(crate) fn give_to(&mut self, me: usize, number: u64, waiting: Waiting) {
        if self.hosts[me].daemon.as_ref().is_some_and(|daemon| daemon.number == number) {
            self.give(me, waiting);
        }
    }

    /// Gives `waiting` to the daemon of `me`, now or when it goes on.
    pub(crate) fn give(&mut self, me: usize, waiting: Waiting) {
        let Some(daemon) = &mut self.hosts[me].daemon else { return };
        if !daemon.paused {
            self.input(me, waiting);
            return;
        }
        let datagrams = daemon.waiting.iter().filter(|waiting| waiting.is_datagram()).count();
        if waiting.is_datagram() && datagrams >= SOCKET_MAX {
            self.census.count("full socket");
            return;
        }
        daemon.waiting.push_back(waiting);
    }

    fn input(&mut self, me: usize, waiting: Waiting) {
        match waiting {
            Waiting::Frame { link, frame, replayed } => self.receive(me, link, &frame, replayed),
            Waiting::Garbage { link, bytes } => {
                let event = Event::Received { link, frame: &bytes };
                self.handle(me, event, Expected::Nothing);
            }
            Waiting::Settled { group, order, outcome } => {
                let event = Event::Settled { group, order, outcome };
                self.handle(me, event, Expected::Anything);
            }
            Waiting::Replied { node, token } => {
                let local = self.hosts[me].clock.local(self.now);
                if let Some(daemon) = &mut self.hosts[me].daemon
                    && daemon.tokens.contains(&token)
                {
                    daemon.replied[node.index() - 2] = Some(local);
                }
                self.handle(me, Event::Replied { node, token }, Expected::Anything);
            }
            Waiting::Commanded(command) => {
                self.say(me, format_args!("command {command:?}"));
                self.handle(me, Event::Commanded(command), Expected::Anything);
            }
            Waiting::Device { link, state } => {
                self.handle(me, Event::LinkChanged { link, state }, Expected::Anything);
            }
        }
    }

    fn receive(&mut self, me: usize, link: LinkId, frame: &Frame, replayed: bool) {
        let local = self.hosts[me].clock.local(self.now);
        let now = self.now;
        let Some(daemon) = &mut self.hosts[me].daemon else { return };
        if frame.from == me {
            let expected = if frame.generation == daemon.hearing.mine() {
                Expected::LinkUp
            } else {
                Expected::Nothing
            };
            self.handle(me, Event::Received { link, frame: &frame.bytes }, expected);
            return;
        }
        let judged = daemon.hearing.judge(frame);
        if replayed && judged == News::Fresh {
            // It has never arrived: it would be a late message and no replay.
            return;
        }
        if replayed {
            self.census.count("replay");
            if daemon.hearing.proven == 0 {
                self.census.count("replay to a fresh receiver");
            }
        }
        let expected = match daemon.hearing.note(frame, now, local) {
            News::Fresh => Expected::Anything,
            News::Repeated => Expected::LinkUp,
            News::Unbelievable => Expected::NoBelief,
        };
        let last = daemon.hearing.last();
        if expected != Expected::NoBelief {
            self.checks.delivered(frame);
        }
        let beat = matches!(frame.message, Message::Status { .. });
        let forge = match self.mutant {
            Some(Mutant::DuplicateAsNew) => judged == News::Repeated && beat && !replayed,
            Some(Mutant::ReplayBelieved) => replayed && beat,
            _ => false,
        };
        if forge {
            let bytes = self.forge(me, frame, last);
            self.handle(me, Event::Received { link, frame: &bytes }, expected);
        } else {
            self.handle(me, Event::Received { link, frame: &frame.bytes }, expected);
        }
    }

    /// The same beat, signed anew with a number and a proof of today.
    fn forge(&self, me: usize, frame: &Frame, last: u64) -> Vec<u8> {
        let config = self.scenario.config(frame.from, false);
        let mine = self.hosts[me].disk.generation;
        let (Message::Status { status, deadtime, acks, config: told, .. }, generation) =
            (frame.message, self.hosts[me].daemon.as_ref().map_or(0, |d| d.hearing.proven))
        else {
            return frame.bytes.to_vec();
        };
        let generation = Generation(generation.max(frame.generation));
        let hears = Some(Generation(mine));
        let message = Message::Status { status, deadtime, acks, config: told, hears };
        let envelope = Envelope {
            source: config.name(config.me()),
            source_uuid: &[small(frame.from) + 1; 16],
            dest: None,
            sequence: Some(Sequence(last + 1)),
            generation,
            timestamp: 1,
            load: "",
            ttl: 4,
            nodes: &[],
            encoding: Encoding::Netstring { inner: config.settings().inner_signature },
        };
        let mut buffer = [0; FRAME_MAX];
        let length = message
            .encode(&envelope, &self.scenario.keys(), &mut buffer)
            .expect("a beat fits a frame");
        buffer[..length].to_vec()
    }

    /// An alarm rings.
    pub(crate) fn wake(&mut self, me: usize, alarm: u64) {
        let rings = self.hosts[me].awake().and_then(|daemon| daemon.wake);
        if rings.is_none_or(|(_, number)| number != alarm) {
            return;
        }
        if let Some(daemon) = &mut self.hosts[me].daemon {
            daemon.wake = None;
        }
        self.tick(me, false);
    }

    pub(crate) fn tick(&mut self, me: usize, behind: bool) {
        let host = &self.hosts[me];
        let Some(daemon) = host.awake() else { return };
        let due = host.clock.local(self.now) >= daemon.node.deadline().as_micros();
        let expected = if due { Expected::Anything } else { Expected::Silence };
        self.handle(me, Event::Ticked { behind }, expected);
    }

    /// One step: the node, the rules about its answer, and what the answer does.
    pub(crate) fn handle(&mut self, me: usize, event: Event<'_>, expected: Expected) {
        let mut local = self.hosts[me].clock.local(self.now);
        let ticks = matches!(event, Event::Ticked { .. });
        if self.mutant == Some(Mutant::EarlyTime) && me == 0 && ticks {
            local += self.scenario.deadtime() / 2;
        }
        let now = Instant::from_micros(local);
        let Some(daemon) = &mut self.hosts[me].daemon else { return };
        // Whatever comes at the deadline may do what was due anyway.
        let due = daemon.node.deadline() <= now;
        let expected =
            if due && expected == Expected::LinkUp { Expected::Anything } else { expected };
        let inert = matches!(expected, Expected::Nothing | Expected::NoBelief);
        let before = inert.then(|| Snapshot::of(&daemon.node));
        let actions = daemon.node.handle(now, event);
        let after = inert.then(|| Snapshot::of(&daemon.node));
        self.step += 1;
        let count = actions.len() as u64;
        let spins = daemon.node.deadline() <= now && count == 0;
        let spins = spins && matches!(event, Event::Ticked { behind: false });
        self.trace.fold(&[self.now, me as u64, count, daemon.node.deadline().as_micros()]);
        if self.trace.in_words() {
            self.put_in_words(me, event, &actions);
        }
        self.check_actions(me, event, &actions, expected);
        if spins {
            self.violate("a tick does nothing and is due again at once".to_owned());
        }
        if before != after {
            self.violate(format!("a replay or garbage changed the state: {before:?} -> {after:?}"));
        }
        self.carry_out(me, &actions);
        self.set_alarm(me);
    }

    fn put_in_words(&mut self, me: usize, event: Event<'_>, actions: &Actions) {
        match event {
            Event::Received { link, frame } => {
                let text = String::from_utf8_lossy(frame);
                let text: Vec<&str> = text.lines().collect();
                self.say(me, format_args!("> received on {}: {}", link.0, text.join(" ")));
            }
            other => self.say(me, format_args!("> {other:?}")),
        }
        for action in actions.iter().filter(|action| !matches!(action, Action::Tell(_))) {
            self.say(me, format_args!("  < {action:?}"));
        }
    }

    fn set_alarm(&mut self, me: usize) {
        let late = self.random.below(self.scenario.wake_latency);
        let host = &mut self.hosts[me];
        let clock = host.clock;
        let Some(daemon) = &mut host.daemon else { return };
        let mut at = clock.when(self.now, daemon.node.deadline().as_micros()) + late;
        if self.mutant == Some(Mutant::LateTicks) {
            at += 2 * SECOND;
        }
        // Sooner is harmless: an early tick must do nothing.
        if daemon.wake.is_some_and(|(rings, _)| rings > self.now && rings <= at) {
            return;
        }
        self.alarms += 1;
        let alarm = self.alarms;
        daemon.wake = Some((at, alarm));
        self.later(at - self.now, Happening::Wake { host: me, alarm });
    }

    /// Plays something to a node that it must not believe, and again later.
    pub(crate) fn inject(&mut self, episode: usize, fault: usize) {
        if !self.is_active((episode, fault)) {
            return;
        }
        let to = usize::try_from(self.random.below(2)).expect("small");
        let places = self.recordings.len() as u64;
        let link = self.random.below(self.scenario.links as u64);
        let link = Self::link(usize::try_from(link).expect("small"));
        if places > 0 {
            let place = usize::try_from(self.random.below(places)).expect("small");
            let frame = self.recordings[place].clone();
            if self.fault(episode, fault).kind == Kind::Replay {
                self.give(to, Waiting::Frame { link, frame, replayed: true });
            } else {
                let bytes = self.spoil(&frame.bytes);
                self.census.count("garbage");
                self.give(to, Waiting::Garbage { link, bytes });
            }
        }
        let after = MS + self.random.below(self.scenario.keepalive());
        self.later(after, Happening::Inject { episode, fault });
    }

    /// Changes a frame in one place, cuts it short, or makes it noise.
    fn spoil(&mut self, bytes: &[u8]) -> Rc<[u8]> {
        let mut bytes = bytes.to_vec();
        let place = usize::try_from(self.random.below(bytes.len() as u64)).expect("small");
        match self.random.below(4) {
            0 => bytes.truncate(place),
            1 => bytes.iter_mut().for_each(|octet| *octet = self.random.next().to_le_bytes()[0]),
            _ => bytes[place] ^= 1 << self.random.below(8),
        }
        bytes.into()
    }
}

/// A number that is another one every time.
fn fresh() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}
