//! `latido decode`: shows what captured datagrams say and whether their
//! signatures hold. It reads single datagrams and pcap captures; it never prints
//! a digest that it computed itself.

use std::fmt::{self, Write as _};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use latido_core::wire::{AuthError, Field, Frame, Framing, Keys, Kind, names};

use crate::config::authkeys;
use crate::config::diagnostic::{Severity, Source, render, worst};

mod capture;
mod meaning;
#[cfg(test)]
mod tests;

/// What `latido decode` is given.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Check signatures with the keys of this file
    #[arg(long, value_name = "FILE")]
    authkeys: Option<PathBuf>,
    /// Files with one datagram each, or pcap captures; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// How a datagram, or all of them, came out. A later one is the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Every signature holds, or none was to be checked.
    Good,
    /// A datagram is no frame, or a signature does not hold.
    Bad,
    /// A file cannot be read.
    Unreadable,
}

/// Prints what the files say. It exits with 0: every signature holds or none was
/// to be checked; 1: one does not, or a datagram is no frame; 2: a file cannot
/// be read.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut verdict = Verdict::Good;
    let keys = match arguments.authkeys.as_deref().map(read_keys).transpose() {
        Ok(keys) => keys,
        Err(error) => {
            eprintln!("latido: {error}");
            return ExitCode::from(2);
        }
    };
    for path in &arguments.files {
        verdict = verdict.max(match read(path) {
            Ok(bytes) => {
                let mut text = String::new();
                let verdict = describe_file(path, &bytes, keys.as_ref(), &mut text);
                if let Err(error) = io::stdout().write_all(text.as_bytes()) {
                    // Whoever closed the pipe has seen enough.
                    if error.kind() != io::ErrorKind::BrokenPipe {
                        eprintln!("latido: standard output: {error}");
                    }
                    return ExitCode::from(2);
                }
                verdict
            }
            Err(error) => {
                eprintln!("latido: {}: {error}", path.display());
                Verdict::Unreadable
            }
        });
    }
    ExitCode::from(match verdict {
        Verdict::Good => 0,
        Verdict::Bad => 1,
        Verdict::Unreadable => 2,
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(path)
}

/// The keys of an authkeys file (specification 14), whoever may read it.
fn read_keys(path: &Path) -> Result<Keys, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    keys_of(name, text)
}

/// The keys in `text`, the content of `name`; or every mistake in it.
fn keys_of(name: String, text: String) -> Result<Keys, String> {
    let mut source = Source::new(name, text);
    let keys = authkeys::read(&mut source);
    let found = source.into_found();
    if worst(&found) == Some(Severity::Error) {
        return Err(format!("the keys cannot be used\n{}", render(&found, false)));
    }
    Ok(keys.keys())
}

/// Describes every datagram in `bytes`, which `path` holds.
fn describe_file(path: &Path, bytes: &[u8], keys: Option<&Keys>, out: &mut String) -> Verdict {
    let name = path.display();
    let written = if capture::is_capture(bytes) {
        describe_capture(&name, bytes, keys, out)
    } else {
        write!(out, "{name}: ").and_then(|()| describe(bytes, keys, out))
    };
    written.expect("a string takes what is written to it")
}

fn describe_capture(
    name: &impl fmt::Display,
    bytes: &[u8],
    keys: Option<&Keys>,
    out: &mut String,
) -> Result<Verdict, fmt::Error> {
    let mut verdict = Verdict::Good;
    let mut datagrams = 0;
    for packet in capture::packets(bytes) {
        match packet {
            Ok(packet) => {
                if let Some(payload) = packet.payload {
                    datagrams += 1;
                    write!(out, "{name}, packet {}: ", packet.number)?;
                    verdict = verdict.max(describe(payload, keys, out)?);
                }
            }
            Err(error) => {
                eprintln!("latido: {name}: {error}");
                verdict = Verdict::Unreadable;
            }
        }
    }
    writeln!(out, "{name}: {datagrams} datagrams")?;
    Ok(verdict)
}

/// Describes one datagram: framing, fields, meaning, signatures.
fn describe(bytes: &[u8], keys: Option<&Keys>, out: &mut String) -> Result<Verdict, fmt::Error> {
    let frame = match Frame::parse(bytes) {
        Ok(frame) => frame,
        Err(error) => {
            writeln!(out, "no frame: {error}")?;
            return Ok(Verdict::Bad);
        }
    };
    let framing = match frame.framing() {
        Framing::Netstring => "netstring",
        Framing::Classic => "classic",
    };
    writeln!(out, "{framing}, {} octets", bytes.len())?;
    let kind = frame.text(names::TYPE).unwrap_or_default();
    for field in frame.fields() {
        write!(out, "  {}=", field.name)?;
        write_value(field, out)?;
        if let Some(number) = decoded(kind, field) {
            write!(out, " [{number}]")?;
        }
        out.push('\n');
    }
    writeln!(out, "  meaning: {}", meaning::meaning(&frame))?;
    describe_signatures(&frame, keys, out)
}

fn describe_signatures(
    frame: &Frame<'_>,
    keys: Option<&Keys>,
    out: &mut String,
) -> Result<Verdict, fmt::Error> {
    let Some(keys) = keys else {
        writeln!(out, "  signature: key {}, not checked (no --authkeys)", frame.key_number())?;
        return Ok(Verdict::Good);
    };
    let outcome = |checked: Result<u8, AuthError>| match checked {
        Ok(number) => match keys.method(number) {
            Some(method) => format!("holds (key {number}, {method})"),
            None => unreachable!("a signature holds only with a key that we have"),
        },
        Err(error @ AuthError::Absent) => error.to_string(),
        Err(error) => format!("DOES NOT HOLD: {error}"),
    };
    let checked = frame.verify(keys);
    let inner = frame.verify_inner(keys);
    match frame.framing() {
        Framing::Netstring => {
            writeln!(out, "  outer signature: {}", outcome(checked))?;
            writeln!(out, "  inner signature: {}", outcome(inner))?;
        }
        Framing::Classic => writeln!(out, "  signature: {}", outcome(checked))?,
    }
    let good = checked.is_ok() && matches!(inner, Ok(_) | Err(AuthError::Absent));
    Ok(if good { Verdict::Good } else { Verdict::Bad })
}

/// Text with control characters escaped; a UUID as such; other octets in hexadecimal.
fn write_value(field: &Field<'_>, out: &mut String) -> fmt::Result {
    if let Some(text) = field.text() {
        debug_assert_eq!(text.len(), field.raw.len());
        for character in field.characters() {
            if character.is_control() {
                write!(out, "{}", character.escape_default())?;
            } else {
                out.push(character);
            }
        }
        return Ok(());
    }
    if let Some(uuid) = field.uuid() {
        for (index, octet) in uuid.iter().enumerate() {
            let dash = if [4, 6, 8, 10].contains(&index) { "-" } else { "" };
            write!(out, "{dash}{octet:02x}")?;
        }
        return Ok(());
    }
    let mut buffer = vec![0; field.raw.len()];
    let octets = match field.kind {
        Kind::Binary => field.binary(&mut buffer).unwrap_or(field.raw),
        Kind::Text | Kind::Struct | Kind::List | Kind::Compressed | Kind::Uncompressed => field.raw,
    };
    write!(out, "({})", char::from(field.kind.digit()))?;
    octets.iter().try_for_each(|octet| write!(out, "{octet:02x}"))
}

/// What a number of the wire is in words, where it is not plain to see.
fn decoded(kind: &str, field: &Field<'_>) -> Option<String> {
    match field.name {
        names::SEQUENCE | names::GENERATION | names::ACK_SEQUENCE | names::HEARS => {
            Some(field.hex()?.to_string())
        }
        names::FIRST_SEQUENCE if kind == names::types::NAK => Some(field.hex()?.to_string()),
        names::DEADTIME => Some(format!("{} ms", field.hex()?)),
        names::TIMESTAMP => Some(utc(field.hex()?)),
        _ => None,
    }
}

/// Seconds since 1970 as a date and time of day in UTC.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is a year's last; an era has
    // 400 years and 146,097 days, and day 0 is 1 March of the year 0.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carry;
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC", second % 60)
}
