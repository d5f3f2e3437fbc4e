//! Log lines in the original's two layouts (specification 13, `syslogmsgfmt`).
//!
//! This is the one place where lines get a time and a weight. Where they go is the
//! scribe's business.

use std::io::Write;

use env_logger::{Builder, Target};
use latido_core::Notice;
use latido_core::config::Config;
use latido_core::notice::{Program, Severity};
use log::{Level, LevelFilter};

use crate::clock::{self, LocalTime};
use crate::resources::{Entry, PROGRAM};

/// Marks a line as critical: the `log` crate knows no such weight.
const CRITICAL: &str = "!";

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How lines are laid out (`syslogmsgfmt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `Nov 22 11:21:50 corman heartbeat: [28]: WARN: node rabius: is dead`.
    Syslog,
    /// `heartbeat[28]: 2026/11/22_11:21:50 WARN: node rabius: is dead`.
    Plain,
}

/// Routes `log`'s lines to `scribe`, in the name of `host`.
///
/// # Panics
/// If a logger has been set before.
pub(crate) fn open(scribe: Box<dyn Write + Send>, host: &str, layout: Layout, level: LevelFilter) {
    let host = host.to_owned();
    let pid = std::process::id();
    Builder::new()
        .filter_level(level)
        .target(Target::Pipe(scribe))
        .format(move |out, record| {
            let (program, critical) = match record.target().strip_suffix(CRITICAL) {
                Some(program) => (program, true),
                None => (record.target(), false),
            };
            let weight = if critical { "CRIT" } else { word(record.level()) };
            let text = one_line(record.args().to_string());
            let LocalTime { year, month, day, hour, minute, second } = clock::local_time();
            match layout {
                Layout::Syslog => {
                    let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month));
                    let stamp = format_args!(
                        "{} {day:02} {hour:02}:{minute:02}:{second:02}",
                        month.unwrap_or(&"???")
                    );
                    writeln!(out, "{stamp} {host} {program}: [{pid}]: {weight}: {text}")
                }
                Layout::Plain => {
                    let date = format_args!("{year:04}/{:02}/{day:02}", month + 1);
                    let time = format_args!("{hour:02}:{minute:02}:{second:02}");
                    writeln!(out, "{program}[{pid}]: {date}_{time} {weight}: {text}")
                }
            }
        })
        .init();
}

/// Whatever a script has written, it makes one line and no other.
fn one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let shown = |letter: char| {
        if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
    };
    text.chars().map(shown).collect()
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARN",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    }
}

/// Says what the core has to say.
pub(crate) fn tell(notice: Notice, config: &Config) {
    let program = match notice.program() {
        Program::Heartbeat => "heartbeat",
        Program::MachDown => "mach_down",
    };
    write(notice.severity(), program, &notice.line(config));
}

/// Says what a resource script's run has to say.
pub(crate) fn tell_entry(entry: &Entry) {
    match entry.severity {
        Some(severity) => write(severity, PROGRAM, &entry.text),
        None => log::debug!(target: PROGRAM, "{}", entry.text),
    }
}

fn write(severity: Severity, program: &str, text: &dyn std::fmt::Display) {
    match severity {
        Severity::Info => log::info!(target: program, "{text}"),
        Severity::Warning => log::warn!(target: program, "{text}"),
        Severity::Error => log::error!(target: program, "{text}"),
        Severity::Critical => log::error!(target: &format!("{program}{CRITICAL}"), "{text}"),
    }
}

#[cfg(test)]
mod tests;
