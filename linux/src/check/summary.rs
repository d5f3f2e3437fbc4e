//! A configuration in sentences.

use std::fmt::Write;

use latido_core::wire::Method;

use crate::config::diagnostic::all;
use crate::config::haresources::{Group, Resource};
use crate::config::latido_cf::OnStopFailure;
use crate::config::{Configuration, spoken};

/// What was understood, one sentence or two a line.
pub(super) fn of(configuration: &Configuration) -> String {
    let mut text = String::new();
    tell(configuration, &mut text).expect("a String takes any text");
    text
}

fn tell(configuration: &Configuration, text: &mut String) -> std::fmt::Result {
    let Configuration { node_name, ha_cf, groups, authkeys, latido_cf, fingerprint } =
        configuration;
    let timing = &ha_cf.timing;
    writeln!(text, "This machine is {node_name}. The nodes are {}.", list(&ha_cf.nodes))?;
    let key = authkeys.keys.iter().find(|key| key.number == authkeys.active);
    let signed = match key.map(|key| key.method) {
        Some(method @ (Method::Md5 | Method::Sha1)) => {
            format!("signed by {} with key {}", method.word(), authkeys.active)
        }
        Some(Method::Crc) | None => "not signed".to_owned(),
    };
    writeln!(
        text,
        "A heartbeat goes out every {} on {}, UDP port {}, {signed}.",
        spoken(timing.keepalive),
        list(&ha_cf.bcast),
        ha_cf.udpport
    )?;
    writeln!(
        text,
        "A node that is silent for {} is dead; at start, for {}. A heartbeat later than {} is \
         logged.",
        spoken(timing.deadtime),
        spoken(timing.initdead),
        spoken(timing.warntime)
    )?;
    if !ha_cf.ping_nodes.is_empty() {
        let addresses: Vec<String> = ha_cf.ping_nodes.iter().map(ToString::to_string).collect();
        let deadping = spoken(timing.deadping);
        writeln!(text, "{} is pinged, dead after {deadping}.", list(&addresses))?;
    }
    for group in groups {
        writeln!(text, "{} holds {}, when it can.", group.preferred, members(group))?;
    }
    writeln!(
        text,
        "What moved {} when its node returns.",
        if ha_cf.auto_failback { "goes back" } else { "stays where it is" }
    )?;
    let timeout = &latido_cf.resource_timeout;
    let failure = match latido_cf.on_stop_failure {
        OnStopFailure::Block => "its group is blocked",
        OnStopFailure::Reboot => "the machine reboots",
    };
    writeln!(
        text,
        "A script may take {} to start, {} to stop and {} to tell its status; if it cannot be \
         stopped, {failure}.",
        spoken(timeout.start),
        spoken(timeout.stop),
        spoken(timeout.status)
    )?;
    if let Some(logfile) = &ha_cf.logging.logfile {
        writeln!(text, "The log goes to {}.", logfile.display())?;
    }
    writeln!(text, "Fingerprint, the same on both nodes: {:016x}.", fingerprint.0)
}

fn list(words: &[String]) -> String {
    all(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The group's resources, in the order of their start.
fn members(group: &Group) -> String {
    let members: Vec<String> = group.resources.iter().map(member).collect();
    members.join(", then ")
}

fn member(resource: &Resource) -> String {
    let Some(address) = &resource.address else {
        let mut words = vec![resource.name.as_str()];
        words.extend(resource.args.iter().map(String::as_str));
        return words.join(" ");
    };
    let prefix = address.prefix.map(|bits| format!("/{bits}")).unwrap_or_default();
    let place = match (&address.label, &address.device) {
        (Some(place), _) | (None, Some(place)) => format!(" on {place}"),
        (None, None) => String::new(),
    };
    format!("{}{prefix}{place}", address.ip)
}
