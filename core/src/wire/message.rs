//! What a message says: the types of specification 3.5, as both sides use them.

use core::fmt;

use crate::id::{Fingerprint, Generation, NodeId, Sequence};
use crate::time::Duration;

/// A node's status word (`st`), specification 5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Never heard; also the first status that a starting daemon sends.
    Init,
    /// The daemon runs, communication is not yet proven.
    Up,
    /// Fully working.
    Active,
    /// Declared dead, or gone by its own word.
    Dead,
    /// A ping node that answers.
    Ping,
}

/// Which resources a node holds, **from its own point of view**: `local` are the
/// groups whose preferred node it is, `foreign` all others (specification 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hold {
    /// It holds the groups that prefer it.
    pub local: bool,
    /// It holds the groups that prefer another node.
    pub foreign: bool,
}

/// Why a `resource` message was sent (its `info` field).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Info {
    /// No `info` field.
    #[default]
    Absent,
    /// `standby`: the sender gives up for a standby.
    Standby,
    /// `shutdown`: the sender is stopping.
    Shutdown,
    /// `req_our_resources()`: the sender's own groups are settled.
    OurResources,
    /// `mach_down`: a takeover after a death has finished.
    MachDown,
    /// Anything else.
    Other,
}

/// The steps of the standby dialogue (`info` of `ask_resources`), specification 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// `me`: the sender wants to go standby.
    Me,
    /// `other`: the sender can take what the asker gives.
    Other,
    /// `done`: the giver has released, or the taker has acquired.
    Done,
}

/// Why a retransmission is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NakReason {
    /// `seqno too low`: dropped from the history already.
    TooLow,
    /// `seqno not found`: not in the history.
    NotFound,
}

/// What became of fencing a dead node (`result` of `stonith`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StonithResult {
    /// `n_stnth`: no device is configured.
    NotConfigured,
    /// `unneeded`: the dead node had given its resources up.
    Unneeded,
}

/// One message, without its header. Sent and received alike, but for
/// [`Message::Other`], which is only received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// `status`: the heartbeat itself.
    Status {
        /// The sender's status.
        status: Status,
        /// How long to wait before declaring the sender dead (`dt`).
        deadtime: Duration,
        /// Whether it speaks `protocol=1`, that is, acknowledges.
        acks: bool,
        /// Ours (`ltconf`): the hash of ha.cf and haresources.
        config: Option<Fingerprint>,
        /// Ours (`lthear`): the newest generation of the other node that the sender
        /// has heard since it started; proof that the beat is no recording. Zero:
        /// none yet.
        hears: Option<Generation>,
    },
    /// `NS_ackmsg`: everything up to and including `sequence` has arrived.
    Ack {
        /// The highest number received without a gap below.
        sequence: Sequence,
    },
    /// `NS_rexmit`: please send these again (decimal on the wire).
    RexmitRequest {
        /// The first number wanted.
        first: Sequence,
        /// The last number wanted.
        last: Sequence,
    },
    /// `NS_nak_rexmit`: that one cannot be sent again (hexadecimal on the wire).
    Nak {
        /// The number that is gone.
        sequence: Sequence,
        /// Why.
        reason: NakReason,
    },
    /// `reqnodes`: send me the list of nodes.
    ReqNodes,
    /// `repnodes`: the list of normal nodes.
    RepNodes,
    /// `starting`: communication is up, the resource handshake begins.
    Starting,
    /// `resource`: what the sender holds.
    Resource {
        /// What it holds.
        hold: Hold,
        /// `rtype=full`: `hold` replaces what was known, else it adds to it.
        full: bool,
        /// `isstable`, absent in messages of scripts.
        stable: Option<bool>,
        /// The reason.
        info: Info,
    },
    /// `ask_resources`: a step of the standby dialogue.
    AskResources {
        /// Which resources, **from the point of view of the node that goes standby**.
        set: Hold,
        /// The step.
        step: Step,
    },
    /// `hb_takeover`: the other node shall go standby.
    TakeoverRequest {
        /// Which resources, from the sender's point of view.
        set: Hold,
    },
    /// `shutdone`: the sender has released everything and goes.
    Shutdone,
    /// `stonith`: what became of fencing `node`.
    Stonith {
        /// The dead node.
        node: NodeId,
        /// What was done.
        result: StonithResult,
    },
    /// Any other type. It counts for sequence tracking and says nothing to us.
    Other,
}

impl Message {
    /// Whether it carries a sequence number: all types but `NS_*` do.
    #[must_use]
    pub const fn is_sequenced(self) -> bool {
        !matches!(self, Self::Ack { .. } | Self::RexmitRequest { .. } | Self::Nak { .. })
    }
}

impl Status {
    /// The word on the wire and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Up => "up",
            Self::Active => "active",
            Self::Dead => "dead",
            Self::Ping => "ping",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Hold {
    /// Nothing.
    pub const NONE: Self = Self { local: false, foreign: false };
    /// The groups that prefer the node itself.
    pub const LOCAL: Self = Self { local: true, foreign: false };
    /// The groups that prefer another node.
    pub const FOREIGN: Self = Self { local: false, foreign: true };
    /// Everything.
    pub const ALL: Self = Self { local: true, foreign: true };

    /// The word on the wire and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match (self.local, self.foreign) {
            (false, false) => "none",
            (true, false) => "local",
            (false, true) => "foreign",
            (true, true) => "all",
        }
    }

    /// The hold that `word` names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::NONE, Self::LOCAL, Self::FOREIGN, Self::ALL]
            .into_iter()
            .find(|hold| hold.word() == word)
    }

    /// The same groups from the other node's point of view.
    #[must_use]
    pub const fn seen_from_other(self) -> Self {
        Self { local: self.foreign, foreign: self.local }
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self { local: self.local || other.local, foreign: self.foreign || other.foreign }
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self { local: self.local && other.local, foreign: self.foreign && other.foreign }
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self { local: self.local && !other.local, foreign: self.foreign && !other.foreign }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
