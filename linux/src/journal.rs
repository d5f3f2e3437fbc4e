//! Log lines in the original's layout (specification 13, `syslogmsgfmt`):
//! `Nov 22 11:21:50 corman heartbeat: [28]: WARN: node rabius: is dead`.
//!
//! This is the one place where lines get a time and a weight. Where they go is the
//! scribe's business.

use std::io::Write;

use env_logger::{Builder, Target};
use latido_core::Notice;
use latido_core::config::Config;
use latido_core::notice::{Program, Severity};
use log::{Level, LevelFilter};

use crate::clock;
use crate::resources::{Entry, PROGRAM};

/// Marks a line as critical: the `log` crate knows no such weight.
const CRITICAL: &str = "!";

/// Routes `log`'s lines to `scribe`, in the name of `host`.
///
/// # Panics
/// If a logger has been set before.
pub(crate) fn open(scribe: Box<dyn Write + Send>, host: &str, level: LevelFilter) {
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
            let stamp = clock::local_stamp();
            writeln!(out, "{stamp} {host} {program}: [{pid}]: {weight}: {}", record.args())
        })
        .init();
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
