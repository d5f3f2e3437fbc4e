//! Which nodes there are, whether they live, and in which generation
//! (specification 4 and 5).
//!
//! A frame of the other node is believed in four steps: its signature holds (the
//! frame's business), its generation is not over, its sender has shown that it
//! hears *us* (`lthear`, which no recording from before our start can), and its number
//! is new. An
//! original Heartbeat sends no `lthear`; of it the third step is not asked.

use heapless::Vec;

use crate::config::{Config, Incarnation, NodeKind};
use crate::detector::Detector;
use crate::id::{Fingerprint, Generation, LinkId, NodeId, Uuid};
use crate::limits::{LINKS_MAX, NODES_MAX};
use crate::random::Random;
use crate::reception::Reception;
use crate::time::{Duration, Instant};
use crate::wire::{Message, Status};

/// How often the list of nodes is asked for (specification 5.2, step 4).
const REQUEST_NODES_EVERY: Duration = Duration::from_secs(1);
/// So many unproven frames in a row are normal after a start; more are told.
const UNPROVEN_TOLERATED: u32 = 20;

/// The nodes, as this one sees them.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) status: Status,
    pub(crate) started: Instant,
    detectors: Vec<Detector, NODES_MAX>,
    own_links: [bool; LINKS_MAX],
    pub(crate) other: Other,
    /// The other node has sent its list of nodes.
    pub(crate) nodes_known: bool,
    request_at: Option<Instant>,
}

/// The other normal node.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    pub(crate) node: Option<NodeId>,
    pub(crate) uuid: Option<Uuid>,
    /// The generation that is believed; zero: none yet.
    pub(crate) generation: Generation,
    /// The newest generation that an authentic frame of it has shown, ever.
    pub(crate) newest: Generation,
    /// The same in this life of ours: what we truly hear, and tell it; zero: nothing.
    pub(crate) heard: Generation,
    /// It has said good-bye.
    pub(crate) left: bool,
    /// It speaks `protocol=1`.
    pub(crate) acks: bool,
    /// It sends our own fields.
    pub(crate) ours: bool,
    pub(crate) config: Option<Fingerprint>,
    pub(crate) reception: Reception,
    unproven: u32,
}

/// Whether a frame of the other node may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belief {
    /// As those before it.
    Known,
    /// The first of a generation.
    NewLife,
    /// Its generation is over.
    Replayed,
    /// It may be a recording. `worth_telling` after a number of them.
    Unproven { worth_telling: bool },
}

/// What a round of the clock has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The node is dead.
    Node(NodeId),
    /// The link of the node is dead.
    Link(NodeId, LinkId),
}

impl Membership {
    pub(crate) fn new(
        config: &Config,
        incarnation: &Incarnation,
        now: Instant,
        random: &mut Random,
    ) -> Self {
        let timing = &config.settings().timing;
        let detector = |node: &crate::config::NodeSettings| {
            Detector::new(match node.kind {
                NodeKind::Normal => timing.deadtime,
                NodeKind::Ping => timing.deadping,
            })
        };
        let other = Other {
            node: config.peer(),
            uuid: None,
            generation: Generation(0),
            newest: incarnation.peer_generation,
            heard: Generation(0),
            left: false,
            acks: true,
            ours: false,
            config: None,
            reception: Reception::new(random),
            unproven: 0,
        };
        Self {
            status: Status::Init,
            started: now,
            detectors: config.settings().nodes.iter().map(detector).collect(),
            own_links: [false; LINKS_MAX],
            other,
            nodes_known: false,
            request_at: None,
        }
    }

    pub(crate) fn detector(&self, node: NodeId) -> &Detector {
        self.detectors.get(node.index()).expect("a node is one of the configured")
    }

    pub(crate) fn detector_mut(&mut self, node: NodeId) -> &mut Detector {
        self.detectors.get_mut(node.index()).expect("a node is one of the configured")
    }

    /// Whether the other node is heard and has not said good-bye.
    pub(crate) fn other_alive(&self) -> bool {
        self.other.node.is_some_and(|node| self.detector(node).is_alive()) && !self.other.left
    }

    /// Judges a frame of the other node by its generation and what it says.
    pub(crate) fn judge(
        &mut self,
        generation: Generation,
        mine: Generation,
        message: &Message,
    ) -> Belief {
        let other = &mut self.other;
        if generation < other.newest {
            return Belief::Replayed;
        }
        other.newest = generation;
        other.heard = generation;
        if generation == other.generation {
            return Belief::Known;
        }
        let proven = match message {
            Message::Status { hears, .. } => hears.is_none_or(|heard| heard == mine),
            _ => false,
        };
        if !proven {
            other.unproven = other.unproven.saturating_add(1);
            return Belief::Unproven { worth_telling: other.unproven == UNPROVEN_TOLERATED };
        }
        Belief::NewLife
    }

    /// Starts believing `generation`. Returns whether another one was believed before.
    ///
    /// A node that is held for dead and `active` in the first beat that is believed has
    /// not just started: it has been up behind a split, and may hold everything. It
    /// stays dead until that beat is taken as the healing of the split.
    pub(crate) fn begin_life(&mut self, generation: Generation, active: bool) -> bool {
        let other = &mut self.other;
        let restarted = other.generation != Generation(0);
        other.generation = generation;
        other.left = false;
        other.acks = true;
        other.unproven = 0;
        other.reception.reset();
        if let Some(node) = other.node {
            let detector = self.detector_mut(node);
            if !(active && detector.status() == Status::Dead) {
                detector.reset();
            }
        }
        restarted
    }

    /// Notes that we heard ourselves over `link`. Returns whether that is new.
    pub(crate) fn hear_own_link(&mut self, link: LinkId) -> bool {
        let up = self.own_links.get_mut(link.index()).expect("a link is one of the configured");
        !core::mem::replace(up, true)
    }

    pub(crate) fn own_link_up(&self, link: LinkId) -> bool {
        self.own_links.get(link.index()).copied().unwrap_or(false)
    }

    /// Forgets that `link` carries our own beats: its device is gone.
    pub(crate) fn lose_own_link(&mut self, link: LinkId) {
        if let Some(up) = self.own_links.get_mut(link.index()) {
            *up = false;
        }
    }

    /// The least silence that is death: `initdead` while communication is not up.
    fn grace(&self, config: &Config) -> Duration {
        match self.status {
            Status::Init | Status::Up => config.settings().timing.initdead,
            Status::Active | Status::Dead | Status::Ping => Duration::ZERO,
        }
    }

    /// Declares dead what has been silent for too long, and tells it to `changed`.
    /// With `patience`, deaths are put off for so long: datagrams still wait.
    pub(crate) fn bury(
        &mut self,
        now: Instant,
        config: &Config,
        patience: Duration,
        mut changed: impl FnMut(Change),
    ) {
        let grace = self.grace(config);
        let (me, started) = (config.me().index(), self.started);
        for (place, detector) in self.detectors.iter_mut().enumerate().filter(|(at, _)| *at != me) {
            let node = NodeId(u8::try_from(place).expect("the table of nodes is short"));
            let dead_at = detector.dead_at(started, grace);
            let dies = dead_at.is_some_and(|at| at.after(patience) <= now);
            if dies {
                detector.die();
                changed(Change::Node(node));
            }
            if patience == Duration::ZERO {
                // A dead node's links are dead with it.
                detector.bury_links(now, dies).for_each(|link| changed(Change::Link(node, link)));
            }
        }
    }

    /// Whether every other node has been heard or is dead.
    pub(crate) fn all_decided(&self, config: &Config) -> bool {
        let others = self.detectors.iter().enumerate().filter(|(at, _)| *at != config.me().index());
        others.into_iter().all(|(_, detector)| detector.is_decided())
    }

    /// Whether the list of nodes is to be asked for now.
    pub(crate) fn request_due(&mut self, now: Instant) -> bool {
        if self.request_at.is_some_and(|at| at > now) {
            return false;
        }
        self.request_at = Some(now.after(REQUEST_NODES_EVERY));
        true
    }

    /// Whether communication waits for the other node's list of nodes.
    pub(crate) fn awaits_nodes(&self) -> bool {
        self.other_alive() && self.other.acks && !self.nodes_known
    }

    /// When something is due.
    pub(crate) fn deadline(&self, config: &Config) -> Option<Instant> {
        let grace = self.grace(config);
        let mine = config.me().index();
        let others = self.detectors.iter().enumerate().filter(|(place, _)| *place != mine);
        let silence = others
            .flat_map(|(_, node)| [node.dead_at(self.started, grace), node.link_deadline()])
            .flatten()
            .min();
        let request = self.request_at.filter(|_| self.status == Status::Up && self.awaits_nodes());
        let missing = self.other.reception.deadline().filter(|_| self.other_alive());
        [silence, request, missing].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
