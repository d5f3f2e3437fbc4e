//! What every message carries besides its own fields: who sent it, to whom, and
//! its place among the sender's messages (specification 3.4). Whether that makes
//! it worth believing is membership's business.

use core::fmt;

use super::frame::Frame;
use super::names;
use crate::id::{Generation, Sequence, Uuid};

#[cfg(test)]
mod tests;

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The message's type (`t`).
    pub kind: &'a str,
    /// The name of the node that sent it.
    pub source: &'a str,
    /// The UUID of that node, if given.
    pub source_uuid: Option<Uuid>,
    /// The name of the node that it is for; `None`: all.
    pub dest: Option<&'a str>,
    /// The UUID of that node, if given; it outranks `dest`.
    pub dest_uuid: Option<Uuid>,
    /// Its number. `None`: absent, unreadable or 0. Types that begin with `NS_`
    /// have none; any other message without one is to be dropped.
    pub sequence: Option<Sequence>,
    /// The generation of its sender.
    pub generation: Generation,
    /// When it was sent, Unix time in seconds, never 0.
    pub timestamp: u32,
}

/// Why a frame has no header; the message is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderError {
    /// No type (`t`).
    Type,
    /// No source (`src`).
    Source,
    /// No time (`ts`).
    TimestampMissing,
    /// The time is 0, beyond 32 bits, or no number.
    Timestamp,
    /// The generation (`hg`) is missing or no number.
    Generation,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "there is no type (t)",
            Self::Source => "there is no source (src)",
            Self::TimestampMissing => "there is no time (ts)",
            Self::Timestamp => "the time (ts) is no number or 0",
            Self::Generation => "there is no generation (hg)",
        })
    }
}

impl core::error::Error for HeaderError {}

impl<'a> Header<'a> {
    /// Reads the header of `frame`.
    ///
    /// # Errors
    ///
    /// A field is missing or unreadable without which a message means nothing.
    pub fn read(frame: &Frame<'a>) -> Result<Self, HeaderError> {
        let kind = frame.text(names::TYPE).ok_or(HeaderError::Type)?;
        let source = frame.text(names::SOURCE).ok_or(HeaderError::Source)?;
        let timestamp = frame.field(names::TIMESTAMP).ok_or(HeaderError::TimestampMissing)?;
        let timestamp = timestamp.hex().and_then(|seconds| u32::try_from(seconds).ok());
        let timestamp = timestamp.filter(|&seconds| seconds != 0);
        let generation = frame.hex(names::GENERATION).filter(|&number| number != 0);
        let generation = generation.ok_or(HeaderError::Generation)?;
        Ok(Self {
            kind,
            source,
            source_uuid: frame.uuid(names::SOURCE_UUID),
            dest: frame.text(names::DEST),
            dest_uuid: frame.uuid(names::DEST_UUID),
            sequence: frame.hex(names::SEQUENCE).filter(|&number| number != 0).map(Sequence),
            generation: Generation(generation),
            timestamp: timestamp.ok_or(HeaderError::Timestamp)?,
        })
    }
}
