//! The configuration: `ha.cf`, `haresources`, `authkeys` and `latido.cf`.
//!
//! [`load`] reads all four, reports every mistake in all of them, and gives a
//! [`Configuration`] when there is none that forbids to start. It looks at these files
//! alone: whether interfaces, scripts and addresses exist on this machine is for
//! `latido check` and for the daemon, which lives with their absence.

pub(crate) mod address;
pub(crate) mod authkeys;
pub(crate) mod diagnostic;
mod fingerprint;
pub(crate) mod ha_cf;
pub(crate) mod haresources;
pub(crate) mod latido_cf;

#[cfg(test)]
pub(crate) mod tests;

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use latido_core::id::Fingerprint;
use latido_core::time::Duration;
use nix::fcntl::OFlag;

use authkeys::AuthKeys;
use diagnostic::{Diagnostic, Severity, Source, worst};
use ha_cf::HaCf;
use haresources::Group;
use latido_cf::LatidoCf;

/// The configuration of one node, without a mistake that forbids to start.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    /// This node's name, lower-cased; it is one of `ha_cf.nodes`.
    pub node_name: String,
    /// What `ha.cf` says.
    pub ha_cf: HaCf,
    /// The groups of `haresources`, in the order of the file.
    pub groups: Vec<Group>,
    /// What `authkeys` says.
    pub authkeys: AuthKeys,
    /// What `latido.cf` says, or its defaults.
    pub latido_cf: LatidoCf,
    /// What both nodes must have alike: the meaning of `ha.cf` and `haresources`.
    pub fingerprint: Fingerprint,
}

/// Reads the files of `dir` for the machine called `node_name`, in any case.
///
/// The configuration is `None` if and only if a diagnostic is an error. Diagnostics
/// come file by file, each file's in the order of its lines.
pub(crate) fn load(dir: &Path, node_name: &str) -> (Option<Configuration>, Vec<Diagnostic>) {
    let node_name = node_name.to_lowercase();
    let mut found = Vec::new();

    let (mut source, mode) = read(&dir.join("ha.cf"), "it names nodes, links and timings");
    let ha_cf_text = source.text.clone();
    let ha_cf = mode.map(|_| ha_cf::read(&mut source, &node_name)).unwrap_or_default();
    found.append(&mut source.into_found());

    let (mut source, mode) = read(&dir.join("haresources"), "it says what each node holds");
    let haresources_text = source.text.clone();
    let groups = mode.map(|_| haresources::read(&mut source, &ha_cf.nodes)).unwrap_or_default();
    found.append(&mut source.into_found());

    let (mut source, mode) =
        read(&dir.join("authkeys"), "it has the key that messages are signed with");
    let authkeys = mode.map(|mode| {
        authkeys::check_mode(&mut source, mode);
        authkeys::read(&mut source)
    });
    found.append(&mut source.into_found());

    let path = dir.join("latido.cf");
    let mut latido_cf = LatidoCf::default();
    if !matches!(fs::metadata(&path), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        let (mut source, _) = read(&path, "it has the settings that Heartbeat does not know");
        latido_cf = latido_cf::read(&mut source);
        found.append(&mut source.into_found());
    }

    let refused = worst(&found) == Some(Severity::Error);
    let fingerprint = fingerprint::of(&ha_cf_text, &haresources_text);
    let configuration = Configuration {
        node_name,
        ha_cf,
        groups,
        authkeys: authkeys.unwrap_or_default(),
        latido_cf,
        fingerprint,
    };
    ((!refused).then_some(configuration), found)
}

/// The name that the cluster knows this machine by: the first line of `nodeinfo` in
/// `dir` where there is one, else `uname -n`; lower-cased (specification 1).
///
/// # Errors
/// When the system does not tell its name, or `nodeinfo` is there and cannot be read.
pub(crate) fn node_name(dir: &Path) -> io::Result<String> {
    match read_regular(&dir.join("nodeinfo")) {
        Ok((octets, _)) => {
            let text = String::from_utf8_lossy(&octets);
            if let Some(name) = text.lines().next().map(str::trim).filter(|name| !name.is_empty()) {
                return Ok(name.to_lowercase());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let name = nix::unistd::gethostname()?;
    Ok(name.to_string_lossy().to_lowercase())
}

/// Reads one file and its mode. That it cannot be read is reported, with what it is for.
fn read(path: &Path, purpose: &str) -> (Source, Option<u32>) {
    let mut source = Source::new(path.display().to_string(), String::new());
    match read_regular(path) {
        Ok((octets, mode)) => {
            source.text = String::from_utf8_lossy(&octets).into_owned();
            return (source, Some(mode));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let help = format!("{purpose}; write it, or copy it from the other node");
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            source.error(format!("there is no {name}"), None).help(help);
        }
        Err(error) => {
            source.error(format!("this file cannot be read: {error}"), None).help(purpose);
        }
    }
    (source, None)
}

/// The octets of a file and its mode. What is no regular file is refused: reading it
/// may wait for ever, or never come to an end.
fn read_regular(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    // A FIFO that nobody writes holds up whoever opens it, unless told not to.
    let flags = OFlag::O_NONBLOCK.bits();
    let mut file = fs::File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "a directory" } else { "a device or a pipe" };
        let text = format!("it is {kind}, not a regular file");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let mut octets = Vec::new();
    file.read_to_end(&mut octets)?;
    Ok((octets, metadata.permissions().mode()))
}

/// A time as a person writes it: `10 s`, `500 ms`.
pub(crate) fn spoken(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        _ if micros.is_multiple_of(1_000_000) => format!("{} s", time.as_secs()),
        _ if micros.is_multiple_of(1_000) => format!("{} ms", time.as_millis()),
        _ => format!("{micros} us"),
    }
}
