//! Fields to meaning: a frame's own fields as a [`Message`] (specification 3.5).
//! The header, and whether the frame is genuine, are read elsewhere.

use core::fmt;

use super::frame::{Field, Frame};
use super::message::{Hold, Info, Message, NakReason, Status, Step};
use super::names::{self, types};
use crate::id::{Fingerprint, Generation, Sequence};
use crate::time::Duration;

#[cfg(test)]
mod tests;

/// Which field keeps a frame from being a message, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldError {
    /// The type needs this field.
    Missing(&'static str),
    /// The field says nothing that its type allows.
    Malformed(&'static str),
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "there is no field {name}"),
            Self::Malformed(name) => write!(f, "the field {name} makes no sense"),
        }
    }
}

impl core::error::Error for FieldError {}

impl Message {
    /// What `frame` says. `stonith`, whose node is only a name here, reads as
    /// [`Message::Other`], like any unknown type.
    ///
    /// # Errors
    ///
    /// A field that the type needs is missing or makes no sense.
    pub fn read(frame: &Frame<'_>) -> Result<Self, FieldError> {
        let kind = required(frame, names::TYPE, Field::text)?;
        Ok(match kind {
            types::STATUS => status(frame)?,
            types::ACK => {
                Self::Ack { sequence: Sequence(required(frame, names::ACK_SEQUENCE, Field::hex)?) }
            }
            types::REXMIT => rexmit(frame)?,
            types::NAK => nak(frame)?,
            types::REQ_NODES => Self::ReqNodes,
            types::REP_NODES => Self::RepNodes,
            types::STARTING => Self::Starting,
            types::RESOURCE => resource(frame)?,
            types::ASK_RESOURCES => Self::AskResources {
                set: required(frame, names::HOLD, |field| set(field, Hold::FOREIGN))?,
                step: required(frame, names::INFO, |field| Step::from_word(field.text()?))?,
            },
            types::TAKEOVER => Self::TakeoverRequest {
                // The original's rc.d script has no case for it and falls to all.
                set: required(frame, names::HOLD, |field| set(field, Hold::ALL))?,
            },
            types::SHUTDONE => Self::Shutdone,
            _ => Self::Other,
        })
    }
}

fn status(frame: &Frame<'_>) -> Result<Message, FieldError> {
    Ok(Message::Status {
        status: required(frame, names::STATUS, |field| Status::from_word(field.text()?))?,
        deadtime: required(frame, names::DEADTIME, deadtime)?,
        acks: frame.decimal(names::PROTOCOL).is_some_and(|version| version >= 1),
        // Our own fields: what a later version may say in them is as good as absent.
        config: frame.hex(names::CONFIG).map(Fingerprint),
        hears: frame.hex(names::HEARS).map(Generation),
    })
}

/// Milliseconds within 32 bits; a node that is dead at once cannot be meant.
fn deadtime(field: &Field<'_>) -> Option<Duration> {
    let millis = u32::try_from(field.hex()?).ok()?;
    (millis != 0).then_some(Duration::from_millis(millis))
}

fn rexmit(frame: &Frame<'_>) -> Result<Message, FieldError> {
    let first = Sequence(required(frame, names::FIRST_SEQUENCE, Field::decimal)?);
    let last = Sequence(required(frame, names::LAST_SEQUENCE, Field::decimal)?);
    if last < first {
        return Err(FieldError::Malformed(names::LAST_SEQUENCE));
    }
    Ok(Message::RexmitRequest { first, last })
}

fn nak(frame: &Frame<'_>) -> Result<Message, FieldError> {
    let sequence = Sequence(required(frame, names::FIRST_SEQUENCE, Field::hex)?);
    // Whatever the reason is, the message is gone: an unknown one is no error.
    let reason = match frame.text(names::INFO) {
        Some(word) if word == NakReason::TooLow.word() => NakReason::TooLow,
        Some(_) | None => NakReason::NotFound,
    };
    Ok(Message::Nak { sequence, reason })
}

fn resource(frame: &Frame<'_>) -> Result<Message, FieldError> {
    Ok(Message::Resource {
        hold: required(frame, names::HOLD, |field| Hold::from_word(field.text()?))?,
        full: frame.text(names::HOLD_TYPE) == Some(names::FULL),
        stable: match frame.field(names::STABLE) {
            None => None,
            Some(field) => Some(flag(field).ok_or(FieldError::Malformed(names::STABLE))?),
        },
        info: match frame.field(names::INFO) {
            None => Info::Absent,
            Some(field) => field.text().map_or(Info::Other, Info::from_word),
        },
    })
}

fn flag(field: &Field<'_>) -> Option<bool> {
    match field.text()? {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// The set to move; the word `failback` means `failback`.
fn set(field: &Field<'_>, failback: Hold) -> Option<Hold> {
    match field.text()? {
        "failback" => Some(failback),
        word => Hold::from_word(word),
    }
}

/// What `read` makes of the field `name`.
fn required<'a, T>(
    frame: &Frame<'a>,
    name: &'static str,
    read: impl FnOnce(&Field<'a>) -> Option<T>,
) -> Result<T, FieldError> {
    let field = frame.field(name).ok_or(FieldError::Missing(name))?;
    read(field).ok_or(FieldError::Malformed(name))
}
