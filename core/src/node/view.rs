//! What can be looked at: for `status`, for tests, and for drivers.

use super::Node;
use crate::config::{Config, NodeKind};
use crate::id::{Generation, GroupId, LinkId, NodeId, Order, Sequence};
use crate::notice::Reject;
use crate::order::{Outcome, Ownership as Level};
use crate::ownership::Phase;
use crate::time::Instant;
use crate::wire::{Hold, Status};

/// One node, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Which one.
    pub node: NodeId,
    /// Its kind.
    pub kind: NodeKind,
    /// Its status.
    pub status: Status,
    /// When it was last heard; none for this node and for one never heard.
    pub heard_at: Option<Instant>,
    /// Its generation; none for a ping node and for one never heard.
    pub generation: Option<Generation>,
    /// The newest number received of it, or sent.
    pub sequence: Option<Sequence>,
}

/// One link of a node, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Which one.
    pub link: LinkId,
    /// Whether packets of the node come in over it.
    pub up: bool,
    /// When the last one came; none for our own links and dead ones.
    pub heard_at: Option<Instant>,
}

/// One group, as this node handles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Which one.
    pub group: GroupId,
    /// The node that it prefers.
    pub preferred: NodeId,
    /// The level that is ordered.
    pub wanted: Level,
    /// The latest order; zero: none yet.
    pub order: Order,
    /// How it ended; none while it is carried out.
    pub outcome: Option<Outcome>,
}

impl Node {
    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Our own generation.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.incarnation.generation
    }

    /// Our own status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.membership.status
    }

    /// The state of the ownership handshake.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.ownership.phase()
    }

    /// Which sets of groups are ours by the protocol.
    #[must_use]
    pub const fn hold(&self) -> Hold {
        self.ownership.hold()
    }

    /// Which sets the other node says it holds, from its point of view.
    #[must_use]
    pub const fn other_hold(&self) -> Hold {
        self.ownership.other()
    }

    /// Whether anything is being moved.
    #[must_use]
    pub fn in_transition(&self) -> bool {
        self.ownership.in_transition() || !self.groups.all_settled()
    }

    /// Whether the other node's configuration differs from ours; none where it
    /// does not say.
    #[must_use]
    pub fn configuration_differs(&self) -> Option<bool> {
        let theirs = self.membership.other.config?;
        Some(theirs != self.config.settings().fingerprint)
    }

    /// All nodes, in the order of the configuration.
    pub fn nodes(&self) -> impl Iterator<Item = NodeView> {
        let places = 0..self.config.settings().nodes.len();
        places.map(|place| self.node_view(NodeId(u8::try_from(place).expect("nodes are few"))))
    }

    fn node_view(&self, node: NodeId) -> NodeView {
        let kind = self
            .config
            .nodes(NodeKind::Normal)
            .find(|normal| *normal == node)
            .map_or(NodeKind::Ping, |_| NodeKind::Normal);
        let detector = self.membership.detector(node);
        let other = &self.membership.other;
        if node == self.config.me() {
            let (generation, sequence) = (self.incarnation.generation, self.history.last());
            return NodeView {
                node,
                kind,
                status: self.membership.status,
                heard_at: None,
                generation: Some(generation),
                sequence: Some(sequence),
            };
        }
        let is_other = other.node == Some(node);
        let generation = Some(other.generation).filter(|seen| is_other && *seen != Generation(0));
        let sequence = other.reception.last().filter(|_| is_other);
        let (status, heard_at) = (detector.status(), detector.heard_at());
        NodeView { node, kind, status, heard_at, generation, sequence }
    }

    /// The links of `node`, in the order of the configuration. A ping node has one,
    /// number 0, named like itself.
    pub fn links(&self, node: NodeId) -> impl Iterator<Item = LinkView> {
        let ping = self.config.nodes(NodeKind::Ping).any(|ping| ping == node);
        let count = if ping { 1 } else { self.config.settings().links.len() };
        (0..count).map(move |place| {
            let link = LinkId(u8::try_from(place).expect("links are few"));
            let heard_at = self.membership.detector(node).link_heard_at(link);
            let own = node == self.config.me();
            let up = if own { self.membership.own_link_up(link) } else { heard_at.is_some() };
            LinkView { link, up, heard_at }
        })
    }

    /// The groups, in the order of their lines.
    pub fn groups(&self) -> impl Iterator<Item = GroupView> {
        self.groups.all().iter().map(|group| GroupView {
            group,
            preferred: self
                .config
                .settings()
                .groups
                .get(group.index())
                .map_or(self.config.me(), |settings| settings.preferred),
            wanted: self.groups.wanted(group),
            order: self.groups.order(group),
            outcome: self.groups.outcome(group),
        })
    }

    /// How many datagrams were not believed for this reason.
    #[must_use]
    pub fn rejected(&self, why: Reject) -> u64 {
        self.rejects.count(why)
    }
}
