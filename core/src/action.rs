//! What to do: the outputs of a node. Imperative, one effect each.

use crate::id::{Generation, GroupId, NodeId, Order, Sequence};
use crate::limits::ACTIONS_MAX;
use crate::notice::Notice;
use crate::order::Ownership;
use crate::wire::Message;

/// One effect for the edge to bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a frame on all links; [`Node::render`](crate::Node::render) makes its octets.
    Send(Transmission),
    /// Send an echo request with this token to a ping node.
    Probe {
        /// The ping node.
        node: NodeId,
        /// To be carried as payload.
        token: u64,
    },
    /// Bring a group to this level and keep it there, then report
    /// [`Event::Settled`](crate::Event::Settled) with the same order.
    Own {
        /// The group.
        group: GroupId,
        /// The number of this order; the latest one counts.
        order: Order,
        /// The level.
        ownership: Ownership,
    },
    /// Tell the segment again where a held group's addresses are (gratuitous ARP).
    Announce {
        /// The group.
        group: GroupId,
    },
    /// Remember on disk the newest generation heard of a node, when convenient.
    Record {
        /// The other node.
        node: NodeId,
        /// Its newest generation.
        generation: Generation,
    },
    /// End the process; everything has been said and released.
    Exit,
    /// Say it: a log line, a lamp, a line in a test.
    Tell(Notice),
}

/// What one call of `handle` returns.
pub type Actions = heapless::Vec<Action, ACTIONS_MAX>;

/// A message on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmission {
    /// Its number; none for the types `NS_*`.
    pub sequence: Option<Sequence>,
    /// Whom it is for; none for everybody.
    pub to: Option<NodeId>,
    /// What it says.
    pub message: Message,
}

/// Adds an action; the bound is a property of the rules, so overflowing it is a bug.
pub(crate) fn push(actions: &mut Actions, action: Action) {
    actions.push(action).expect("ACTIONS_MAX is the sum of what a turn can do");
}

/// Adds a notice.
pub(crate) fn tell(actions: &mut Actions, notice: Notice) {
    push(actions, Action::Tell(notice));
}

const _: () = assert!(size_of::<Actions>() <= 32 * 1024, "actions are returned by value");
