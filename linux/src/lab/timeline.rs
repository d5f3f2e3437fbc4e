//! What happened in the lab, as lines that a person can follow or as JSON, one object a line.
//! It prints and remembers; what follows from an event is `stage`'s business.

mod order;

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use super::network::VIP;
use super::node::Host;
use order::Order;

/// Something that happened, and when.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(super) at: Instant,
    pub(super) what: What,
}

/// What can happen.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A node got power, or lost it.
    Power { host: Host, on: bool },
    /// The daemon of a node was started.
    Started { host: Host },
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
    /// A part of the scenario begins.
    Phase(String),
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

/// Writes events to standard output, with their times since the start or the last fault, and
/// remembers them.
pub(crate) struct Timeline {
    form: Form,
    /// Whether events are only remembered until they are asked for.
    quiet: bool,
    start: Instant,
    fault: Option<Instant>,
    order: Order,
    told: Vec<Event>,
}

/// One written line: who, a word for its kind, how it is marked, what, and its colour on a
/// terminal.
struct Entry {
    who: &'static str,
    kind: &'static str,
    mark: char,
    text: String,
    colour: u8,
}

impl Timeline {
    /// A timeline that starts now.
    pub(super) fn new(form: Form, quiet: bool) -> Self {
        let order = Order::default();
        Self { form, quiet, start: Instant::now(), fault: None, order, told: Vec::new() }
    }

    /// The moment at which it started.
    pub(super) fn start(&self) -> Instant {
        self.start
    }

    /// The moment from which times count now.
    fn zero(&self) -> Instant {
        self.fault.unwrap_or(self.start)
    }

    /// Takes an event; it is written in a moment, after its causes.
    pub(super) fn take(&mut self, event: Event) {
        self.order.push(event);
        self.write_due();
    }

    /// When `write_due` has something to write, if it has.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.order.deadline()
    }

    /// Writes what has waited for its causes long enough.
    pub(super) fn write_due(&mut self) {
        while let Some(event) = self.order.due(Instant::now()) {
            self.write(event);
        }
    }

    /// Writes all that is left.
    pub(super) fn finish(&mut self) {
        while let Some(event) = self.order.rest() {
            self.write(event);
        }
    }

    /// Writes what was only remembered.
    pub(super) fn recall(&mut self) {
        if std::mem::take(&mut self.quiet) {
            self.fault = None;
            for event in std::mem::take(&mut self.told) {
                self.write(event);
            }
        }
    }

    /// Every event that was written, in that order.
    pub(super) fn told(&self) -> &[Event] {
        &self.told
    }

    fn write(&mut self, event: Event) {
        if let What::Fault(_) = event.what {
            self.fault = Some(event.at);
        }
        if !self.quiet {
            print(&self.render(&event));
        }
        self.told.push(event);
    }

    fn render(&self, event: &Event) -> String {
        let entry = describe(&event.what);
        let Entry { who, kind, mark, text, colour } = &entry;
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
                let line = match event.what {
                    What::Phase(_) => format!("\n== {text}"),
                    _ => format!("{} s  {who:<6} {mark} {text}", self.stamp(event.at)),
                };
                if coloured && *colour != 0 { format!("\x1b[{colour}m{line}\x1b[0m") } else { line }
            }
        }
    }

    /// Seconds since the start, or with a sign since the last fault.
    fn stamp(&self, at: Instant) -> String {
        let seconds = seconds_between(self.zero(), at);
        let stamp = match self.fault {
            Some(_) if seconds >= 0.0 => format!("+{seconds:.3}"),
            Some(_) | None => format!("{seconds:.3}"),
        };
        format!("{stamp:>8}")
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
    } else if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
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
    let entry = |who, kind, mark, text: String, colour| Entry { who, kind, mark, text, colour };
    match what {
        What::Power { host, on } => {
            let text = if *on { "has power" } else { "has no power" };
            entry(host.name(), "power", SEEN, text.to_owned(), PLAIN)
        }
        What::Started { host } => {
            entry(host.name(), "start", SEEN, "latido run is started".to_owned(), PLAIN)
        }
        What::Line { host, text } => {
            let colour = match host {
                Host::Corman => BLUE,
                Host::Rabius => MAGENTA,
            };
            entry(host.name(), "log", ' ', text.clone(), colour)
        }
        What::Vip { host, held: true, label, .. } => {
            let text = format!("{VIP} is on {} ({label})", host.name());
            entry("VIP", "vip", SEEN, text, GREEN)
        }
        What::Vip { host, held: false, .. } => {
            entry("VIP", "vip", SEEN, format!("{VIP} has gone from {}", host.name()), YELLOW)
        }
        What::Exited { host, end, .. } => {
            entry(host.name(), "exit", SEEN, format!("a program ended: {end}"), PLAIN)
        }
        What::Answered { by, silence: None } => {
            entry("client", "client", SEEN, format!("answered by {by}"), GREEN)
        }
        What::Answered { by, silence: Some(silence) } => {
            let text = format!("answered by {by}, after {} without an answer", worded(*silence));
            entry("client", "client", SEEN, text, GREEN)
        }
        What::Silent => entry("client", "client", SEEN, "no answer".to_owned(), RED),
        What::Phase(text) => entry("lab", "phase", ' ', text.clone(), BOLD),
        What::Step(text) => entry("lab", "step", ' ', text.clone(), PLAIN),
        What::Fault(text) => entry("lab", "fault", BROKEN, text.clone(), RED),
        What::Waiting(text) => entry("lab", "waiting", ' ', text.clone(), PLAIN),
    }
}

/// Marks what was seen from outside of the daemons.
const SEEN: char = '*';
/// Marks what the scenario did to the cluster.
const BROKEN: char = '!';

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
