//! Fields to a signed datagram, in either framing (specification 3.1 to 3.3).
//! Which fields, and in which order, the caller says.

use core::fmt;

use super::classic;
use super::digest::{Keys, Mac};
use super::frame::Kind;
use super::names::{AUTH, CLASSIC_END, CLASSIC_START, NETSTRING_END, NETSTRING_START};

/// How a frame is laid out and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Netstring, signed behind the fields.
    Netstring {
        /// Whether the field `auth` is sent too: `msgfmt classic` does (the
        /// default), `msgfmt netstring` does not.
        inner: bool,
    },
    /// Classic, signed in the field `auth`, and with the NUL that ends it.
    Classic,
}

/// The buffer is too short for the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the frame does not fit its buffer")
    }
}

impl core::error::Error for Full {}

/// Writes one frame, field by field, and signs it with the active key.
pub struct Writer<'b, 'k> {
    buffer: &'b mut [u8],
    length: usize,
    encoding: Encoding,
    keys: &'k Keys,
    /// The digest over the classic text, kept up with every field.
    inner: Option<Mac>,
}

impl<'b, 'k> Writer<'b, 'k> {
    /// Begins a frame at the start of `buffer`.
    ///
    /// # Errors
    ///
    /// The buffer is too short.
    ///
    /// # Panics
    ///
    /// `keys` lacks its active entry; reading authkeys refuses that.
    pub fn new(buffer: &'b mut [u8], encoding: Encoding, keys: &'k Keys) -> Result<Self, Full> {
        let (start, inner) = match encoding {
            Encoding::Netstring { inner } => (NETSTRING_START, inner),
            Encoding::Classic => (CLASSIC_START, true),
        };
        let inner = inner.then(|| fresh(keys));
        let mut writer = Self { buffer, length: 0, encoding, keys, inner };
        writer.put(start)?;
        Ok(writer)
    }

    /// Adds a field of text.
    ///
    /// # Errors
    ///
    /// The buffer is too short; the frame is then of no use.
    pub fn text(&mut self, name: &str, value: &str) -> Result<(), Full> {
        self.pieces(Kind::Text, name, [value.as_bytes()])
    }

    /// Adds a field of octets.
    ///
    /// # Errors
    ///
    /// As [`Writer::text`].
    pub fn binary(&mut self, name: &str, value: &[u8]) -> Result<(), Full> {
        self.pieces(Kind::Binary, name, [value])
    }

    /// Adds a hexadecimal number.
    pub(super) fn hex(&mut self, name: &str, value: u64) -> Result<(), Full> {
        self.number(name, format_args!("{value:x}"))
    }

    /// Adds a decimal number.
    pub(super) fn decimal(&mut self, name: &str, value: u64) -> Result<(), Full> {
        self.number(name, format_args!("{value}"))
    }

    fn number(&mut self, name: &str, digits: fmt::Arguments<'_>) -> Result<(), Full> {
        let mut text = heapless::String::<20>::new();
        fmt::write(&mut text, digits).expect("20 digits hold any 64-bit number");
        self.text(name, &text)
    }

    /// Adds the words of `list`, each followed by a blank; one blank if there is none.
    pub(super) fn list(&mut self, name: &str, list: &[&str]) -> Result<(), Full> {
        if list.is_empty() {
            return self.text(name, " ");
        }
        let pieces = list.iter().flat_map(|word| [word.as_bytes(), b" "]);
        self.pieces(Kind::Text, name, pieces)
    }

    /// Adds a field whose value is `value`, piece after piece.
    fn pieces<'v, I>(&mut self, kind: Kind, name: &str, value: I) -> Result<(), Full>
    where
        I: IntoIterator<Item = &'v [u8]> + Clone,
    {
        assert_ne!(name, AUTH, "the frame's own signature is written by finish");
        match self.encoding {
            Encoding::Netstring { .. } => {
                if let Some(mac) = &mut self.inner {
                    let value = value.clone();
                    let Ok(()) = classic::line(kind, name, value, &mut classic::feed(mac));
                }
                self.pair(kind, name, value)
            }
            Encoding::Classic => {
                let start = self.length;
                classic::line(kind, name, value, &mut |bytes| self.put(bytes))?;
                if let Some(mac) = &mut self.inner {
                    mac.update(&self.buffer[start..self.length]);
                }
                Ok(())
            }
        }
    }

    /// `LEN:(TYPE)NAME=VALUE,`.
    fn pair<'v, I>(&mut self, kind: Kind, name: &str, value: I) -> Result<(), Full>
    where
        I: IntoIterator<Item = &'v [u8]> + Clone,
    {
        let value_length: usize = value.clone().into_iter().map(<[u8]>::len).sum();
        let length = "(0)".len() + name.len() + "=".len() + value_length;
        self.put_length(length)?;
        self.put(&[b'(', kind.digit(), b')'])?;
        self.put(name.as_bytes())?;
        self.put(b"=")?;
        for piece in value {
            self.put(piece)?;
        }
        self.put(b",")
    }

    /// Signs the frame and gives the octets of it in the buffer.
    ///
    /// # Errors
    ///
    /// As [`Writer::text`].
    pub fn finish(mut self) -> Result<usize, Full> {
        let inner = self.inner.take().map(Mac::digest);
        let mut number = heapless::String::<4>::new();
        fmt::write(&mut number, format_args!("{} ", self.keys.active()))
            .expect("a key number has at most three digits");
        match self.encoding {
            Encoding::Netstring { .. } => {
                if let Some(digest) = inner {
                    let value = [number.as_bytes(), digest.as_bytes()];
                    self.pair(Kind::Text, AUTH, value)?;
                }
                self.put(NETSTRING_END)?;
                let mut outer = fresh(self.keys);
                outer.update(&self.buffer[..self.length]);
                let digest = outer.digest();
                self.put_length(number.len() + digest.as_bytes().len())?;
                self.put(number.as_bytes())?;
                self.put(digest.as_bytes())?;
                self.put(b",")?;
            }
            Encoding::Classic => {
                let digest = inner.expect("a classic frame always has its digest");
                for piece in [AUTH.as_bytes(), b"=", number.as_bytes(), digest.as_bytes()] {
                    self.put(piece)?;
                }
                self.put(b"\n")?;
                self.put(CLASSIC_END)?;
                self.put(b"\0")?;
            }
        }
        Ok(self.length)
    }

    fn put_length(&mut self, length: usize) -> Result<(), Full> {
        let mut text = heapless::String::<21>::new();
        fmt::write(&mut text, format_args!("{length}:"))
            .expect("20 digits and a colon hold any length");
        self.put(text.as_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.length + bytes.len();
        let place = self.buffer.get_mut(self.length..end).ok_or(Full)?;
        place.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }
}

impl fmt::Debug for Writer<'_, '_> {
    /// How far it is; neither key nor digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("encoding", &self.encoding)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// The fresh digest of the active key.
fn fresh(keys: &Keys) -> Mac {
    keys.mac(keys.active()).expect("reading authkeys refuses an active key without entry").clone()
}
