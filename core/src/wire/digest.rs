//! Keys and digests: who may sign, and how a signature is computed and compared
//! (specification 3.3). What bytes a signature covers is known to the frame.

use core::fmt;

use crc::{CRC_32_CKSUM, Crc};
use hmac::{Hmac, KeyInit, Mac as _};
use md5::Md5;
use sha1::Sha1;

use crate::limits::{KEYS_MAX, SECRET_MAX};

#[cfg(test)]
mod tests;

/// The CRC of POSIX `cksum` without its length suffix; needs no key.
static CKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_CKSUM);

/// Lower-case hexadecimal digits, by value.
const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// How an entry of authkeys signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// A checksum: finds damage, stops nobody.
    Crc,
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA1.
    Sha1,
}

impl Method {
    /// The word in authkeys.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Crc => "crc",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
        }
    }

    /// The method that `word` names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Crc, Self::Md5, Self::Sha1].into_iter().find(|method| method.word() == word)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a key is not taken into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The number is not below [`KEYS_MAX`].
    Number(u8),
    /// The table has an entry of this number already.
    Duplicate(u8),
    /// The method needs a key and none is given.
    Missing(Method),
    /// The method takes no key and one is given.
    Unwanted(Method),
    /// The key has more than [`SECRET_MAX`] octets.
    TooLong,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "key number {number} is not below {KEYS_MAX}"),
            Self::Duplicate(number) => write!(f, "key {number} is given twice"),
            Self::Missing(method) => write!(f, "method {method} needs a key"),
            Self::Unwanted(method) => write!(f, "method {method} takes no key"),
            Self::TooLong => write!(f, "the key is longer than {SECRET_MAX} octets"),
        }
    }
}

impl core::error::Error for KeyError {}

/// The entries of authkeys, ready to sign, and which of them signs what we send.
///
/// The keys themselves are not kept: only the states of the digests after them,
/// and `Debug` shows neither.
#[derive(Clone)]
pub struct Keys {
    active: u8,
    entries: [Option<Mac>; KEYS_MAX],
}

impl Keys {
    /// An empty table whose entry `active` is to sign what we send (`auth N`).
    #[must_use]
    pub const fn new(active: u8) -> Self {
        Self { active, entries: [const { None }; KEYS_MAX] }
    }

    /// Adds entry `number`.
    ///
    /// # Errors
    ///
    /// A number out of range or taken, a key that is missing, unwanted or too
    /// long (specification 14). The table is unchanged then.
    pub fn insert(&mut self, number: u8, method: Method, secret: &[u8]) -> Result<(), KeyError> {
        let entry = self.entries.get_mut(usize::from(number)).ok_or(KeyError::Number(number))?;
        if entry.is_some() {
            return Err(KeyError::Duplicate(number));
        }
        *entry = Some(Mac::new(method, secret)?);
        Ok(())
    }

    /// The number that signs what we send.
    #[must_use]
    pub const fn active(&self) -> u8 {
        self.active
    }

    /// The method of entry `number`, if there is such an entry.
    #[must_use]
    pub fn method(&self, number: u8) -> Option<Method> {
        self.mac(number).map(Mac::method)
    }

    /// The fresh digest of entry `number`.
    pub(super) fn mac(&self, number: u8) -> Option<&Mac> {
        self.entries.get(usize::from(number))?.as_ref()
    }
}

impl fmt::Debug for Keys {
    /// Numbers and methods; never a key nor what is computed from one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods = (0..=u8::MAX).map_while(|number| {
            (usize::from(number) < KEYS_MAX).then(|| self.method(number).map(|m| (number, m)))
        });
        f.debug_struct("Keys")
            .field("active", &self.active)
            .field("methods", &Methods(methods.flatten().collect()))
            .finish()
    }
}

/// Numbers and methods, shown as a map.
struct Methods(heapless::Vec<(u8, Method), KEYS_MAX>);

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().copied()).finish()
    }
}

/// A digest under way. It starts as a copy of an entry of [`Keys`].
#[derive(Clone)]
pub(super) enum Mac {
    /// See [`Method::Crc`].
    Crc(crc::Digest<'static, u32>),
    /// See [`Method::Md5`].
    Md5(Hmac<Md5>),
    /// See [`Method::Sha1`].
    Sha1(Hmac<Sha1>),
}

impl Mac {
    fn new(method: Method, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() > SECRET_MAX {
            return Err(KeyError::TooLong);
        }
        match (method, secret.is_empty()) {
            (Method::Crc, false) => Err(KeyError::Unwanted(method)),
            (Method::Md5 | Method::Sha1, true) => Err(KeyError::Missing(method)),
            (Method::Crc, true) => Ok(Self::Crc(CKSUM.digest())),
            (Method::Md5, false) => {
                Ok(Self::Md5(Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")))
            }
            (Method::Sha1, false) => Ok(Self::Sha1(
                Hmac::new_from_slice(secret).expect("HMAC takes a key of any length"),
            )),
        }
    }

    const fn method(&self) -> Method {
        match self {
            Self::Crc(_) => Method::Crc,
            Self::Md5(_) => Method::Md5,
            Self::Sha1(_) => Method::Sha1,
        }
    }

    /// Covers `bytes` too.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(crc) => crc.update(bytes),
            Self::Md5(hmac) => hmac.update(bytes),
            Self::Sha1(hmac) => hmac.update(bytes),
        }
    }

    /// The digest as it stands on the wire.
    pub(super) fn digest(self) -> Digest {
        match self {
            Self::Crc(crc) => Digest::from_checksum(crc.finalize()),
            Self::Md5(hmac) => Digest::from_bytes(&hmac.finalize().into_bytes()),
            Self::Sha1(hmac) => Digest::from_bytes(&hmac.finalize().into_bytes()),
        }
    }

    /// Whether `text` is the digest. Only the one spelling that the original
    /// writes will do; the comparison takes as long wherever the first
    /// difference is.
    pub(super) fn verify(self, text: &[u8]) -> bool {
        match self {
            // Nothing secret: whoever has the frame has the checksum.
            Self::Crc(crc) => Digest::from_checksum(crc.finalize()).as_bytes() == text,
            Self::Md5(hmac) => {
                unhex::<16>(text).is_some_and(|digest| hmac.verify_slice(&digest).is_ok())
            }
            Self::Sha1(hmac) => {
                unhex::<20>(text).is_some_and(|digest| hmac.verify_slice(&digest).is_ok())
            }
        }
    }
}

/// Octets of the longest digest on the wire: SHA-1 in hexadecimal.
const DIGEST_MAX: usize = 40;

/// A digest in lower-case hexadecimal.
pub(super) struct Digest(heapless::Vec<u8, DIGEST_MAX>);

impl Digest {
    fn from_bytes(bytes: &[u8]) -> Self {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        Self(digits.map(|digit| HEX_DIGITS[usize::from(digit)]).collect())
    }

    /// Without leading zeros, as the original prints it.
    fn from_checksum(checksum: u32) -> Self {
        let digits = Self::from_bytes(&checksum.to_be_bytes()).0;
        let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
        Self(digits[zeros.min(digits.len() - 1)..].iter().copied().collect())
    }

    /// The text.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The `N` octets that `text` spells in lower-case hexadecimal.
fn unhex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    fn digit(byte: u8) -> Option<u8> {
        match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        }
    }
    if text.len() != 2 * N {
        return None;
    }
    let mut octets = [0; N];
    for (octet, pair) in octets.iter_mut().zip(text.chunks_exact(2)) {
        *octet = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(octets)
}
