//! The machine's load, as every frame carries it (`ld`, specification 3.4).

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The first line of `/proc/loadavg`, read anew for every frame from a file that
/// stays open; it is no disk.
#[derive(Debug)]
pub(crate) struct Load {
    file: Option<File>,
    line: [u8; 64],
}

impl Load {
    /// Opens the file; a machine without one has an empty load.
    pub(crate) fn open() -> Self {
        Self { file: File::open("/proc/loadavg").ok(), line: [0; 64] }
    }

    /// The line, without its end.
    pub(crate) fn read(&mut self) -> &str {
        let read = self.file.as_ref().and_then(|file| file.read_at(&mut self.line, 0).ok());
        let line = self.line.get(..read.unwrap_or(0)).unwrap_or_default();
        let end = line.iter().position(|octet| *octet == b'\n').unwrap_or(line.len());
        str::from_utf8(&line[..end]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Load;

    #[test]
    fn the_load_is_one_line_of_five_words() {
        let mut load = Load::open();
        let first = load.read().to_owned();
        assert_eq!(first.split(' ').count(), 5, "{first:?}");
        assert_eq!(load.read().split(' ').count(), 5);
    }

    #[test]
    fn a_machine_without_the_file_has_an_empty_load() {
        assert_eq!(Load { file: None, line: [0; 64] }.read(), "");
    }
}
