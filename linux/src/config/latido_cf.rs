//! `latido.cf`: what Heartbeat's own files have no words for. It may be missing.
//!
//! It has ha.cf's lexical rules; times may also have the units `s` and `min`.

use latido_core::grammar::{self, Dialect, TimeError, Units, Word};
use latido_core::time::Duration;

use super::diagnostic::{Source, either};

#[cfg(test)]
mod tests;

/// What `latido.cf` says, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LatidoCf {
    /// How long a resource's script may take.
    pub resource_timeout: ResourceTimeout,
    /// What happens when a resource cannot be stopped.
    pub on_stop_failure: OnStopFailure,
}

/// How long a resource's script may take, by verb, before it is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceTimeout {
    /// `start`.
    pub start: Duration,
    /// `stop`.
    pub stop: Duration,
    /// `status`.
    pub status: Duration,
}

/// What happens when a resource cannot be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnStopFailure {
    /// Its group is never started on the other node until somebody has looked.
    Block,
    /// The machine reboots, as the original does.
    Reboot,
}

impl Default for LatidoCf {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        let resource_timeout =
            ResourceTimeout { start: minute, stop: minute, status: Duration::from_secs(10) };
        Self { resource_timeout, on_stop_failure: OnStopFailure::Block }
    }
}

/// One directive: its name, what it takes, and what reads it.
struct Directive {
    name: &'static str,
    takes: &'static str,
    read: fn(&mut LatidoCf, &mut Source, &[Word<'_>]),
}

const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "resource-timeout",
        takes: "start, stop or status, each with a time, such as start 60s",
        read: resource_timeout,
    },
    Directive { name: "on-stop-failure", takes: "block or reboot", read: on_stop_failure },
];

/// Reads the text of `source`. What is wrong is in `source` afterwards.
pub(crate) fn read(source: &mut Source) -> LatidoCf {
    let text = source.text.clone();
    let mut latido_cf = LatidoCf::default();
    for line in source.statements(&text, Dialect::HA_CF) {
        let (name, values) = line.words.split_first().expect("a line has a word");
        let place = source.place(name);
        let Some(directive) = DIRECTIVES.iter().find(|known| known.name == name.text) else {
            let known: Vec<&str> = DIRECTIVES.iter().map(|known| known.name).collect();
            source
                .error(format!("unknown directive `{}`", name.text), Some(place))
                .expected(format!("expected {}", either(&known)))
                .nearest(name.text, known);
            continue;
        };
        if values.is_empty() {
            let expected = format!("then {}", directive.takes);
            let message = format!("`{}` says nothing", name.text);
            source.error(message, Some(place)).expected(expected);
        }
        (directive.read)(&mut latido_cf, source, values);
    }
    latido_cf
}

/// Says that `word` is none of `words`.
fn unknown(source: &mut Source, word: &Word<'_>, words: &[&str]) {
    let place = source.place(word);
    source
        .error(format!("unknown word `{}`", word.text), Some(place))
        .expected(format!("expected {}", either(words)))
        .nearest(word.text, words.iter().copied());
}

/// Reads `resource-timeout start 60s stop 60s status 10s`, any of the three.
fn resource_timeout(latido_cf: &mut LatidoCf, source: &mut Source, values: &[Word<'_>]) {
    let timeout = &mut latido_cf.resource_timeout;
    for pair in values.chunks(2) {
        let verb = pair[0];
        let bound = match verb.text {
            "start" => Some(&mut timeout.start),
            "stop" => Some(&mut timeout.stop),
            "status" => Some(&mut timeout.status),
            _ => {
                unknown(source, &verb, &["start", "stop", "status"]);
                None
            }
        };
        match pair.get(1) {
            Some(word) => {
                if let (Some(bound), Some(time)) = (bound, time(source, word)) {
                    *bound = time;
                }
            }
            None => {
                let place = source.place(&verb);
                let message = format!("`{}` has no time", verb.text);
                source.error(message, Some(place)).expected("then a time, such as 60s");
            }
        }
    }
}

/// Reads a time of more than zero.
fn time(source: &mut Source, word: &Word<'_>) -> Option<Duration> {
    let (part, message) = match grammar::duration(word.text, Units::LatidoCf) {
        Ok(Duration::ZERO) => (0, format!("`{}` leaves no time at all", word.text)),
        Ok(time) => return Some(time),
        Err(TimeError::NotANumber) => (0, format!("`{}` is no time", word.text)),
        Err(TimeError::UnknownUnit(at)) => {
            (at, format!("`{}` is no unit of time", &word.text[at..]))
        }
        Err(TimeError::TooLong) => (0, format!("`{}` is longer than can be counted", word.text)),
    };
    let place = source.place_in(word, part..word.text.len());
    source
        .error(message, Some(place))
        .expected("expected a time such as 60s; units are us, ms, s and min");
    None
}

/// Reads `on-stop-failure block|reboot`.
fn on_stop_failure(latido_cf: &mut LatidoCf, source: &mut Source, values: &[Word<'_>]) {
    let Some(word) = values.first() else {
        return;
    };
    match word.text {
        "block" => latido_cf.on_stop_failure = OnStopFailure::Block,
        "reboot" => latido_cf.on_stop_failure = OnStopFailure::Reboot,
        _ => unknown(source, word, &["block", "reboot"]),
    }
    if let Some(second) = values.get(1) {
        let place = source.place(second);
        source.error("`on-stop-failure` takes one word", Some(place)).expected("nothing more");
    }
}
