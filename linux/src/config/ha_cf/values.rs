//! How the values of each directive are read: one function per row of the table.
//!
//! Each looks at its own line alone; what lines must be together is for the checks.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use latido_core::grammar::{self, TimeError, Units, Word};
use latido_core::limits::{LINKS_MAX, NAME_MAX, NODES_MAX, NORMAL_NODES_MAX};
use latido_core::time::Duration;

use super::super::address::DEVICE_NAME_MAX;
use super::super::diagnostic::nearest;
use super::{MessageFormat, Reader, Statement};

/// What the core's tables leave for ping nodes.
const PING_NODES_MAX: usize = NODES_MAX - NORMAL_NODES_MAX;

/// The names that syslog gives its facilities, and the word for no syslog.
const FACILITIES: &[&str] = &[
    "auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user",
    "uucp", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", "none",
];

/// The values, at least one; without any the mistake is reported.
fn some<'a>(reader: &mut Reader<'_>, statement: &Statement<'a>) -> &'a [Word<'a>] {
    if let (true, Some(name)) = (statement.values.is_empty(), statement.name) {
        let place = reader.source.place(&name);
        reader
            .source
            .error(format!("`{}` says nothing", name.text), Some(place))
            .expected(format!("then {}", statement.directive.takes));
    }
    statement.values
}

/// The one value. None or more are reported.
pub(super) fn one<'a>(reader: &mut Reader<'_>, statement: &Statement<'a>) -> Option<Word<'a>> {
    let values = some(reader, statement);
    if let Some(second) = values.get(1) {
        let place = reader.source.place(second);
        let message = format!("`{}` takes one value", statement.directive.name);
        reader.source.error(message, Some(place)).expected("nothing more");
    }
    values.first().copied()
}

/// Says that `word` is not what the directive takes.
fn unexpected(reader: &mut Reader<'_>, statement: &Statement<'_>, word: &Word<'_>, what: &str) {
    let place = reader.source.place(word);
    let expected = format!("expected {}", statement.directive.takes);
    reader.source.error(format!("`{}` is no {what}", word.text), Some(place)).expected(expected);
}

/// A number of the wanted type that `accept` allows.
fn number<T: FromStr>(
    reader: &mut Reader<'_>,
    statement: &Statement<'_>,
    accept: impl Fn(&T) -> bool,
) -> Option<T> {
    let word = one(reader, statement)?;
    let value = word.text.parse().ok().filter(accept);
    if value.is_none() {
        unexpected(reader, statement, &word, "number that fits");
    }
    value
}

fn boolean(reader: &mut Reader<'_>, statement: &Statement<'_>) -> Option<bool> {
    let word = one(reader, statement)?;
    let value = grammar::boolean(word.text);
    if value.is_none() {
        let known = grammar::BOOLEANS.iter().map(|(word, _)| *word);
        let near = nearest(word.text, known);
        let place = reader.source.place(&word);
        let diagnostic = reader
            .source
            .error(format!("`{}` is neither true nor false", word.text), Some(place))
            .expected("expected on, yes or true, or off, no or false");
        if let Some(near) = near {
            diagnostic.help(format!("did you mean `{near}`?"));
        }
    }
    value
}

fn path(reader: &mut Reader<'_>, statement: &Statement<'_>) -> Option<PathBuf> {
    let word = one(reader, statement)?;
    if !word.text.starts_with('/') {
        let place = reader.source.place(&word);
        let message = format!("`{}` depends on where the daemon is started", word.text);
        reader.source.error(message, Some(place)).expected("expected a path that begins with /");
        return None;
    }
    Some(PathBuf::from(word.text))
}

/// Reports a value that is not among those implemented.
pub(super) fn only(
    reader: &mut Reader<'_>,
    statement: &Statement<'_>,
    accepted: &[&str],
    reason: &str,
) {
    let Some(word) = one(reader, statement) else {
        return;
    };
    if !accepted.iter().any(|accepted| accepted.eq_ignore_ascii_case(word.text)) {
        let place = reader.source.place(&word);
        let message = format!("not implemented yet: `{} {}`", statement.directive.name, word.text);
        let help = format!("leave the line out, or write `{}`", statement.directive.takes);
        reader.source.error(message, Some(place)).expected(reason).help(help);
    }
}

pub(super) fn node(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    for word in some(reader, statement) {
        let place = reader.source.place(word);
        let name = word.text.to_lowercase();
        if name.len() > NAME_MAX {
            let message = format!("a node's name has at most {NAME_MAX} octets");
            reader.source.error(message, Some(place));
        } else if reader.ha_cf.nodes.contains(&name) {
            reader.source.warning(format!("`{name}` is listed twice"), Some(place));
        } else {
            reader.ha_cf.nodes.push(name);
            reader.nodes.push(place);
        }
    }
}

pub(super) fn bcast(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    for word in some(reader, statement) {
        let place = reader.source.place(word);
        if word.text.len() > DEVICE_NAME_MAX || word.text.contains(['/', ':']) {
            unexpected(reader, statement, word, "interface");
        } else if reader.ha_cf.bcast.iter().any(|device| device == word.text) {
            reader.source.warning(format!("`{}` is listed twice", word.text), Some(place));
        } else if reader.ha_cf.bcast.len() == LINKS_MAX {
            let message = format!("there are at most {LINKS_MAX} links");
            reader.source.error(message, Some(place)).expected("one link too many");
        } else {
            reader.ha_cf.bcast.push(word.text.to_owned());
        }
    }
}

pub(super) fn udp(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    if let Some(name) = statement.name {
        let place = reader.source.place(&name);
        reader
            .source
            .warning("`udp` is the old name of `bcast`", Some(place))
            .help("write `bcast`");
    }
    bcast(reader, statement);
}

pub(super) fn ping(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    for word in some(reader, statement) {
        let place = reader.source.place(word);
        let Ok(address) = word.text.parse::<Ipv4Addr>() else {
            unexpected(reader, statement, word, "IPv4 address");
            continue;
        };
        if reader.ha_cf.ping_nodes.contains(&address) {
            reader.source.warning(format!("{address} is listed twice"), Some(place));
        } else if reader.ha_cf.ping_nodes.len() == PING_NODES_MAX {
            let message = format!("there are at most {PING_NODES_MAX} ping nodes");
            reader.source.error(message, Some(place)).expected("one node too many");
        } else {
            reader.ha_cf.ping_nodes.push(address);
        }
    }
}

pub(super) fn udpport(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    if let Some(port) = number(reader, statement, |port| *port != 0) {
        reader.ha_cf.udpport = port;
    }
}

pub(super) fn time(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    let Some(word) = one(reader, statement) else {
        return;
    };
    let error = match grammar::duration(word.text, Units::HaCf) {
        Ok(Duration::ZERO) => "cannot be zero".to_owned(),
        Ok(duration) => {
            let place = statement.name.map(|_| reader.source.place(&word));
            reader.times.insert(statement.directive.name, (duration, place));
            return;
        }
        Err(TimeError::NotANumber) => "is a time, which begins with a number".to_owned(),
        Err(TimeError::TooLong) => "is longer than can be counted".to_owned(),
        Err(TimeError::UnknownUnit(at)) => {
            let unit = &word.text[at..];
            let place = reader.source.place_in(&word, at..word.text.len());
            let diagnostic = reader
                .source
                .error(format!("`{unit}` is no unit of time"), Some(place))
                .expected("expected ms, us or nothing, which is seconds");
            if unit.eq_ignore_ascii_case("s") {
                diagnostic.help(format!("write `{}`", &word.text[..at]));
            }
            return;
        }
    };
    let place = reader.source.place(&word);
    let expected = format!("expected {}", statement.directive.takes);
    let message = format!("`{}` {error}", statement.directive.name);
    reader.source.error(message, Some(place)).expected(expected);
}

pub(super) fn hopfudge(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    if let Some(hops) = number(reader, statement, |_| true) {
        reader.ha_cf.hopfudge = hops;
    }
}

pub(super) fn auto_failback(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    if let [word] = statement.values
        && word.text.eq_ignore_ascii_case("legacy")
    {
        let place = reader.source.place(word);
        reader
            .source
            .error("not implemented yet: `auto_failback legacy`", Some(place))
            .expected("expected on or off")
            .help("`auto_failback on` comes nearest: groups go back to their preferred node");
        return;
    }
    if let Some(value) = boolean(reader, statement) {
        reader.ha_cf.auto_failback = value;
    }
}

pub(super) fn respawn(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    let name = statement.name.expect("`respawn` has no default");
    let [_user, program, ..] = some(reader, statement) else {
        if let [user] = statement.values {
            let place = reader.source.place(user);
            let message = "`respawn` names no program";
            reader.source.error(message, Some(place)).expected("then the program's path");
        }
        return;
    };
    let place = reader.source.place(program);
    if Path::new(program.text).file_name().is_some_and(|base| base == "ipfail") {
        reader.ha_cf.ipfail = true;
        reader
            .source
            .info("this ipfail is not started", Some(place))
            .expected("the daemon pings by itself; it does not move groups for it yet");
    } else {
        let place = reader.source.place(&name);
        reader
            .source
            .error("not implemented yet: `respawn` of anything but ipfail", Some(place))
            .expected("no programs are run beside the daemon yet")
            .help("let the machine's service manager run it");
    }
}

pub(super) fn logfacility(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    let Some(word) = one(reader, statement) else {
        return;
    };
    if !FACILITIES.contains(&word.text) {
        let place = reader.source.place(&word);
        reader
            .source
            .error(format!("syslog has no facility `{}`", word.text), Some(place))
            .expected("expected daemon, local0 to local7, …, or none")
            .nearest(word.text, FACILITIES.iter().copied());
    } else if word.text != "none" {
        reader.ha_cf.logging.facility = Some(word.text.to_owned());
        tell_unwritten(reader, statement, "syslog is not written yet; scripts are told of it");
    }
}

pub(super) fn logfile(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    reader.ha_cf.logging.logfile = path(reader, statement);
}

pub(super) fn debugfile(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    reader.ha_cf.logging.debugfile = path(reader, statement);
    if reader.ha_cf.logging.debugfile.is_some() {
        tell_unwritten(reader, statement, "this file is not written yet; scripts are told of it");
    }
}

/// Tells that a log is none of the daemon's yet.
fn tell_unwritten(reader: &mut Reader<'_>, statement: &Statement<'_>, reason: &str) {
    let place = statement.name.map(|word| reader.source.place(&word));
    let message = format!("`{}` is not used by the daemon yet", statement.directive.name);
    reader.source.info(message, place).expected(reason);
}

pub(super) fn syslogmsgfmt(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    if let Some(value) = boolean(reader, statement) {
        reader.ha_cf.logging.syslogmsgfmt = value;
    }
}

pub(super) fn log_badpack(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    if let Some(value) = boolean(reader, statement) {
        reader.ha_cf.logging.log_badpack = value;
    }
}

pub(super) fn msgfmt(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    let Some(word) = one(reader, statement) else {
        return;
    };
    match word.text {
        "classic" => reader.ha_cf.msgfmt = MessageFormat::Classic,
        "netstring" => reader.ha_cf.msgfmt = MessageFormat::Netstring,
        _ => {
            let place = reader.source.place(&word);
            reader
                .source
                .error(format!("there is no message format `{}`", word.text), Some(place))
                .expected("expected classic or netstring")
                .nearest(word.text, ["classic", "netstring"]);
        }
    }
}

pub(super) fn max_rexmit_delay(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    if let Some(millis) = number(reader, statement, |millis| *millis != 0) {
        reader.ha_cf.max_rexmit_delay = Duration::from_millis(millis);
    }
}

pub(super) fn debug(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    if let Some(level) = number(reader, statement, |_| true) {
        reader.ha_cf.logging.debug = level;
    }
}

/// `env NAME=VALUE` becomes the parameter NAME, so that scripts see `HA_NAME`.
pub(super) fn env(reader: &mut Reader<'_>, statement: &Statement<'_>) {
    let Some(word) = some(reader, statement).first() else {
        return;
    };
    match statement.text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !name.contains([' ', '\t', ',']) => {
            reader.ha_cf.parameters.pop().expect("the line itself was pushed just now");
            reader.ha_cf.parameters.push((name.to_owned(), value.to_owned()));
        }
        _ => unexpected(reader, statement, word, "NAME=VALUE"),
    }
}
