//! What the parts of a node share while one event is handled.

use crate::action::{Action, Actions, Transmission, push, tell};
use crate::config::Config;
use crate::groups::Groups;
use crate::history::History;
use crate::id::NodeId;
use crate::notice::Notice;
use crate::time::Instant;
use crate::wire::Message;

/// One turn: its time, what is known of the other node, and what comes out.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) peer: Peer,
    pub(crate) groups: &'a mut Groups,
    pub(crate) history: &'a mut History,
    pub(crate) actions: &'a mut Actions,
}

/// What the ownership rules may know of the other node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The other normal node, where there is one.
    pub(crate) node: Option<NodeId>,
    /// It is heard, and has not said good-bye.
    pub(crate) alive: bool,
    /// It speaks our own fields too.
    pub(crate) ours: bool,
}

impl Turn<'_> {
    /// Sends `message` to everybody.
    pub(crate) fn send(&mut self, message: Message) {
        let transmission = Transmission { sequence: None, to: None, message };
        push(self.actions, Action::Send(self.history.keep(transmission)));
    }

    /// Says it.
    pub(crate) fn tell(&mut self, notice: Notice) {
        tell(self.actions, notice);
    }
}
