//! What a node's actions do to the world.

use std::rc::Rc;

use latido_core::id::{GroupId, LinkId, NodeId, Order};
use latido_core::limits::FRAME_MAX;
use latido_core::wire::Message;
use latido_core::{Action, Actions, Notice, Outcome, Ownership, Stamp, Transmission};

use super::executor::{Job, Next};
use super::mutant::Mutant;
use super::network::Fate;
use super::plan::Kind;
use super::scenario::{MS, SECOND};
use super::world::{Happening, World, small};

/// Frames that are kept to be played back.
const RECORDINGS: usize = 256;

/// A frame on its way, and what the simulator knows of it without reading it.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) from: usize,
    pub(crate) generation: u64,
    pub(crate) sequence: Option<u64>,
    pub(crate) message: Message,
}

impl Frame {
    /// Whether it is about ownership: such a one must arrive some time.
    pub(crate) const fn is_ownership(&self) -> bool {
        matches!(
            self.message,
            Message::Starting
                | Message::Resource { .. }
                | Message::AskResources { .. }
                | Message::Shutdone
        )
    }
}

impl World {
    /// Carries out what the daemon of `me` wants.
    pub(crate) fn carry_out(&mut self, me: usize, actions: &Actions) {
        for action in actions {
            match *action {
                Action::Send(transmission) => self.send(me, &transmission),
                Action::Probe { node, token } => self.probe(me, node, token),
                Action::Own { group, order, ownership } => {
                    self.own(me, group, order, ownership);
                }
                Action::Announce { group } => {
                    self.census.count("announcement");
                    self.checks.announced(&self.hosts[me], group);
                }
                Action::Record { generation, .. } => {
                    let number = self.number(me);
                    let after = 1 + self.random.below(200 * MS);
                    let generation = generation.0;
                    self.later(after, Happening::Recorded { host: me, number, generation });
                }
                Action::Exit => self.exit(me),
                Action::Tell(notice) => self.tell(me, notice),
            }
        }
    }

    fn number(&self, me: usize) -> u64 {
        self.hosts[me].daemon.as_ref().map_or(0, |daemon| daemon.number)
    }

    fn send(&mut self, me: usize, transmission: &Transmission) {
        let Some(daemon) = &self.hosts[me].daemon else { return };
        let mut bytes = [0; FRAME_MAX];
        let unix_seconds =
            1_300_000_000 + u32::try_from(self.now / SECOND).expect("a run is short");
        let stamp = Stamp { unix_seconds, load: "0.00 0.01 0.05 1/99 694" };
        let length = daemon.node.render(transmission, &stamp, &mut bytes);
        let frame = Rc::new(Frame {
            bytes: bytes[..length].into(),
            from: me,
            generation: daemon.node.generation().0,
            sequence: transmission.sequence.map(|sequence| sequence.0),
            message: transmission.message,
        });
        self.trace.fold_bytes(&frame.bytes);
        if frame.is_ownership() {
            let again = !self.checks.sent(&frame);
            if again {
                self.census.count("retransmission");
            }
        }
        self.record(&frame);
        let muted = match frame.message {
            Message::Starting => self.mutant == Some(Mutant::StartingLost),
            Message::Resource { .. } => self.mutant == Some(Mutant::ReportsLost),
            _ => false,
        };
        if muted {
            return;
        }
        for link in 0..self.scenario.links {
            self.send_over(link, &frame);
        }
    }

    fn send_over(&mut self, link: usize, frame: &Rc<Frame>) {
        let me = frame.from;
        if self.scenario.hears_itself && self.network.has_device(me, link) {
            let after = self.scenario.latency / 2;
            self.later(after, Happening::Arrives { to: me, link, frame: frame.clone() });
        }
        match self.network.send(link, me, &mut self.random) {
            Fate::Lost => self.census.count("beat lost"),
            Fate::LostInBurst => self.census.count("burst"),
            Fate::Cut => {}
            Fate::Arrives { after, again, reordered } => {
                if reordered {
                    self.census.count("datagram reordered");
                }
                let to = 1 - me;
                self.later(after, Happening::Arrives { to, link, frame: frame.clone() });
                if let Some(after) = again {
                    self.census.count("datagram duplicated");
                    self.later(after, Happening::Arrives { to, link, frame: frame.clone() });
                }
            }
        }
    }

    /// Whoever listens keeps what is said.
    fn record(&mut self, frame: &Rc<Frame>) {
        if self.recordings.len() < RECORDINGS {
            self.recordings.push(frame.clone());
            return;
        }
        let place = usize::try_from(self.random.below(RECORDINGS as u64)).expect("small");
        self.recordings[place] = frame.clone();
    }

    fn probe(&mut self, me: usize, node: NodeId, token: u64) {
        let Some(daemon) = &mut self.hosts[me].daemon else { return };
        if daemon.tokens.front() != Some(&token) {
            daemon.tokens.push_front(token);
            daemon.tokens.truncate(4);
        }
        let number = daemon.number;
        let silent = self
            .faults()
            .any(|kind| matches!(kind, Kind::PingSilence { ping } if ping + 2 == node.index()));
        if silent {
            self.census.count("ping silence");
            return;
        }
        let after = self.scenario.latency * 2;
        self.later(after, Happening::Replied { host: me, number, node, token });
    }

    fn own(&mut self, me: usize, group: GroupId, order: Order, level: Ownership) {
        let executor = &mut self.hosts[me].groups[group.index()];
        if self.mutant == Some(Mutant::FirstOrderWins)
            && executor.job.is_some()
            && !executor.settled
        {
            let (_, first) = executor.latest.unwrap_or((order, level));
            executor.latest = Some((order, first));
            return;
        }
        let next = executor.order(order, level);
        self.go_on(me, group, next);
    }

    /// Does what an executor wants next.
    pub(crate) fn go_on(&mut self, me: usize, group: GroupId, next: Next) {
        match next {
            Next::Nothing => {}
            Next::Settle(order, outcome) => self.settle(me, group, order, outcome),
            Next::Begin(order, level) => self.begin(me, group, order, level),
        }
    }

    fn settle(&mut self, me: usize, group: GroupId, order: Order, outcome: Outcome) {
        let number = self.number(me);
        self.later(0, Happening::Settled { host: me, number, group, order, outcome });
    }

    fn begin(&mut self, me: usize, group: GroupId, order: Order, level: Ownership) {
        let lost = match level {
            Ownership::Released => Mutant::LostRelease,
            Ownership::Held => Mutant::LostStart,
        };
        if self.mutant == Some(lost) {
            self.hosts[me].groups[group.index()].settled = true;
            self.settle(me, group, order, Outcome::Done);
            return;
        }
        let failures = match level {
            Ownership::Held => self.scenario.start_failures,
            Ownership::Released => self.scenario.stop_failures,
        };
        let fails = self.random.below(1_000) < failures;
        let lasts = MS + self.random.below(self.scenario.script_max);
        self.scripts += 1;
        let number = self.scripts;
        self.hosts[me].groups[group.index()].begin(Job { number, order, level, fails });
        self.later(lasts, Happening::ScriptEnded { host: me, group, number });
        self.say(me, format_args!("script {level:?} of {} begins, {order:?}", group.0));
        if self.mutant == Some(Mutant::ReleaseSettledEarly) && level == Ownership::Released {
            self.settle(me, group, order, Outcome::Done);
        }
    }

    fn exit(&mut self, me: usize) {
        self.say(me, format_args!("the daemon has ended"));
        self.census.count("shutdown");
        self.end_daemon(me);
        if std::mem::take(&mut self.hosts[me].start_on_exit) {
            self.later(MS, Happening::Start { host: me });
        }
    }

    fn tell(&mut self, me: usize, notice: Notice) {
        match notice {
            Notice::NodeDead { node } if node.index() < 2 => {
                self.census.count("death of a node");
            }
            Notice::NodeDead { .. } => self.census.count("death of a ping node"),
            Notice::TakeoverComplete => self.census.count("takeover"),
            Notice::StandbyAcquired { .. } if !self.scenario.commands => {
                self.census.count("failback");
            }
            Notice::Partition { .. } => self.census.count("healed split"),
            Notice::LeftoverKept { .. } => self.census.count("found leftover"),
            Notice::GroupFailed { group } => {
                self.census.count("group that failed to start");
                self.note_failure(me, group);
            }
            Notice::GroupBlocked { group } => {
                self.census.count("group that failed to stop");
                self.note_failure(me, group);
            }
            _ => {}
        }
        if self.trace.in_words() {
            let line = self.hosts[me].daemon.as_ref().map(|daemon| {
                let config = daemon.node.config();
                notice.line(config).to_string()
            });
            self.say(me, format_args!("\"{}\"", line.unwrap_or_default()));
        }
    }

    fn note_failure(&mut self, me: usize, group: GroupId) {
        if let Some(daemon) = &mut self.hosts[me].daemon {
            daemon.failed[group.index()] = true;
        }
    }

    /// The number of a link as the core wants it.
    pub(crate) fn link(place: usize) -> LinkId {
        LinkId(small(place))
    }
}
