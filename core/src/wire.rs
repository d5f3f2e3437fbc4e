//! Frames: the text formats of the original, both ways (specification 3).
//!
//! ```text
//! octets ── Frame::parse ──▶ Frame ── verify ──▶ Header::read, Message::read
//! octets ◀── Writer::finish ◀── Message::encode(Envelope)
//! ```
//!
//! Whether a message is new, for us, or from a node that we know is decided in
//! membership, not here.

mod classic;
mod digest;
mod encode;
mod fault;
mod frame;
mod header;
mod message;
pub mod names;
mod netstring;
mod read;
mod words;
mod writer;

pub use digest::{KeyError, Keys, Method};
pub use encode::Envelope;
pub use fault::{AuthError, DecodeError, Fault, ParseError};
pub use frame::{Field, Frame, Framing, Kind};
pub use header::{Header, HeaderError};
pub use message::{Hold, Info, Message, NakReason, Status, Step, StonithResult};
pub use read::FieldError;
pub use writer::{Encoding, Full, Writer};
