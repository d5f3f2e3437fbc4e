//! What happened: the inputs of a node. Past tense, one fact each.

use crate::id::{GroupId, LinkId, NodeId, Order};
use crate::order::Outcome;
use crate::wire::Hold;

/// One fact that the edge reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Time has reached the deadline, or passed it. Comes last in a turn.
    Ticked {
        /// Datagrams still wait in a socket: deaths are not believed yet.
        behind: bool,
    },
    /// A datagram came in; the octets are unparsed, and nothing of them is believed.
    Received {
        /// The link it came in on.
        link: LinkId,
        /// The datagram.
        frame: &'a [u8],
    },
    /// A ping node answered an echo request.
    Replied {
        /// The ping node that the answer came from.
        node: NodeId,
        /// The token that the answer carried.
        token: u64,
    },
    /// A link's device came or went.
    LinkChanged {
        /// The link.
        link: LinkId,
        /// Its state from now on.
        state: LinkState,
    },
    /// An order has been carried out, or has failed.
    Settled {
        /// The group.
        group: GroupId,
        /// The order that it answers.
        order: Order,
        /// How it ended.
        outcome: Outcome,
    },
    /// At the start, something of the group was found running here.
    Found {
        /// The group.
        group: GroupId,
    },
    /// The operator wants something.
    Commanded(Command),
}

/// What a link's device is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It carries frames.
    Up,
    /// It is there and carries nothing.
    Down,
    /// There is no such device.
    Missing,
}

/// What an operator can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Hand these groups to the other node (`hb_standby`).
    Standby(Hold),
    /// Ask the other node to hand these groups to us (`hb_takeover`); the set is
    /// from our point of view.
    Takeover(Hold),
    /// Release everything, tell the other node, and end.
    Shutdown,
}
