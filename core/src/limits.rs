//! Every bound of the core, named once, with what happens at it.

use core::mem::size_of;

/// Nodes in the tables: the normal ones and the ping nodes. More is a
/// configuration error.
pub const NODES_MAX: usize = 32;
/// Normal nodes of a haresources cluster. More is a configuration error.
pub const NORMAL_NODES_MAX: usize = 2;
/// Heartbeat links. More is a configuration error.
pub const LINKS_MAX: usize = 8;
/// Resource groups (lines of haresources). More is a configuration error.
pub const GROUPS_MAX: usize = GROUPS_MAX_U8 as usize;
/// The same as the type of a group's number.
pub const GROUPS_MAX_U8: u8 = 32;
/// Resources of one group (words of a line of haresources after the node's name).
/// More is a configuration error.
pub const RESOURCES_MAX: usize = 32;
/// Octets of a script's output that decide whether its resource runs
/// (specification 9.2). What comes after them is not looked at.
pub const STATUS_OUTPUT_MAX: usize = 8_192;
/// Steps that one turn of a group's procedure may return; a broken bound is a bug
/// and panics. The largest turn is a last stop that failed: its reports, the
/// outcome, and the start of what comes next.
pub const STEPS_MAX: usize = 8;
/// Octets of a node's, link's or field's name. A longer name in a
/// configuration is an error; in a frame it makes the frame malformed.
pub const NAME_MAX: usize = 64;
/// Octets of a group's key (its first resource). Longer is a configuration error.
pub const KEY_MAX: usize = 128;
/// Octets of an authentication key. Longer is a configuration error.
pub const SECRET_MAX: usize = 128;
/// Words of one line of a configuration file. A line with more is left out as a
/// whole, with an error that names the first word beyond.
pub const WORDS_MAX: usize = 64;
/// Entries of an authkeys file: numbers 0 to 15.
pub const KEYS_MAX: usize = 16;
/// Fields of one frame. A frame with more is malformed.
pub const FIELDS_MAX: usize = 64;
/// Octets of the load (`ld`) in a frame that we send. A longer one is cut.
pub const LOAD_MAX: usize = 64;
/// Octets of a frame that we send; the edge's transmit buffer has this size.
pub const FRAME_MAX: usize = 1_400;
/// Octets of a frame that we accept. A longer datagram is malformed.
pub const DATAGRAM_MAX: usize = 4_096;
/// Messages kept for retransmission. The oldest is dropped for the newest; a
/// request for a dropped one is answered with a NAK. The original keeps as many.
pub const HISTORY_MAX: usize = 500;
/// A gap of more than this many messages is not asked for again: the receiver
/// starts afresh from the newest (specification 4.2, step 6).
pub const LOST_MAX: usize = 250;
/// Retransmissions sent for one request (specification 4.4).
pub const REXMIT_BURST_MAX: usize = 50;
/// Requests for lost messages that one turn may send; the rest go at the next.
pub const REQUESTS_PER_TURN: usize = 16;
/// Actions that one call of `handle` may return; a broken bound is a bug and panics.
/// The largest turn is the answer to a retransmission request, or every node and
/// link dying in one tick while every group is ordered.
pub const ACTIONS_MAX: usize =
    REXMIT_BURST_MAX + REQUESTS_PER_TURN + GROUPS_MAX * 4 + NODES_MAX * 2 + NODES_MAX + 64;

const _: () = assert!(LOST_MAX < HISTORY_MAX, "a gap that we ask for must still be kept");
const _: () = assert!(FRAME_MAX < DATAGRAM_MAX, "we must accept what we send");
const _: () = assert!(GROUPS_MAX <= 32, "a GroupSet is 32 bits");
const _: () = assert!(RESOURCES_MAX <= 32, "what runs of a group is kept in 32 bits");
const _: () = assert!(size_of::<usize>() >= 4, "indices are at least 32 bits");
