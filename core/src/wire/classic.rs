//! The classic framing (specification 3.2), datagram to fields, and the classic
//! text of a field, which is what the inner signature of either framing covers.

use core::convert::Infallible;

use base64ct::{Base64, Encoding as _};

use super::digest::Mac;
use super::fault::{Fault, ParseError};
use super::frame::{Field, Fields, Frame, Framing, Kind, Signature};
use super::names::{AUTH, CLASSIC_END, CLASSIC_START, ESCAPED_NEWLINE};

/// Octets that one step of the base64 encoder takes: a multiple of three, so that
/// only the last step pads.
const BASE64_STEP: usize = 48;

/// Takes a datagram apart that begins with [`CLASSIC_START`].
///
/// The original also ends at a NUL; every sender writes the end mark, and a frame
/// that a NUL cuts short is not whole, so it is refused here.
pub(super) fn parse(bytes: &[u8]) -> Result<Frame<'_>, ParseError> {
    let mut fields = Fields::new();
    let mut inner = None;
    let mut offset = CLASSIC_START.len();
    while !bytes[offset..].starts_with(CLASSIC_END) {
        let rest = &bytes[offset..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = &rest[..length.ok_or(ParseError::new(offset, Fault::End))?];
        if let Some(nul) = line.iter().position(|&byte| byte == 0) {
            return Err(ParseError::new(offset + nul, Fault::Nul));
        }
        if !line.is_empty() {
            let field = field(line, offset)?;
            if field.name != AUTH {
                fields.push(field).map_err(|_| ParseError::new(offset, Fault::Fields))?;
            } else if inner.replace((offset, field.raw)).is_some() {
                return Err(ParseError::new(offset, Fault::SecondAuth));
            }
        }
        offset += line.len() + 1;
    }
    let (start, text) = inner.ok_or(ParseError::new(offset, Fault::Unsigned))?;
    let signature = Signature::parse(text).ok_or(ParseError::new(start, Fault::Signature))?;
    let framing = Framing::Classic;
    Ok(Frame { framing, fields, inner: Some(text), signature, covered: &[] })
}

/// The field `NAME=VALUE` or `(TYPE)NAME=VALUE`.
fn field(line: &[u8], offset: usize) -> Result<Field<'_>, ParseError> {
    let &[b'(', ref typed @ ..] = line else {
        return Field::split(Framing::Classic, Kind::Text, line, offset);
    };
    let fault = ParseError::new(offset, Fault::Type);
    let &[digit, b')', ref rest @ ..] = typed else {
        return Err(fault);
    };
    match Kind::from_digit(digit).ok_or(fault)? {
        // Text has no prefix; with one, two spellings would have one signature.
        Kind::Text => Err(fault),
        kind @ (Kind::Binary
        | Kind::Struct
        | Kind::List
        | Kind::Compressed
        | Kind::Uncompressed) => Field::split(Framing::Classic, kind, rest, offset + 3),
    }
}

/// Puts the classic text of a field, line feed included. `value` is the value
/// itself, in pieces; a binary one is in one piece.
pub(super) fn line<'v, E>(
    kind: Kind,
    name: &str,
    value: impl IntoIterator<Item = &'v [u8]>,
    put: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    prefix(kind, name, put)?;
    for piece in value {
        match kind {
            Kind::Binary => {
                for step in piece.chunks(BASE64_STEP) {
                    let mut text = [0; BASE64_STEP / 3 * 4];
                    let text = Base64::encode(step, &mut text).expect("the buffer fits one step");
                    put(text.as_bytes())?;
                }
            }
            Kind::Text | Kind::Struct | Kind::List | Kind::Compressed | Kind::Uncompressed => {
                for (count, text) in piece.split(|&byte| byte == b'\n').enumerate() {
                    if count > 0 {
                        put(&[ESCAPED_NEWLINE])?;
                    }
                    put(text)?;
                }
            }
        }
    }
    put(b"\n")
}

fn prefix<E>(
    kind: Kind,
    name: &str,
    put: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if kind != Kind::Text {
        put(&[b'(', kind.digit(), b')'])?;
    }
    put(name.as_bytes())?;
    put(b"=")
}

/// Feeds the classic text of a field whose value is `value`.
pub(super) fn cover(mac: &mut Mac, kind: Kind, name: &str, value: &[u8]) {
    let Ok(()) = line(kind, name, [value], &mut feed(mac));
}

/// Feeds a field of a classic frame as it stands there. Decoding the value and
/// encoding it again would let two spellings share a signature.
pub(super) fn cover_raw(mac: &mut Mac, field: &Field<'_>) {
    let Ok(()) = prefix(field.kind, field.name, &mut feed(mac));
    mac.update(field.raw);
    mac.update(b"\n");
}

/// Puts into a digest.
pub(super) fn feed(mac: &mut Mac) -> impl FnMut(&[u8]) -> Result<(), Infallible> {
    |bytes| {
        mac.update(bytes);
        Ok(())
    }
}
