//! The netstring framing, one way: datagram to fields (specification 3.1).
//! Writing it is the encoder's business.

use super::fault::{Fault, ParseError};
use super::frame::{Field, Fields, Frame, Framing, Kind, Signature};
use super::names::{AUTH, NETSTRING_END, NETSTRING_START};

/// Takes a datagram apart that begins with [`NETSTRING_START`].
pub(super) fn parse(bytes: &[u8]) -> Result<Frame<'_>, ParseError> {
    let mut fields = Fields::new();
    let mut inner = None;
    let mut offset = NETSTRING_START.len();
    loop {
        let rest = &bytes[offset..];
        if rest.starts_with(NETSTRING_END) {
            break;
        }
        if rest.is_empty() {
            return Err(ParseError::new(offset, Fault::End));
        }
        let (start, pair, next) = span(bytes, offset)?;
        let field = field(pair, start)?;
        if field.name != AUTH {
            fields.push(field).map_err(|_| ParseError::new(offset, Fault::Fields))?;
        } else if inner.replace(field.raw).is_some() {
            return Err(ParseError::new(start, Fault::SecondAuth));
        }
        offset = next;
    }
    let covered = offset + NETSTRING_END.len();
    if bytes.len() == covered {
        return Err(ParseError::new(covered, Fault::Unsigned));
    }
    let (start, text, _ignored) = span(bytes, covered)?;
    let signature = Signature::parse(text).ok_or(ParseError::new(start, Fault::Signature))?;
    let framing = Framing::Netstring;
    Ok(Frame { framing, fields, inner, signature, covered: &bytes[..covered] })
}

/// The netstring at `offset`: where its content starts, the content, and where
/// the next thing starts.
fn span(bytes: &[u8], offset: usize) -> Result<(usize, &[u8], usize), ParseError> {
    let rest = &bytes[offset..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || rest.get(digits) != Some(&b':') {
        return Err(ParseError::new(offset, Fault::Length));
    }
    let length = rest[..digits].iter().fold(0_usize, |length, digit| {
        length.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
    });
    let content = &rest[digits + 1..];
    if length >= content.len() {
        return Err(ParseError::new(offset, Fault::Overrun));
    }
    let start = offset + digits + 1;
    let end = start + length;
    if content[length] != b',' {
        return Err(ParseError::new(end, Fault::Comma));
    }
    Ok((start, &content[..length], end + 1))
}

/// The field `(TYPE)NAME=VALUE`.
fn field(pair: &[u8], start: usize) -> Result<Field<'_>, ParseError> {
    let fault = ParseError::new(start, Fault::Type);
    let &[b'(', digit, b')', ref rest @ ..] = pair else {
        return Err(fault);
    };
    let kind = Kind::from_digit(digit).ok_or(fault)?;
    Field::split(Framing::Netstring, kind, rest, start + 3)
}
