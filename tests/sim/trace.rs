//! Everything that happened: always as a hash, in words where that is wanted.

use std::fmt::{self, Write as _};

use super::scenario::{MS, SECOND};

/// The trace of one run.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) hash: u64,
    words: Option<String>,
}

impl Trace {
    pub(crate) fn new(in_words: bool) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, words: in_words.then(String::new) }
    }

    /// Takes numbers into the hash.
    pub(crate) fn fold(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.hash = (self.hash.rotate_left(5) ^ number).wrapping_mul(0x517C_C1B7_2722_0A95);
        }
    }

    /// Takes octets into the hash.
    pub(crate) fn fold_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(&[u64::from_le_bytes(*word)]);
        }
        for octet in rest {
            self.fold(&[u64::from(*octet)]);
        }
    }

    /// Whether words are wanted at all.
    pub(crate) const fn in_words(&self) -> bool {
        self.words.is_some()
    }

    /// Notes one line, where words are wanted.
    pub(crate) fn say(&mut self, now: u64, who: &str, what: fmt::Arguments<'_>) {
        if let Some(words) = &mut self.words {
            let (seconds, micros) = (now / SECOND, now % SECOND);
            let (milli, micro) = (micros / MS, micros % MS);
            writeln!(words, "{seconds:>4}.{milli:03}'{micro:03} {who:<6} {what}")
                .expect("a string takes everything");
        }
    }

    pub(crate) fn finish(self) -> (u64, Option<String>) {
        (self.hash, self.words)
    }
}
