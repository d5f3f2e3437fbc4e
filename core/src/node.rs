//! One node of the cluster: the parts, wired together.
//!
//! Reading list: `event.rs` and `action.rs` for what goes in and out, then
//! `membership.rs` (who lives), `ownership.rs` (who holds what), `groups.rs` (what
//! is ordered of the edge). This file has no rule of its own but the order in
//! which the parts are asked. What arrives is taken apart in `node/intake.rs`,
//! what can be looked at is in `node/view.rs`.

use crate::action::{Action, Actions, Transmission, push, tell};
use crate::config::{Config, Incarnation, NodeKind};
use crate::event::{Command, Event, LinkState};
use crate::groups::Groups;
use crate::history::History;
use crate::id::{LinkId, NodeId};
use crate::limits::{LOAD_MAX, NORMAL_NODES_MAX};
use crate::membership::{Change, Membership};
use crate::notice::Notice;
use crate::ownership::Ownership;
use crate::random::Random;
use crate::rejects::Rejects;
use crate::time::{Duration, Instant};
use crate::turn::{Peer, Turn};
use crate::wire::{Encoding, Envelope, Keys, Message, Status};

mod intake;
mod view;

pub use view::{GroupView, LinkView, NodeView};

/// Echo requests that may be answered late and still count.
const TOKENS: usize = 4;

/// A node: feed it events, carry out its actions, wake it at its deadline.
///
/// # The contract
///
/// - **Time** never goes back: an earlier `now` is taken for the last one and told once.
/// - **Order within a turn:** at one `now`, first everything that was received, then
///   [`Event::Ticked`]. What waited in a socket while the process stood still counts as
///   heard before any silence is judged.
/// - **Only `Ticked` fires deadlines.** Nothing that is received declares a node dead.
/// - **Never early:** nothing is declared before its deadline, to the microsecond. Call
///   [`Node::handle`] late and it is late; call it early and it does nothing.
/// - **No memory of outputs:** the returned actions are all there is.
/// - **Deterministic:** the same configuration, incarnation and events give the same
///   actions, on every target and in every build.
#[derive(Clone, Debug)]
pub struct Node {
    config: Config,
    keys: Keys,
    incarnation: Incarnation,
    random: Random,
    now: Instant,
    next_beat: Instant,
    tokens: [u64; TOKENS],
    membership: Membership,
    ownership: Ownership,
    groups: Groups,
    history: History,
    rejects: Rejects,
    clock_told: bool,
}

/// What the edge stamps on every frame that it sends.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The wall clock, in seconds since 1970.
    pub unix_seconds: u32,
    /// The first line of `/proc/loadavg`; what is beyond [`LOAD_MAX`] octets is cut.
    pub load: &'a str,
}

impl Node {
    /// A node that has not said anything yet; its first deadline is `now`.
    #[must_use]
    pub fn new(config: Config, keys: Keys, incarnation: Incarnation, now: Instant) -> Self {
        let mut random = Random::new(incarnation.seed);
        Self {
            membership: Membership::new(&config, &incarnation, now, &mut random),
            groups: Groups::new(&config),
            ownership: Ownership::new(),
            history: History::new(),
            rejects: Rejects::default(),
            next_beat: now,
            tokens: [0; TOKENS],
            clock_told: false,
            config,
            keys,
            incarnation,
            random,
            now,
        }
    }

    /// Takes note of `event` and says what to do.
    ///
    /// # Panics
    /// If an invariant of the node itself is broken, and when the edge names a link,
    /// node or group that the configuration does not have.
    #[must_use]
    pub fn handle(&mut self, now: Instant, event: Event<'_>) -> Actions {
        let mut actions = Actions::new();
        let now = self.advance_clock(now, &mut actions);
        match event {
            Event::Ticked { behind } => self.ticked(now, behind, &mut actions),
            Event::Received { link, frame } => self.received(now, link, frame, &mut actions),
            Event::Replied { node, token } => self.replied(now, node, token, &mut actions),
            Event::LinkChanged { link, state } => self.link_changed(link, state, &mut actions),
            Event::Settled { group, order, outcome } => {
                self.groups.settle(now, group, order, outcome, &mut actions);
                self.ownership_turn(now, &mut actions, Ownership::settle_down);
            }
            Event::Found { group } => self.groups.found(group, &mut actions),
            Event::Commanded(command) => self.commanded(now, command, &mut actions),
        }
        self.rise(now, &mut actions);
        actions
    }

    /// When [`Event::Ticked`] is due; it changes with every call of `handle`.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        let leftovers = (!self.groups.leftovers().is_empty()).then(|| self.leftovers_until());
        [
            self.membership.deadline(&self.config),
            self.ownership.deadline(),
            self.groups.deadline(),
            leftovers,
        ]
        .into_iter()
        .flatten()
        .fold(self.next_beat, Instant::min)
    }

    fn advance_clock(&mut self, now: Instant, actions: &mut Actions) -> Instant {
        if now < self.now {
            if !self.clock_told {
                self.clock_told = true;
                tell(actions, Notice::ClockWentBack { by: self.now.since(now) });
            }
            return self.now;
        }
        self.now = now;
        now
    }

    fn ticked(&mut self, now: Instant, behind: bool, actions: &mut Actions) {
        if now >= self.next_beat {
            self.beat_on_schedule(now, actions);
        }
        self.bury(now, behind, actions);
        self.ask_again(now, actions);
        self.ownership_turn(now, actions, Ownership::tick);
        if !self.groups.leftovers().is_empty() && now >= self.leftovers_until() {
            self.groups.drop_leftovers(self.groups.all(), actions);
        }
    }

    /// Sends the heartbeat, and asks the ping nodes for theirs.
    fn beat_on_schedule(&mut self, now: Instant, actions: &mut Actions) {
        let timing = &self.config.settings().timing;
        let (keepalive, late) = (timing.keepalive, now.since(self.next_beat));
        if late > timing.deadtime {
            tell(actions, Notice::Overslept { interval: late.plus(keepalive) });
        }
        let on_time = self.next_beat.after(keepalive);
        self.next_beat = if on_time > now { on_time } else { now.after(keepalive) };
        if self.membership.status == Status::Init {
            self.beat(actions);
            self.set_status(Status::Up, actions);
        }
        self.beat(actions);
        self.tokens.rotate_right(1);
        self.tokens[0] = self.random.next() | 1;
        for node in self.config.nodes(NodeKind::Ping) {
            push(actions, Action::Probe { node, token: self.tokens[0] });
        }
    }

    /// Sends one `status`.
    fn beat(&mut self, actions: &mut Actions) {
        let settings = self.config.settings();
        let message = Message::Status {
            status: self.membership.status,
            deadtime: settings.timing.deadtime,
            acks: self.membership.other.acks,
            config: Some(settings.fingerprint),
            hears: Some(self.membership.other.heard),
        };
        self.send(None, message, actions);
    }

    fn send(&mut self, to: Option<NodeId>, message: Message, actions: &mut Actions) {
        let mut transmission = Transmission { sequence: None, to, message };
        if message.is_sequenced() {
            transmission = self.history.keep(transmission);
        }
        push(actions, Action::Send(transmission));
    }

    fn set_status(&mut self, status: Status, actions: &mut Actions) {
        assert!(self.membership.status != status, "a change of status changes it");
        self.membership.status = status;
        tell(actions, Notice::LocalStatus { status });
    }

    /// Finds out who has died, and acts on the other node's death.
    fn bury(&mut self, now: Instant, behind: bool, actions: &mut Actions) {
        let patience =
            if behind { self.config.settings().timing.keepalive } else { Duration::ZERO };
        let peer = self.config.peer();
        let was_up = self.membership.status == Status::Active;
        let mut died = false;
        let mut links = heapless::Vec::<Change, { crate::limits::LINKS_MAX }>::new();
        let config = &self.config;
        self.membership.bury(now, config, patience, |change| match change {
            Change::Node(node) if Some(node) == peer => {
                died = true;
                tell(actions, Notice::NodeDead { node });
            }
            Change::Node(node) => tell(actions, Notice::NodeDead { node }),
            Change::Link(node, _) if Some(node) == peer => {
                links.push(change).expect("the other node has at most LINKS_MAX links");
            }
            Change::Link(node, _) => tell(actions, Notice::PingLinkDead { node }),
        });
        if died && was_up {
            let left = self.membership.other.left;
            self.ownership_turn(now, actions, |ownership, turn| ownership.peer_died(turn, left));
        }
        for change in links {
            if let Change::Link(node, link) = change {
                tell(actions, Notice::LinkDead { node, link });
            }
        }
        if died && was_up && !self.membership.other.left {
            self.ownership_turn(now, actions, Ownership::take_over);
        }
    }

    /// Asks for lost messages again.
    fn ask_again(&mut self, now: Instant, actions: &mut Actions) {
        if !self.membership.other_alive() {
            return;
        }
        let delay = self.config.settings().timing.max_rexmit_delay;
        for sequence in self.membership.other.reception.requests(now, delay) {
            let message = Message::RexmitRequest { first: sequence, last: sequence };
            self.send(self.config.peer(), message, actions);
        }
    }

    /// Goes from `up` to `active` when everybody has been heard or is dead
    /// (specification 5.2, steps 3 to 6).
    fn rise(&mut self, now: Instant, actions: &mut Actions) {
        if self.membership.status != Status::Up || !self.membership.all_decided(&self.config) {
            return;
        }
        if self.membership.awaits_nodes() {
            if self.membership.request_due(now) {
                self.send(self.config.peer(), Message::ReqNodes, actions);
            }
            return;
        }
        tell(actions, Notice::CommNowUp);
        self.set_status(Status::Active, actions);
        self.beat(actions);
        let alone = self.config.peer().is_some() && !self.membership.other_alive();
        let left = self.membership.other.left;
        self.ownership_turn(now, actions, |ownership, turn| {
            ownership.communication_up(turn);
            if alone {
                ownership.peer_died(turn, left);
                ownership.take_over(turn);
            }
        });
    }

    fn replied(&mut self, now: Instant, node: NodeId, token: u64, actions: &mut Actions) {
        let is_ping = self.config.nodes(NodeKind::Ping).any(|ping| ping == node);
        if !is_ping || token == 0 || !self.tokens.contains(&token) {
            return;
        }
        let timing = self.config.settings().timing;
        let detector = self.membership.detector_mut(node);
        if detector.hear_link(now, LinkId(0)) {
            tell(actions, Notice::PingLinkUp { node });
        }
        let warntime = Duration::from_micros(u64::MAX);
        let (_, changed) = detector.hear(now, Status::Ping, timing.deadping, warntime);
        if changed {
            tell(actions, Notice::StatusUpdate { node, status: Status::Ping });
        }
    }

    fn link_changed(&mut self, link: LinkId, state: LinkState, actions: &mut Actions) {
        let notice = match state {
            LinkState::Up => Notice::DeviceUp { link },
            LinkState::Down => Notice::DeviceDown { link },
            LinkState::Missing => Notice::DeviceMissing { link },
        };
        tell(actions, notice);
        if state == LinkState::Up {
            // Switches and hosts may have forgotten us while the link was away.
            for group in self.groups.held().iter() {
                push(actions, Action::Announce { group });
            }
        } else {
            self.membership.lose_own_link(link);
        }
    }

    fn commanded(&mut self, now: Instant, command: Command, actions: &mut Actions) {
        let peer_alive = self.membership.other_alive();
        match command {
            Command::Standby(set) => self.ownership_turn(now, actions, |ownership, turn| {
                ownership.reassert(turn);
                ownership.go_standby(turn, set);
            }),
            Command::Takeover(set) => {
                self.ownership_turn(now, actions, Ownership::reassert);
                if peer_alive {
                    self.send(None, Message::TakeoverRequest { set }, actions);
                }
            }
            Command::Shutdown => self.ownership_turn(now, actions, Ownership::shut_down),
        }
    }

    fn leftovers_until(&self) -> Instant {
        self.membership.started.after(self.config.settings().timing.initdead)
    }

    /// Lets `part` act within one turn, with what it may see of the rest.
    fn ownership_turn<T>(
        &mut self,
        now: Instant,
        actions: &mut Actions,
        part: impl FnOnce(&mut Ownership, &mut Turn<'_>) -> T,
    ) -> T {
        let peer = Peer {
            node: self.membership.other.node,
            alive: self.membership.other_alive(),
            ours: self.membership.other.ours,
        };
        let mut turn = Turn {
            now,
            config: &self.config,
            peer,
            groups: &mut self.groups,
            history: &mut self.history,
            actions,
        };
        part(&mut self.ownership, &mut turn)
    }

    /// Writes the frame of `transmission` into `buffer` and returns its length.
    ///
    /// # Panics
    /// If `buffer` is shorter than [`FRAME_MAX`](crate::limits::FRAME_MAX) and the
    /// frame does not fit.
    #[must_use]
    pub fn render(
        &self,
        transmission: &Transmission,
        stamp: &Stamp<'_>,
        buffer: &mut [u8],
    ) -> usize {
        let settings = self.config.settings();
        let normal: heapless::Vec<&str, NORMAL_NODES_MAX> =
            self.config.nodes(NodeKind::Normal).map(|node| self.config.name(node)).collect();
        let uuid_of = |node: NodeId| {
            if node == settings.me {
                Some(&self.incarnation.uuid)
            } else {
                self.membership.other.uuid.as_ref()
            }
        };
        let hops = usize::from(settings.hopfudge) + settings.nodes.len();
        let envelope = Envelope {
            source: self.config.name(settings.me),
            source_uuid: &self.incarnation.uuid,
            dest: transmission.to.map(|node| (self.config.name(node), uuid_of(node))),
            sequence: transmission.sequence,
            generation: self.incarnation.generation,
            timestamp: stamp.unix_seconds,
            load: stamp.load.get(..stamp.load.floor_char_boundary(LOAD_MAX)).unwrap_or_default(),
            ttl: u8::try_from(hops).unwrap_or(u8::MAX),
            nodes: &normal,
            encoding: Encoding::Netstring { inner: settings.inner_signature },
        };
        transmission
            .message
            .encode(&envelope, &self.keys, buffer)
            .expect("FRAME_MAX holds every message with the longest names")
    }
}

#[cfg(test)]
mod tests;
