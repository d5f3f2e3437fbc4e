//! The rules that hold after every step. That the cluster comes to rest is in
//! `convergence.rs`.

use std::collections::HashSet;

use latido_core::id::GroupId;
use latido_core::limits::{REQUESTS_PER_TURN, REXMIT_BURST_MAX};
use latido_core::wire::{Hold, Message, Status};
use latido_core::{Action, Actions, Event, GroupView, Node, NodeView, Notice, Phase};

use super::convergence::Rest;
use super::host::{Host, Waiting};
use super::outputs::Frame;
use super::scenario::{MS, Scenario};
use super::world::World;

/// What an event may cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Anything,
    /// It changes nothing but that its link works.
    LinkUp,
    /// It is not believed: it may be told and its generation noted, and a beat may
    /// show the sender, if it lives, that we hear it.
    NoBelief,
    /// It changes nothing at all; it may be told.
    Nothing,
    /// It causes nothing, not even a word.
    Silence,
}

/// What a node believes and does, as far as anybody can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    status: Status,
    phase: Phase,
    hold: (Hold, Hold),
    nodes: Vec<NodeView>,
    groups: Vec<GroupView>,
}

impl Snapshot {
    pub(crate) fn of(node: &Node) -> Self {
        // A beat in answer has the next number; that is not a decision.
        let me = node.config().me();
        let nodes = node.nodes().filter(|view| view.node != me).collect();
        Self {
            status: node.status(),
            phase: node.phase(),
            hold: (node.hold(), node.other_hold()),
            nodes,
            groups: node.groups().collect(),
        }
    }
}

/// The state of the rules.
#[derive(Clone, Debug)]
pub(crate) struct Checks {
    pub(crate) violation: Option<String>,
    pub(crate) rest: Rest,
    /// Messages about ownership, by sender: all, and those that have not arrived.
    sent: [HashSet<u64>; 2],
    pending: [HashSet<u64>; 2],
    /// Since when a group has had two holders that should know better.
    conflict: Vec<Option<u64>>,
}

impl Checks {
    pub(crate) fn new(groups: usize) -> Self {
        Self {
            violation: None,
            rest: Rest::new(groups),
            sent: [HashSet::new(), HashSet::new()],
            pending: [HashSet::new(), HashSet::new()],
            conflict: vec![None; groups],
        }
    }

    /// Notes a message about ownership. Returns whether it is sent for the first time.
    pub(crate) fn sent(&mut self, frame: &Frame) -> bool {
        let sequence = frame.sequence.unwrap_or(0);
        let first = self.sent[frame.from].insert(sequence);
        if first {
            self.pending[frame.from].insert(sequence);
        }
        first
    }

    pub(crate) fn delivered(&mut self, frame: &Frame) {
        self.pending[frame.from].remove(&frame.sequence.unwrap_or(0));
    }

    /// A daemon has begun or ended: its numbers begin anew, and what was sent to it
    /// is void.
    pub(crate) fn forget(&mut self, me: usize) {
        self.sent[me].clear();
        self.pending.iter_mut().for_each(HashSet::clear);
    }

    /// An address is announced by its holder alone.
    pub(crate) fn announced(&mut self, host: &Host, group: GroupId) {
        let wanted = host.daemon.as_ref().and_then(|daemon| {
            daemon.node.groups().find(|view| view.group == group).map(|view| view.wanted)
        });
        if wanted != Some(latido_core::Ownership::Held) {
            self.violation = Some(format!("group {} is announced and not held", group.0));
        }
    }

    pub(crate) fn quiet_begins(&mut self) {
        self.rest.begin();
    }
}

/// The most actions that one event may cause, with `groups` groups: what is sent or
/// asked for again, and a few for each node, link and group.
const fn most_actions(event: &Event<'_>, groups: usize) -> usize {
    match event {
        Event::Received { .. } => 12 + 4 * groups + 2 * REXMIT_BURST_MAX,
        Event::Ticked { .. } => 32 + 5 * groups + REQUESTS_PER_TURN,
        Event::Commanded(_) | Event::Settled { .. } => 16 + 4 * groups,
        Event::Replied { .. } | Event::Found { .. } => 4,
        Event::LinkChanged { .. } => 2 + groups,
    }
}

impl World {
    pub(crate) fn violate(&mut self, what: String) {
        self.trace.say(self.now, "world", format_args!("VIOLATION {what}"));
        self.checks.violation.get_or_insert(what);
    }

    /// The rules about what one event has caused.
    pub(crate) fn check_actions(
        &mut self,
        me: usize,
        event: Event<'_>,
        actions: &Actions,
        expected: Expected,
    ) {
        let most = most_actions(&event, self.scenario.preferred.len());
        if actions.len() > most {
            self.violate(format!("{} actions, {most} are the most", actions.len()));
        }
        let allowed = |action: &Action| match (expected, action) {
            (Expected::Anything, _) | (_, Action::Tell(Notice::ClockWentBack { .. })) => true,
            (Expected::Silence, _) => false,
            (Expected::LinkUp, action) => {
                matches!(action, Action::Tell(Notice::LinkUp { .. }))
            }
            (Expected::Nothing | Expected::NoBelief, Action::Tell(_)) => true,
            (Expected::NoBelief, Action::Record { .. }) => true,
            (Expected::NoBelief, Action::Send(sent)) => {
                matches!(sent.message, Message::Status { .. })
            }
            (Expected::Nothing | Expected::NoBelief, _) => false,
        };
        if let Some(action) = actions.iter().find(|action| !allowed(action)) {
            self.violate(format!("{expected:?} was expected, and {action:?} was done"));
        }
        let behind = matches!(event, Event::Ticked { behind: true });
        for action in actions {
            if let Action::Tell(Notice::NodeDead { node }) = action {
                self.check_death(me, node.index(), behind);
            }
        }
    }

    /// Nobody is dead before its deadtime, nor while its beat waits to be read.
    fn check_death(&mut self, me: usize, node: usize, behind: bool) {
        let local = self.hosts[me].clock.local(self.now);
        let Some(daemon) = &self.hosts[me].daemon else { return };
        let heard = match node.checked_sub(2) {
            Some(ping) => daemon.replied[ping],
            None => daemon.hearing.beat_local,
        };
        let waits = daemon.waiting.iter().any(|waiting| match waiting {
            Waiting::Frame { frame, replayed, .. } => {
                node < 2 && !replayed && daemon.hearing.is_beat(frame)
            }
            _ => false,
        });
        let (dead_at, since) = match heard {
            Some(heard) => (heard + self.scenario.deadtime(), "its last beat"),
            None => (daemon.started_local + self.scenario.initdead(), "the start"),
        };
        if local < dead_at {
            let early = dead_at - local;
            self.violate(format!("node {node} is dead {early} us early, counted from {since}"));
        } else if waits && !behind {
            self.violate(format!("node {node} is dead while its beat waits to be read"));
        }
    }

    /// The rules about the world after a step.
    pub(crate) fn check(&mut self) {
        for group in 0..self.scenario.preferred.len() {
            self.check_conflict(group);
        }
        self.check_settling();
    }

    /// At most one holder of a group among nodes that hear each other. It takes a
    /// beat each way until they know that they do, and a request for the first
    /// message that was lost before. What else excuses a second holder:
    /// its release is ordered and being carried out; or the network still loses
    /// messages, and one about ownership is among the lost; or it is a leftover that a
    /// restarted daemon has not decided about, for `initdead` at most; or a script
    /// that failed to stop it.
    fn check_conflict(&mut self, group: usize) {
        let (now, deadtime) = (self.now, self.scenario.deadtime());
        let [one, other] = &self.hosts;
        let both = one.groups[group].running && other.groups[group].running;
        let conflict = both
            && one.hears(now, deadtime)
            && other.hears(now, deadtime)
            && !self.hosts.iter().any(|host| self.is_excused(host, group))
            && !(self.network.loses() && self.checks.pending.iter().any(|set| !set.is_empty()));
        if !conflict {
            self.checks.conflict[group] = None;
            return;
        }
        let since = *self.checks.conflict[group].get_or_insert(now);
        if now - since > conflict_limit(&self.scenario) {
            self.violate(format!("group {group} has two holders that hear each other"));
        }
    }

    fn is_excused(&self, host: &Host, group: usize) -> bool {
        let executor = &host.groups[group];
        let Some(daemon) = &host.daemon else { return true };
        let undecided = daemon.found[group]
            && executor.latest.is_none()
            && self.now - daemon.started <= self.scenario.initdead() + self.scenario.keepalive();
        executor.is_releasing() || undecided || daemon.failed[group]
    }
}

/// How long two nodes that hear each other may take to find out that both hold a group.
fn conflict_limit(scenario: &Scenario) -> u64 {
    let travel = 4 * scenario.latency + 2 * scenario.wake_latency;
    2 * scenario.keepalive() + scenario.timing.max_rexmit_delay.as_micros() + travel + MS
}
