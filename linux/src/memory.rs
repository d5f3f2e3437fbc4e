//! Gives back the memory that only the start needed.
//!
//! Reading arguments and configuration, and rendering what is wrong with it, takes
//! several times the code that a heartbeat takes. Its pages belong to files and are
//! clean, so the kernel can drop them from this process and map them again, from
//! its cache, should they be called for.

use std::fs;
use std::io;

/// Drops the pages of all executable mappings. What still runs is mapped again at
/// once; the rest stays away.
///
/// # Errors
/// If the kernel does not tell the mappings, or refuses; nothing is lost then.
pub(crate) fn release_start() -> io::Result<()> {
    for line in fs::read_to_string("/proc/self/maps")?.lines() {
        let Some((start, length)) = executable(line) else { continue };
        let address = std::ptr::without_provenance_mut(start);
        // SAFETY: the mapping is of a file and cannot be written, so each of its pages
        // equals the file's; dropping one changes nothing that any code can see.
        let dropped = unsafe { nix::libc::madvise(address, length, nix::libc::MADV_DONTNEED) };
        if dropped != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The start and length of a mapping that is executable, of a file, and never written.
fn executable(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, modes, path) = (words.next()?, words.next()?, words.nth(3)?);
    if modes != "r-xp" || !path.starts_with('/') {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    Some((start, end.checked_sub(start)?))
}

#[cfg(test)]
mod tests {
    use super::{executable, release_start};

    #[test]
    fn only_code_of_files_is_given_back() {
        let code = "55d041000000-55d041200000 r-xp 00001000 fe:00 42 /usr/bin/latido";
        assert_eq!(executable(code), Some((0x55d0_4100_0000, 0x20_0000)));
        for other in [
            "55d041000000-55d041200000 r--p 00001000 fe:00 42 /usr/bin/latido",
            "55d041000000-55d041200000 rwxp 00001000 fe:00 42 /usr/bin/latido",
            "7ffd4d1e2000-7ffd4d1e4000 r-xp 00000000 00:00 0 [vdso]",
            "7f0000000000-7f0000001000 r-xp 00000000 00:00 0",
            "nonsense",
        ] {
            assert_eq!(executable(other), None, "{other}");
        }
    }

    #[test]
    fn the_process_goes_on_after_it() {
        release_start().expect("the mappings are our own");
        assert_eq!(format!("{:?}", vec![1, 2, 3]), "[1, 2, 3]");
    }
}
