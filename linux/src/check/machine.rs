//! Whether this machine fits its configuration: scripts, interfaces, the log's place,
//! and what starts at boot by itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::Configuration;
use crate::config::diagnostic::{Diagnostic, Severity, all, nearest};

/// Everything about the machine under `root` that does not fit, resource by resource.
pub(super) fn check(configuration: &Configuration, dir: &Path, root: &Path) -> Vec<Diagnostic> {
    let file = dir.join("haresources").display().to_string();
    let mut found = missing_interfaces(configuration, dir, root);
    found.extend(missing_log_directory(configuration, dir, root));
    let mut seen = BTreeSet::new();
    for resource in configuration.groups.iter().flat_map(|group| &group.resources) {
        if resource.address.is_some() || !seen.insert(&resource.name) {
            continue;
        }
        let name = &resource.name;
        if let Some((message, help)) = missing_script(name, dir, root) {
            let mut diagnostic = resource.diagnostic(Severity::Error, &file, message);
            diagnostic.expected("a script in resource.d or /etc/init.d").help(help);
            found.push(diagnostic);
        }
        let links = starts_at_boot(name, root);
        if !links.is_empty() {
            let links: Vec<String> = links.iter().map(|link| link.display().to_string()).collect();
            let message = format!("{name} starts at boot by itself, on both nodes at once");
            let mut diagnostic = resource.diagnostic(Severity::Warning, &file, message);
            let links = all(&links.iter().map(String::as_str).collect::<Vec<_>>());
            diagnostic.expected("only the cluster may start it").help(format!(
                "type `systemctl disable {name}` or `update-rc.d {name} disable`; {links} start it"
            ));
            found.push(diagnostic);
        }
    }
    found
}

/// Interfaces of `bcast` that are not there. The daemon waits for them.
fn missing_interfaces(configuration: &Configuration, dir: &Path, root: &Path) -> Vec<Diagnostic> {
    let devices = root.join("sys/class/net");
    if !devices.is_dir() {
        return Vec::new();
    }
    let missing = |device: &&String| !devices.join(device).exists();
    let diagnostic = |device: &String| Diagnostic {
        severity: Severity::Warning,
        file: dir.join("ha.cf").display().to_string(),
        message: format!("`bcast {device}`: this machine has no such interface now"),
        place: None,
        expected: None,
        help: Some("it is used as soon as it comes".to_owned()),
    };
    configuration.ha_cf.bcast.iter().filter(missing).map(diagnostic).collect()
}

/// A log file that nobody can make. The daemon starts all the same.
fn missing_log_directory(
    configuration: &Configuration,
    dir: &Path,
    root: &Path,
) -> Option<Diagnostic> {
    let logfile = configuration.ha_cf.logging.logfile.as_ref()?;
    let parent = logfile.parent()?;
    if root.join(parent.strip_prefix("/").unwrap_or(parent)).is_dir() {
        return None;
    }
    let (logfile, parent) = (logfile.display(), parent.display());
    Some(Diagnostic {
        severity: Severity::Warning,
        file: dir.join("ha.cf").display().to_string(),
        message: format!("`logfile {logfile}`: there is no directory {parent}"),
        place: None,
        expected: None,
        help: Some(format!("type `mkdir -p {parent}`; until then the log is lost")),
    })
}

/// Why the script of `name` cannot be run, and what to do.
fn missing_script(name: &str, dir: &Path, root: &Path) -> Option<(String, String)> {
    let places = [dir.join("resource.d"), root.join("etc/init.d")];
    for place in &places {
        let path = place.join(name);
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
            return None;
        }
        let message = format!("{} cannot be executed", path.display());
        return Some((message, format!("type `chmod +x {}`", path.display())));
    }
    let known: Vec<String> = places
        .iter()
        .filter_map(|place| fs::read_dir(place).ok())
        .flat_map(|entries| entries.flatten())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "install what provides it, or write the script".to_owned(),
    };
    Some((format!("there is no script for `{name}`"), help))
}

/// What starts `name` at boot: links of run levels 2 to 5, and of systemd's targets.
fn starts_at_boot(name: &str, root: &Path) -> Vec<PathBuf> {
    let is_start = |link: &Path| {
        let file = link.file_name().unwrap_or_default().to_string_lossy();
        let order = file.strip_suffix(name).and_then(|rest| rest.strip_prefix('S'));
        order.is_some_and(|order| order.len() == 2 && order.bytes().all(|c| c.is_ascii_digit()))
    };
    let mut found = Vec::new();
    for level in ["rc2.d", "rc3.d", "rc4.d", "rc5.d"] {
        let links = entries(&root.join("etc").join(level));
        found.extend(links.into_iter().filter(|link| is_start(link)));
    }
    for target in entries(&root.join("etc/systemd/system")) {
        let unit = target.join(format!("{name}.service"));
        let wants = target.extension().is_some_and(|extension| extension == "wants");
        // A link that leads nowhere here still is a link: it may lead somewhere at boot.
        if wants && unit.symlink_metadata().is_ok() {
            found.push(unit);
        }
    }
    found
}

/// The entries of a directory, sorted; none if it cannot be read.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut entries: Vec<PathBuf> = read.map(|entry| entry.path()).collect();
    entries.sort();
    entries
}
