//! What happened in the lab, as lines that a person can follow or as JSON, one object a line.
//! It prints; what follows from an event is `stage`'s business.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use super::network::VIP;
use super::node::Host;

/// Something that happened, and when.
#[derive(Debug)]
pub(crate) struct Event {
    pub(super) at: Instant,
    pub(super) what: What,
}

/// What can happen.
#[derive(Debug)]
pub(crate) enum What {
    /// A node's console said something.
    Line { host: Host, text: String },
    /// The kernel of a node got or lost the virtual address, on the interface of that index.
    Vip { host: Host, held: bool, interface: u32, label: String },
    /// A process of a node ended.
    Exited { host: Host, pid: i64, end: String },
    /// The client was answered by another host than before, or after a silence.
    Answered { by: String, silence: Option<Duration> },
    /// The client was not answered any more.
    Silent,
    /// The scenario did something.
    Step(String),
    /// The scenario broke something: from here on times count.
    Fault(String),
    /// The scenario waits for something that takes long.
    Waiting(String),
}

/// How the timeline is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// For people.
    Text { coloured: bool },
    /// For programs.
    Json,
}

impl Form {
    /// Colours only where a person looks.
    pub(super) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text { coloured: io::stdout().is_terminal() } }
    }
}

/// Writes events to standard output, with their times since the start or the last fault.
pub(crate) struct Timeline {
    form: Form,
    start: Instant,
    fault: Option<Instant>,
}

/// One written line: who, a word for its kind, what, and its colour on a terminal.
struct Entry {
    who: &'static str,
    kind: &'static str,
    text: String,
    colour: u8,
}

impl Timeline {
    /// A timeline that starts now.
    pub(super) fn new(form: Form) -> Self {
        Self { form, start: Instant::now(), fault: None }
    }

    /// The moment from which times count now.
    pub(super) fn zero(&self) -> Instant {
        self.fault.unwrap_or(self.start)
    }

    /// Writes an event.
    pub(super) fn write(&mut self, event: &Event) {
        if let What::Fault(_) = event.what {
            self.fault = Some(event.at);
        }
        print(&self.render(event));
    }

    fn render(&self, event: &Event) -> String {
        let entry = describe(&event.what);
        let Entry { who, kind, text, colour } = &entry;
        match self.form {
            Form::Json => {
                let since = |from: Instant| milliseconds(event.at.saturating_duration_since(from));
                let mut object = json!({
                    "at_ms": since(self.start), "who": who, "kind": kind, "text": text,
                });
                if let Some(fault) = self.fault {
                    object["since_fault_ms"] = json!(since(fault));
                }
                object.to_string()
            }
            Form::Text { coloured } => {
                let seconds = seconds_between(self.zero(), event.at);
                let sign = if self.fault.is_some() { '+' } else { ' ' };
                let stamp = if seconds < 0.0 {
                    format!("{seconds:.3}")
                } else {
                    format!("{sign}{seconds:.3}")
                };
                let line = format!("{stamp:>9} s  {who:<7} {text}");
                if coloured && *colour != 0 { format!("\x1b[{colour}m{line}\x1b[0m") } else { line }
            }
        }
    }
}

/// Writes a line at once; a reader that went away ends the lab.
pub(super) fn print(line: &str) {
    let mut output = io::stdout().lock();
    if writeln!(output, "{line}").and_then(|()| output.flush()).is_err() {
        std::process::exit(1);
    }
}

/// A duration in milliseconds with one decimal, as JSON gives it.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A duration as the timeline words it.
pub(super) fn worded(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}

fn seconds_between(from: Instant, to: Instant) -> f64 {
    match to.checked_duration_since(from) {
        Some(after) => after.as_secs_f64(),
        None => -from.duration_since(to).as_secs_f64(),
    }
}

fn describe(what: &What) -> Entry {
    let entry = |who, kind, text: String, colour| Entry { who, kind, text, colour };
    match what {
        What::Line { host: Host::Corman, text } => entry("corman", "log", text.clone(), BLUE),
        What::Line { host: Host::Rabius, text } => entry("rabius", "log", text.clone(), MAGENTA),
        What::Vip { host, held: true, label, .. } => {
            entry("vip", "vip", format!("{VIP} on {} ({label})", host.name()), GREEN)
        }
        What::Vip { host, held: false, .. } => {
            entry("vip", "vip", format!("{VIP} gone from {}", host.name()), YELLOW)
        }
        What::Exited { host, pid, end } => {
            entry(host.name(), "exit", format!("process {pid} ended: {end}"), PLAIN)
        }
        What::Answered { by, silence: None } => {
            entry("client", "client", format!("answered by {by}"), GREEN)
        }
        What::Answered { by, silence: Some(silence) } => {
            let text = format!("answered by {by}, after {} without an answer", worded(*silence));
            entry("client", "client", text, GREEN)
        }
        What::Silent => entry("client", "client", "no answer".to_owned(), RED),
        What::Step(text) => entry("lab", "step", text.clone(), BOLD),
        What::Fault(text) => entry("lab", "fault", text.clone(), RED),
        What::Waiting(text) => entry("lab", "waiting", text.clone(), PLAIN),
    }
}

// Select Graphic Rendition of ECMA-48.
const PLAIN: u8 = 0;
const BOLD: u8 = 1;
const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const BLUE: u8 = 34;
const MAGENTA: u8 = 35;

#[cfg(test)]
mod tests;
