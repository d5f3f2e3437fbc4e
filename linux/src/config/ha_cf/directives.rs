//! The table of ha.cf's directives, in the order of specification 13.
//!
//! Every directive of the original is known by name, so that a file that was written
//! for it gets an answer for each line: read, harmless, or a reason.

use super::values;
use super::{Reader, Statement};

/// One directive.
pub(super) struct Directive {
    /// Its name; case counts.
    pub name: &'static str,
    /// What it takes, as a person would write it down.
    pub takes: &'static str,
    /// The value that holds without it. A row with a default is read.
    pub default: Option<&'static str>,
    /// Whether a second line adds to the first rather than replacing it.
    pub repeats: bool,
    /// What it means.
    pub apply: Apply,
}

/// What a directive does.
#[derive(Clone, Copy)]
pub(super) enum Apply {
    /// It is read by this function.
    Read(fn(&mut Reader<'_>, &Statement<'_>)),
    /// It takes one value, which only the scripts' environment has a use for.
    Kept,
    /// It is accepted and does nothing, for this reason.
    Idle(&'static str),
    /// Only these values are implemented, for this reason.
    Only(&'static [&'static str], &'static str),
    /// It is not implemented yet, and leaving it out would break this.
    Later(&'static str),
    /// It is refused, for this reason.
    Refused(&'static str),
}

use Apply::{Idle, Kept, Later, Only, Read, Refused};

const FALSE: &[&str] = &["false", "off", "no", "n", "0"];
const NO_LOGD: &str = "no logging daemon is used; see `logfile` and `logfacility`";
const NO_SCHEDULING: &str = "the daemon changes no scheduling class";
const NO_DUMPS: &str = "the machine's own settings for core dumps hold";
const NO_COMPRESSION: &str = "no message is large enough to be compressed";
const NO_STONITH: &str =
    "nodes cannot be fenced yet, and a cluster that relies on it must not start without";
const NO_MEDIUM: &str = "only `bcast` links carry heartbeats yet";
const NO_PING: &str = "only `ping` with IPv4 addresses is";
const PACEMAKER: &str = "only Pacemaker uses it";
const NO_PACEMAKER: &str = "a cluster that Pacemaker manages has no haresources";

/// A directive that stands once.
const fn row(
    name: &'static str,
    takes: &'static str,
    default: Option<&'static str>,
    apply: Apply,
) -> Directive {
    Directive { name, takes, default, repeats: false, apply }
}

/// A directive whose lines add up.
const fn rows(name: &'static str, takes: &'static str, apply: Apply) -> Directive {
    Directive { name, takes, default: None, repeats: true, apply }
}

/// Every directive of the original.
pub(super) const DIRECTIVES: &[Directive] = &[
    rows("node", "names, as `uname -n` prints them", Read(values::node)),
    rows("bcast", "interfaces", Read(values::bcast)),
    rows("udp", "interfaces", Read(values::udp)),
    rows("ucast", "an interface and an address", Later(NO_MEDIUM)),
    rows("mcast", "an interface, a group, a port, a ttl and a loop flag", Later(NO_MEDIUM)),
    rows("ucast6", "an interface and an address", Later(NO_MEDIUM)),
    rows("mcast6", "an interface, a group, a port, a ttl and a loop flag", Later(NO_MEDIUM)),
    rows("serial", "devices", Later(NO_MEDIUM)),
    row("baud", "a speed", None, Idle("there are no serial links")),
    rows("ping", "IPv4 addresses", Read(values::ping)),
    rows("ping6", "IPv6 addresses", Later(NO_PING)),
    rows("ping_group", "a name and addresses", Later(NO_PING)),
    rows("hbaping", "devices", Refused("it has never worked in the original either")),
    row("udpport", "a port, 1 to 65535", Some("694"), Read(values::udpport)),
    row("keepalive", "a time, such as 2 or 500ms", Some("1000ms"), Read(values::time)),
    row("deadtime", "a time, such as 10 or 500ms", Some("30000ms"), Read(values::time)),
    row("warntime", "a time, such as 6 or 300ms", None, Read(values::time)),
    row("initdead", "a time, such as 20 or 2000ms", None, Read(values::time)),
    row("deadping", "a time, such as 10 or 500ms", None, Read(values::time)),
    row("hopfudge", "a number, 0 to 255", Some("1"), Read(values::hopfudge)),
    row("auto_failback", "on or off", None, Read(values::auto_failback)),
    row(
        "nice_failback",
        "on or off",
        None,
        Refused("obsolete; write `auto_failback off` for `nice_failback on`"),
    ),
    rows("respawn", "a user, a program and its arguments", Read(values::respawn)),
    rows(
        "failfast",
        "a user, a program and its arguments",
        Later("no programs are run beside the daemon yet"),
    ),
    rows(
        "apiauth",
        "a client and who may be it",
        Idle("there is no client API; the control socket has permissions of its own"),
    ),
    rows("stonith", "a type and a file", Refused(NO_STONITH)),
    rows("stonith_host", "a host, a type and parameters", Refused(NO_STONITH)),
    row("watchdog", "a device", None, Later("the watchdog would never be tickled")),
    row("logfacility", "a syslog facility or none", None, Read(values::logfacility)),
    row("logfile", "a path", None, Read(values::logfile)),
    row("debugfile", "a path", None, Read(values::debugfile)),
    row("use_logd", "yes or no", None, Idle(NO_LOGD)),
    row("conn_logd_time", "a time", None, Idle(NO_LOGD)),
    row("syslogmsgfmt", "yes or no", Some("true"), Read(values::syslogmsgfmt)),
    row("log_badpack", "yes or no", Some("true"), Read(values::log_badpack)),
    row("msgfmt", "classic or netstring", Some("classic"), Read(values::msgfmt)),
    row("compression", "a method", None, Idle(NO_COMPRESSION)),
    row("compression_threshold", "a number of KB", None, Idle(NO_COMPRESSION)),
    row("traditional_compression", "yes or no", None, Idle(NO_COMPRESSION)),
    row(
        "max_rexmit_delay",
        "a number of milliseconds, from 1",
        Some("250"),
        Read(values::max_rexmit_delay),
    ),
    row("hbgenmethod", "file", None, Only(&["file"], "generations are kept in a file")),
    row("uuidfrom", "file", None, Only(&["file"], "the UUID is kept in a file")),
    row(
        "autojoin",
        "none",
        None,
        Only(&["none"], "the nodes of a haresources cluster are all listed"),
    ),
    row("realtime", "yes or no", None, Idle(NO_SCHEDULING)),
    row("rtprio", "a priority", None, Idle(NO_SCHEDULING)),
    row("memreserve", "a number of KB", None, Idle("the daemon takes no memory while it runs")),
    row("debug", "a number, 0 to 255", Some("0"), Read(values::debug)),
    row("coredumps", "yes or no", None, Idle(NO_DUMPS)),
    row("coreroot", "a directory", None, Idle(NO_DUMPS)),
    row("use_apphbd", "no", None, Only(FALSE, "no application heartbeat daemon is told")),
    row("cluster", "a name", Some("linux-ha"), Kept),
    row("quorum_server", "a host", None, Later("no quorum server would be asked")),
    rows("env", "NAME=VALUE", Read(values::env)),
    row("pacemaker", "no", None, Only(FALSE, NO_PACEMAKER)),
    row("crm", "no", None, Only(FALSE, NO_PACEMAKER)),
    row("crm_daemon_dir", "a directory", None, Idle(PACEMAKER)),
    row("crmd_spawns_pengine", "yes or no", None, Idle(PACEMAKER)),
    row("record_config_changes", "yes or no", None, Idle(PACEMAKER)),
    row("record_pengine_inputs", "yes or no", None, Idle(PACEMAKER)),
    row("enable_config_writes", "yes or no", None, Idle(PACEMAKER)),
    row("normalpoll", "yes or no", None, Idle("there is one way to wait")),
];
