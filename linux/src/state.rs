//! What outlives the daemon: its generation, its UUID, and the newest generation
//! heard of the other node.
//!
//! The files of the original are read and written in its formats (specification 1);
//! `latido_peer` is ours. The generation is on disk before the first packet: a node
//! that starts twice with one generation would be taken for a healed partition.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use latido_core::id::{Generation, Uuid};

use crate::clock;
use crate::scribe::replace;

/// The original's generation counter: decimal, right-aligned in 15 columns.
const GENERATION: &str = "hb_generation";
/// The original's UUID: 16 raw octets.
const UUID: &str = "hb_uuid";
/// The newest generation of the other node: its name, a blank, decimal.
const PEER: &str = "latido_peer";

/// The state of one start.
#[derive(Debug)]
pub(crate) struct State {
    /// Larger than at any start before.
    pub(crate) generation: Generation,
    /// There was none before: it comes from the wall clock.
    pub(crate) is_first: bool,
    /// The node's UUID.
    pub(crate) uuid: Uuid,
    /// The newest generation on record of the node that was asked for; 0: none.
    pub(crate) peer_generation: Generation,
}

impl State {
    /// Reads `directory`, counts the generation up and writes it, durably.
    ///
    /// # Errors
    /// If anything cannot be read or written, with the path in the error: a node
    /// that cannot count its starts must not start.
    pub(crate) fn begin(directory: &Path, peer: Option<&str>) -> io::Result<Self> {
        fs::create_dir_all(directory).map_err(|error| named(directory, &error))?;
        let path = directory.join(GENERATION);
        let before = read_generation(&path)?;
        let is_first = before.is_none();
        let before = before.map_or(u64::from(clock::unix_seconds()), |Generation(number)| number);
        let next = before + 1;
        let text = format!("{next:>15}\n");
        replace(&path, text.as_bytes()).map_err(|error| named(&path, &error))?;
        Ok(Self {
            generation: Generation(next),
            is_first,
            uuid: read_uuid(&directory.join(UUID))?,
            peer_generation: peer
                .map(|peer| read_peer(&record_path(directory), peer))
                .transpose()?
                .flatten()
                .unwrap_or_default(),
        })
    }
}

/// The file that keeps what was heard of the other node.
pub(crate) fn record_path(directory: &Path) -> PathBuf {
    directory.join(PEER)
}

/// What stands in it for `generation` of `peer`.
pub(crate) fn record_text(peer: &str, generation: Generation) -> String {
    format!("{peer} {generation}")
}

fn read_generation(path: &Path) -> io::Result<Option<Generation>> {
    let Some(text) = read(path)? else { return Ok(None) };
    // An empty or garbled counter must not count from zero again, nor beyond the last
    // number: the wall clock is later than any start before.
    Ok(text.trim().parse().ok().filter(|number| *number < u64::MAX).map(Generation))
}

fn read_uuid(path: &Path) -> io::Result<Uuid> {
    match fs::read(path) {
        Ok(octets) if octets.len() == size_of::<Uuid>() => {
            Ok(octets.try_into().expect("the length was just compared"))
        }
        Ok(_) => make_uuid(path),
        Err(error) if error.kind() == ErrorKind::NotFound => make_uuid(path),
        Err(error) => Err(named(path, &error)),
    }
}

/// Makes a random UUID (version 4) and keeps it.
fn make_uuid(path: &Path) -> io::Result<Uuid> {
    let mut uuid: Uuid = random()?;
    uuid[6] = uuid[6] & 0x0f | 0x40;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    replace(path, &uuid).map_err(|error| named(path, &error))?;
    Ok(uuid)
}

fn read_peer(path: &Path, peer: &str) -> io::Result<Option<Generation>> {
    let text = read(path)?.unwrap_or_default();
    Ok(text.lines().find_map(|line| {
        let (name, generation) = line.split_once(' ')?;
        (name == peer).then(|| generation.trim().parse().ok().map(Generation))?
    }))
}

/// What stands in `path`, if there is such a file; octets that are no text are shown
/// as such, so that a garbled file is read like any other garbled text.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(octets) => Ok(Some(String::from_utf8_lossy(&octets).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(named(path, &error)),
    }
}

/// Octets from the kernel's generator.
pub(crate) fn random<const COUNT: usize>() -> io::Result<[u8; COUNT]> {
    let mut octets = [0; COUNT];
    let path = Path::new("/dev/urandom");
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut octets));
    read.map_err(|error| named(path, &error))?;
    Ok(octets)
}

/// `error`, which is about `path` and says so.
pub(crate) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
