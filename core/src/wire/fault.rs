//! Why bytes are no frame, or a frame not to be believed. It carries no text of
//! the frame and no digest, so that a log line made of it gives nothing away.

use core::fmt;

use crate::limits::{DATAGRAM_MAX, FIELDS_MAX, NAME_MAX};

/// What is wrong with the bytes, at [`ParseError::offset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// More than [`DATAGRAM_MAX`] octets.
    TooLong,
    /// Neither `###` nor `>>>`.
    Start,
    /// No decimal length followed by a colon.
    Length,
    /// The length runs past the end of the datagram.
    Overrun,
    /// What the length spans is not followed by a comma.
    Comma,
    /// A field's type is not one digit in parentheses, from 0 to 5 (in a
    /// classic frame: from 1 to 5).
    Type,
    /// A field has no `=`.
    Equals,
    /// A field's name is empty, longer than [`NAME_MAX`] or not printable ASCII.
    Name,
    /// More than [`FIELDS_MAX`] fields.
    Fields,
    /// A second `auth` field.
    SecondAuth,
    /// A NUL inside a classic frame.
    Nul,
    /// The frame's end mark is missing.
    End,
    /// There is no signature.
    Unsigned,
    /// The signature is not a key number, a blank and a digest.
    Signature,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "longer than {DATAGRAM_MAX} octets"),
            Self::Start => f.write_str("neither ### nor >>> and a line feed"),
            Self::Length => f.write_str("no length followed by a colon"),
            Self::Overrun => f.write_str("the length runs past the end"),
            Self::Comma => f.write_str("no comma where the length ends"),
            Self::Type => f.write_str("no known field type"),
            Self::Equals => f.write_str("a field without ="),
            Self::Name => {
                write!(f, "a field name is not 1 to {NAME_MAX} printable ASCII characters")
            }
            Self::Fields => write!(f, "more than {FIELDS_MAX} fields"),
            Self::SecondAuth => f.write_str("a second auth field"),
            Self::Nul => f.write_str("a NUL inside the frame"),
            Self::End => f.write_str("no end mark"),
            Self::Unsigned => f.write_str("no signature"),
            Self::Signature => f.write_str("the signature is not a key number and a digest"),
        }
    }
}

/// What is wrong with a datagram, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseError {
    /// The octet, from 0, at which the thing begins that is wrong.
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

impl ParseError {
    pub(super) const fn new(offset: usize, fault: Fault) -> Self {
        Self { offset, fault }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "octet {}: {}", self.offset, self.fault)
    }
}

impl core::error::Error for ParseError {}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthError {
    /// We have no key of this number.
    UnknownKey(u8),
    /// The digest is another one with the key of this number.
    Mismatch(u8),
    /// The frame has no inner signature.
    Absent,
    /// The inner signature is not a key number, a blank and a digest.
    Malformed,
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey(number) => write!(f, "there is no key {number}"),
            Self::Mismatch(number) => write!(f, "the signature is not that of key {number}"),
            Self::Absent => f.write_str("there is no inner signature"),
            Self::Malformed => f.write_str("the signature is not a key number and a digest"),
        }
    }
}

impl core::error::Error for AuthError {}

/// Why a datagram is dropped unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecodeError {
    /// It is no frame.
    Parse(ParseError),
    /// It is a frame, and its signature does not hold.
    Auth(AuthError),
}

impl From<ParseError> for DecodeError {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

impl From<AuthError> for DecodeError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => error.fmt(f),
            Self::Auth(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for DecodeError {}
