//! What tells two nodes' configurations apart.

use latido_core::grammar::{Dialect, lines};
use latido_core::id::Fingerprint;
use sha1::{Digest, Sha1};

/// The first 64 bits of the SHA-1 over the words of `ha.cf` and `haresources`.
///
/// Comments, empty lines, and how words are separated and lines joined do not count;
/// everything else does, the order of lines and words included. SHA-1 is good enough
/// to notice a difference; it is no proof against somebody who wants two files to look alike.
pub(super) fn of(ha_cf: &str, haresources: &str) -> Fingerprint {
    let mut hash = Sha1::new();
    for (text, dialect) in [(ha_cf, Dialect::HA_CF), (haresources, Dialect::HARESOURCES)] {
        for line in lines(text, dialect).flatten() {
            for word in &line.words {
                hash.update(word.text);
                hash.update(" ");
            }
            hash.update("\n");
        }
        // No word contains this, so no line of one file passes for one of the other.
        hash.update("\n");
    }
    let digest = hash.finalize();
    let first = digest.first_chunk().expect("a SHA-1 digest has 20 octets");
    Fingerprint(u64::from_be_bytes(*first))
}
