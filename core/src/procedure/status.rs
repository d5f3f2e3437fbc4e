//! Whether a resource runs, judged by what its script printed.
//!
//! Haresources scripts are judged by text: the exit code of `status` is ignored.

use crate::limits::STATUS_OUTPUT_MAX;

/// Whether `output` of a script's `status` says that its resource runs
/// (specification 9.2): "not running", with a capital N or R or without, says no;
/// else "running", "Running" or "OK" says yes; anything else says no.
///
/// Only the first [`STATUS_OUTPUT_MAX`] octets are looked at.
#[must_use]
pub fn judge_status(output: &[u8]) -> bool {
    let output = &output[..output.len().min(STATUS_OUTPUT_MAX)];
    let says = |words: &[&[u8]]| {
        words.iter().any(|word| output.windows(word.len()).any(|part| part == *word))
    };
    let no: [&[u8]; 4] = [b"not running", b"Not running", b"not Running", b"Not Running"];
    let yes: [&[u8]; 3] = [b"running", b"Running", b"OK"];
    !says(&no) && says(&yes)
}
