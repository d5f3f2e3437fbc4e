//! The names of fields and of message types, and the fixed words between fields:
//! each spelt here once (specification 3.4, 3.5). It knows nothing of their meaning.

/// Message type.
pub const TYPE: &str = "t";
/// Name of the node that a message is for.
pub const DEST: &str = "dest";
/// UUID of the node that a message is for; it outranks [`DEST`].
pub const DEST_UUID: &str = "destuuid";
/// Name of the node that sent a message.
pub const SOURCE: &str = "src";
/// UUID of the node that sent a message.
pub const SOURCE_UUID: &str = "srcuuid";
/// Sequence number, hexadecimal.
pub const SEQUENCE: &str = "seq";
/// Generation, hexadecimal.
pub const GENERATION: &str = "hg";
/// Unix time in seconds, hexadecimal.
pub const TIMESTAMP: &str = "ts";
/// The load average of the sender.
pub const LOAD: &str = "ld";
/// How often a message may still be relayed, decimal.
pub const TTL: &str = "ttl";
/// The inner signature.
pub const AUTH: &str = "auth";

/// A status word.
pub const STATUS: &str = "st";
/// How long to wait before declaring the sender dead, hexadecimal milliseconds.
pub const DEADTIME: &str = "dt";
/// Version of the flow control, decimal.
pub const PROTOCOL: &str = "protocol";
/// Ours: the fingerprint of the sender's configuration, hexadecimal.
pub const CONFIG: &str = "ltconf";
/// Ours: the newest generation that the sender has heard, hexadecimal.
pub const HEARS: &str = "lthear";
/// Number up to which everything has arrived, hexadecimal.
pub const ACK_SEQUENCE: &str = "ackseq";
/// First number of a range: **decimal** in `NS_rexmit`, hexadecimal in `NS_nak_rexmit`.
pub const FIRST_SEQUENCE: &str = "firstseq";
/// Last number of a range, **decimal**.
pub const LAST_SEQUENCE: &str = "lastseq";
/// A reason or a step, by type of message.
pub const INFO: &str = "info";
/// Names of the cluster's nodes, each followed by a blank.
pub const NODE_LIST: &str = "nodelist";
/// Names of removed nodes, each followed by a blank.
pub const DELETED_NODE_LIST: &str = "delnodelist";
/// What a node holds, or what is to move.
pub const HOLD: &str = "rsc_hold";
/// Whether [`HOLD`] replaces (`full`) or adds.
pub const HOLD_TYPE: &str = "rtype";
/// Whether the sender's resources are settled, `0` or `1`.
pub const STABLE: &str = "isstable";
/// Name of the node that a message is about.
pub const NODE: &str = "node";
/// What became of fencing.
pub const RESULT: &str = "result";

/// The value of [`HOLD_TYPE`] in every message of a daemon.
pub(super) const FULL: &str = "full";

/// The values of [`TYPE`] that we speak.
pub mod types {
    /// A heartbeat.
    pub const STATUS: &str = "status";
    /// An acknowledgement.
    pub const ACK: &str = "NS_ackmsg";
    /// A request for retransmission.
    pub const REXMIT: &str = "NS_rexmit";
    /// A refusal of retransmission.
    pub const NAK: &str = "NS_nak_rexmit";
    /// A request for the node list.
    pub const REQ_NODES: &str = "reqnodes";
    /// The node list.
    pub const REP_NODES: &str = "repnodes";
    /// The resource handshake begins.
    pub const STARTING: &str = "starting";
    /// What a node holds.
    pub const RESOURCE: &str = "resource";
    /// A step of the standby dialogue.
    pub const ASK_RESOURCES: &str = "ask_resources";
    /// The other node shall go standby.
    pub const TAKEOVER: &str = "hb_takeover";
    /// A node has released everything and goes.
    pub const SHUTDONE: &str = "shutdone";
    /// What became of fencing.
    pub const STONITH: &str = "stonith";
}

/// Opens a netstring frame.
pub(super) const NETSTRING_START: &[u8] = b"###\n";
/// Ends what the outer signature of a netstring frame covers.
pub(super) const NETSTRING_END: &[u8] = b"%%%\n";
/// Opens a classic frame.
pub(super) const CLASSIC_START: &[u8] = b">>>\n";
/// Ends a classic frame.
pub(super) const CLASSIC_END: &[u8] = b"<<<\n";
/// Stands for a line feed inside a value of a classic frame.
pub(super) const ESCAPED_NEWLINE: u8 = 0x13;
