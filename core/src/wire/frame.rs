//! A datagram as a list of fields, borrowed from it, and whether its signature
//! holds (specification 3.1 to 3.3). What the fields mean is not known here.

use core::str;

use base64ct::{Base64, Encoding as _};

use super::digest::{Keys, Mac};
use super::fault::{AuthError, DecodeError, Fault, ParseError};
use super::names::{self, CLASSIC_START, ESCAPED_NEWLINE, NETSTRING_START};
use super::{classic, netstring};
use crate::id::Uuid;
use crate::limits::{DATAGRAM_MAX, FIELDS_MAX, NAME_MAX};

#[cfg(test)]
mod tests;

/// How fields are laid out in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// `###`, what 3.0.6 sends (specification 3.1).
    Netstring,
    /// `>>>`, what 1.x sent (specification 3.2).
    Classic,
}

/// The type of a field's value (specification 3). Haresources clusters use the
/// first two; the others are remembered and never looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Type 0: text.
    Text,
    /// Type 1: octets.
    Binary,
    /// Type 2: a nested message.
    Struct,
    /// Type 3: a list of texts.
    List,
    /// Type 4: a compressed message.
    Compressed,
    /// Type 5: a message that was to be compressed.
    Uncompressed,
}

impl Kind {
    /// The digit between the parentheses, in ASCII.
    #[must_use]
    pub const fn digit(self) -> u8 {
        match self {
            Self::Text => b'0',
            Self::Binary => b'1',
            Self::Struct => b'2',
            Self::List => b'3',
            Self::Compressed => b'4',
            Self::Uncompressed => b'5',
        }
    }

    /// The type that `digit` names. The original aborts on 6 and above.
    pub(super) const fn from_digit(digit: u8) -> Option<Self> {
        match digit {
            b'0' => Some(Self::Text),
            b'1' => Some(Self::Binary),
            b'2' => Some(Self::Struct),
            b'3' => Some(Self::List),
            b'4' => Some(Self::Compressed),
            b'5' => Some(Self::Uncompressed),
            _ => None,
        }
    }
}

/// One field of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name: 1 to [`NAME_MAX`] printable ASCII characters but `=`.
    pub name: &'a str,
    /// The type of its value.
    pub kind: Kind,
    /// Its value as it stands in the datagram: in a classic frame binary values
    /// are base64 and a line feed is the octet 0x13.
    pub raw: &'a [u8],
    framing: Framing,
}

impl<'a> Field<'a> {
    /// The field `name=value` in `bytes`, which begin at `offset` of the datagram.
    pub(super) fn split(
        framing: Framing,
        kind: Kind,
        bytes: &'a [u8],
        offset: usize,
    ) -> Result<Self, ParseError> {
        let equals = bytes.iter().position(|&byte| byte == b'=');
        let equals = equals.ok_or(ParseError::new(offset, Fault::Equals))?;
        let (name, value) = bytes.split_at(equals);
        let printable = name.iter().all(u8::is_ascii_graphic);
        if name.is_empty() || name.len() > NAME_MAX || !printable {
            return Err(ParseError::new(offset, Fault::Name));
        }
        let name = str::from_utf8(name).expect("printable ASCII is UTF-8");
        Ok(Self { name, kind, raw: &value[1..], framing })
    }

    /// The value, if it is text in UTF-8. A line feed of a classic frame still
    /// shows as U+0013; [`Field::characters`] gives it back.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Text => str::from_utf8(self.raw).ok(),
            Kind::Binary | Kind::Struct | Kind::List | Kind::Compressed | Kind::Uncompressed => {
                None
            }
        }
    }

    /// The characters of [`Field::text`], line feeds restored.
    pub fn characters(&self) -> impl Iterator<Item = char> + 'a {
        let framing = self.framing;
        self.text().unwrap_or_default().chars().map(move |character| {
            match (framing, character == char::from(ESCAPED_NEWLINE)) {
                (Framing::Classic, true) => '\n',
                (Framing::Classic, false) | (Framing::Netstring, _) => character,
            }
        })
    }

    /// The octets of a binary value, put into `buffer` if they need decoding.
    /// `None`: another type, bad base64, or more octets than `buffer` has.
    #[must_use]
    pub fn binary<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        match (self.kind, self.framing) {
            (Kind::Binary, Framing::Classic) => Base64::decode(self.raw, buffer).ok(),
            (Kind::Binary, Framing::Netstring) => {
                let octets = buffer.get_mut(..self.raw.len())?;
                octets.copy_from_slice(self.raw);
                Some(octets)
            }
            (
                Kind::Text | Kind::Struct | Kind::List | Kind::Compressed | Kind::Uncompressed,
                Framing::Classic | Framing::Netstring,
            ) => None,
        }
    }

    /// The value, if it is binary and has a UUID's length.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        // Base64 decodes in groups of three octets; 18 hold a UUID and its padding.
        let mut buffer = [0; 18];
        self.binary(&mut buffer)?.try_into().ok()
    }

    /// The value, if it is a hexadecimal number below 2^64.
    #[must_use]
    pub fn hex(&self) -> Option<u64> {
        self.number(16)
    }

    /// The value, if it is a decimal number below 2^64.
    #[must_use]
    pub fn decimal(&self) -> Option<u64> {
        self.number(10)
    }

    fn number(&self, radix: u32) -> Option<u64> {
        let text = self.text()?;
        // The parser of the language would take a sign.
        if text.starts_with('+') {
            return None;
        }
        u64::from_str_radix(text, radix).ok()
    }
}

/// A key number and a digest: `1 f9b8cf…`.
#[derive(Clone, Copy)]
pub(super) struct Signature<'a> {
    number: u8,
    digest: &'a [u8],
}

impl<'a> Signature<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let blank = text.iter().position(|&byte| byte == b' ')?;
        let (number, digest) = (&text[..blank], &text[blank + 1..]);
        if digest.is_empty() || !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = str::from_utf8(number).ok()?.parse().ok()?;
        Some(Self { number, digest })
    }

    /// Whether this is the signature over what `cover` feeds to the digest.
    fn verify(&self, keys: &Keys, cover: impl FnOnce(&mut Mac)) -> Result<u8, AuthError> {
        let mut mac = keys.mac(self.number).ok_or(AuthError::UnknownKey(self.number))?.clone();
        cover(&mut mac);
        if mac.verify(self.digest) {
            Ok(self.number)
        } else {
            Err(AuthError::Mismatch(self.number))
        }
    }
}

/// The fields of a frame but `auth`, in the order of the datagram.
pub(super) type Fields<'a> = heapless::Vec<Field<'a>, FIELDS_MAX>;

/// A datagram taken apart. Nothing in it is to be believed before
/// [`Frame::verify`] has said so.
#[derive(Clone)]
pub struct Frame<'a> {
    pub(super) framing: Framing,
    pub(super) fields: Fields<'a>,
    /// The value of the field `auth`.
    pub(super) inner: Option<&'a [u8]>,
    /// The signature that counts: behind a netstring frame, within a classic one.
    pub(super) signature: Signature<'a>,
    /// The octets of a netstring frame that its signature covers.
    pub(super) covered: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a datagram apart. Octets after the end of a frame are ignored.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, and where.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        if bytes.len() > DATAGRAM_MAX {
            return Err(ParseError::new(DATAGRAM_MAX, Fault::TooLong));
        }
        if bytes.starts_with(NETSTRING_START) {
            netstring::parse(bytes)
        } else if bytes.starts_with(CLASSIC_START) {
            classic::parse(bytes)
        } else {
            Err(ParseError::new(0, Fault::Start))
        }
    }

    /// Takes a datagram apart and checks the signature that counts.
    ///
    /// # Errors
    ///
    /// It is no frame, or the signature does not hold.
    pub fn decode(bytes: &'a [u8], keys: &Keys) -> Result<Self, DecodeError> {
        let frame = Self::parse(bytes)?;
        frame.verify(keys)?;
        Ok(frame)
    }

    /// Checks the signature that counts: the outer one of a netstring frame, the
    /// only one of a classic frame. It gives the number of the key.
    ///
    /// The original takes the key of *its own* active entry for a netstring frame;
    /// this takes the key of the entry that the frame names (specification 3.3).
    ///
    /// # Errors
    ///
    /// There is no such key, or the digest is another one.
    pub fn verify(&self, keys: &Keys) -> Result<u8, AuthError> {
        match self.framing {
            Framing::Netstring => self.signature.verify(keys, |mac| mac.update(self.covered)),
            Framing::Classic => self.signature.verify(keys, |mac| self.cover_text(mac)),
        }
    }

    /// Checks the inner signature, the field `auth` over the classic text of the
    /// other fields. Nothing depends on that of a netstring frame, as in the
    /// original. One over nested values (types 2 to 5) is never found to hold.
    ///
    /// # Errors
    ///
    /// There is no such field, it is malformed, there is no such key, or the
    /// digest is another one.
    pub fn verify_inner(&self, keys: &Keys) -> Result<u8, AuthError> {
        let inner = self.inner.ok_or(AuthError::Absent)?;
        let signature = Signature::parse(inner).ok_or(AuthError::Malformed)?;
        signature.verify(keys, |mac| self.cover_text(mac))
    }

    /// Feeds the classic text of all fields but `auth`.
    fn cover_text(&self, mac: &mut Mac) {
        for field in &self.fields {
            match self.framing {
                Framing::Netstring => classic::cover(mac, field.kind, field.name, field.raw),
                Framing::Classic => classic::cover_raw(mac, field),
            }
        }
    }

    /// How the datagram lays its fields out.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// The fields but `auth`, in the order of the datagram.
    #[must_use]
    pub fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The value of the field `auth`, as it stands in the datagram.
    #[must_use]
    pub const fn inner(&self) -> Option<&'a [u8]> {
        self.inner
    }

    /// The number of the key that the signature that counts names.
    #[must_use]
    pub const fn key_number(&self) -> u8 {
        self.signature.number
    }

    /// The first field called `name`, as the original looks fields up.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field<'a>> {
        debug_assert_ne!(name, names::AUTH, "auth is not among the fields");
        self.fields.iter().find(|field| field.name == name)
    }

    /// The text of the field `name`; see [`Field::text`].
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.field(name)?.text()
    }

    /// The UUID in the field `name`; see [`Field::uuid`].
    #[must_use]
    pub fn uuid(&self, name: &str) -> Option<Uuid> {
        self.field(name)?.uuid()
    }

    /// The hexadecimal number in the field `name`; see [`Field::hex`].
    #[must_use]
    pub fn hex(&self, name: &str) -> Option<u64> {
        self.field(name)?.hex()
    }

    /// The decimal number in the field `name`; see [`Field::decimal`].
    #[must_use]
    pub fn decimal(&self, name: &str) -> Option<u64> {
        self.field(name)?.decimal()
    }
}

impl core::fmt::Debug for Frame<'_> {
    /// Framing, fields and key number: no digest.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Frame")
            .field("framing", &self.framing)
            .field("fields", &self.fields)
            .field("key_number", &self.signature.number)
            .finish_non_exhaustive()
    }
}
