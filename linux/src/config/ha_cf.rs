//! `ha.cf`: the cluster's nodes, links and timings (specification 13).
//!
//! This file has the types and reads the lines; [`directives`] is the table of what a
//! line may say, [`checks`] is what the lines must be together.

mod checks;
mod directives;
mod values;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;

use latido_core::grammar::{Dialect, Word};
use latido_core::time::Duration;

use super::diagnostic::{Place, Source, nearest};
use directives::{Apply, DIRECTIVES, Directive};

/// What `ha.cf` says, defaults filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HaCf {
    /// The normal nodes, lower-cased, in the order of the file.
    pub nodes: Vec<String>,
    /// The ping nodes, in the order of the file; their names are their addresses.
    pub ping_nodes: Vec<Ipv4Addr>,
    /// The interfaces to broadcast on, in the order of the file.
    pub bcast: Vec<String>,
    /// The UDP port of all links.
    pub udpport: u16,
    /// How long things take.
    pub timing: Timing,
    /// Whether groups go back to their preferred node when it returns.
    pub auto_failback: bool,
    /// What is added to the number of nodes for a message's `ttl`.
    pub hopfudge: u8,
    /// How messages are written on the wire.
    pub msgfmt: MessageFormat,
    /// The longest random wait before lost messages are asked for.
    pub max_rexmit_delay: Duration,
    /// Where the log goes.
    pub logging: Logging,
    /// Whether `respawn … ipfail` stands in the file.
    pub ipfail: bool,
    /// Every directive of the file with its values as they are written, in order, then
    /// the defaults of those that are not: the scripts' `HA_<directive>`
    /// (specification 9.4).
    pub parameters: Vec<(String, String)>,
}

/// How long things take (specification 13). Valid by construction: `keepalive` is
/// more than zero, `deadtime` and `deadping` more than twice that, `initdead` at
/// least `deadtime`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Between two heartbeats.
    pub keepalive: Duration,
    /// A heartbeat later than this is logged.
    pub warntime: Duration,
    /// A node silent for this long is dead.
    pub deadtime: Duration,
    /// The same, for nodes not heard since our start.
    pub initdead: Duration,
    /// The same, for ping nodes.
    pub deadping: Duration,
}

/// How messages are written on the wire (specification 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MessageFormat {
    /// Netstring framing with the inner signature, as the original sends by default.
    #[default]
    Classic,
    /// Netstring framing without the inner signature.
    Netstring,
}

/// Where the log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logging {
    /// The syslog facility's name.
    pub facility: Option<String>,
    /// The log.
    pub logfile: Option<PathBuf>,
    /// The log with the debug lines.
    pub debugfile: Option<PathBuf>,
    /// Whether a line is laid out as syslog does.
    pub syslogmsgfmt: bool,
    /// Whether malformed and forged packets are logged.
    pub log_badpack: bool,
    /// How much is told, from 0.
    pub debug: u8,
}

/// Reads the text of `source` for the machine called `node_name` (lower-cased).
/// What is wrong is in `source` afterwards; then the values mean nothing.
pub(crate) fn read(source: &mut Source, node_name: &str) -> HaCf {
    let text = source.text.clone();
    let mut reader = Reader {
        source,
        ha_cf: HaCf::default(),
        times: BTreeMap::new(),
        nodes: Vec::new(),
        seen: BTreeMap::new(),
        misspelt: BTreeSet::new(),
    };
    for line in reader.source.statements(&text, Dialect::HA_CF) {
        let (name, values) = line.words.split_first().expect("a line has a word");
        reader.statement(*name, values, &text);
    }
    reader.fill_in();
    checks::check(&mut reader, node_name);
    reader.ha_cf
}

/// The state of reading.
struct Reader<'s> {
    source: &'s mut Source,
    ha_cf: HaCf,
    /// The times, by directive, and where they stand.
    times: BTreeMap<&'static str, (Duration, Option<Place>)>,
    /// Where each normal node stands.
    nodes: Vec<Place>,
    /// The lines of the directives that stand in the file.
    seen: BTreeMap<&'static str, u32>,
    /// What unknown directives were probably meant to be: not to be called absent.
    misspelt: BTreeSet<&'static str>,
}

/// One line's directive and values.
struct Statement<'a> {
    directive: &'static Directive,
    /// The directive's own word; none for a default.
    name: Option<Word<'a>>,
    values: &'a [Word<'a>],
    /// All values as they are written.
    text: &'a str,
}

impl Reader<'_> {
    /// Reads one line of the file.
    fn statement(&mut self, name: Word<'_>, values: &[Word<'_>], text: &str) {
        let Some(directive) = DIRECTIVES.iter().find(|known| known.name == name.text) else {
            let place = self.source.place(&name);
            let near = nearest(name.text, DIRECTIVES.iter().map(|directive| directive.name));
            self.misspelt.extend(near);
            self.source
                .error(format!("unknown directive `{}`", name.text), Some(place))
                .expected("a directive, in lower case")
                .nearest(name.text, near);
            return;
        };
        let values_text = match (values.first(), values.last()) {
            (Some(first), Some(last)) => &text[first.start..last.start + last.text.len()],
            _ => "",
        };
        if !directive.repeats
            && let Some(line) = self.seen.get(directive.name)
        {
            let message = format!("`{}` again: line {line} does not count", directive.name);
            let place = self.source.place(&name);
            self.source.warning(message, Some(place)).expected("only this one counts");
            self.ha_cf.parameters.retain(|(parameter, _)| parameter != directive.name);
        }
        self.seen.insert(directive.name, name.line);
        self.ha_cf.parameters.push((directive.name.to_owned(), values_text.to_owned()));
        self.apply(&Statement { directive, name: Some(name), values, text: values_text });
    }

    /// Does what the directive's row of the table says.
    fn apply(&mut self, statement: &Statement<'_>) {
        let name = statement.directive.name;
        let place = statement.name.map(|word| self.source.place(&word));
        match statement.directive.apply {
            Apply::Read(read) => read(self, statement),
            Apply::Kept => {
                values::one(self, statement);
            }
            Apply::Idle(reason) => {
                let message = format!("`{name}` is accepted and does nothing here");
                self.source.warning(message, place).expected(reason);
            }
            Apply::Only(accepted, reason) => values::only(self, statement, accepted, reason),
            Apply::Later(reason) => {
                self.source.error(format!("not implemented yet: `{name}`"), place).expected(reason);
            }
            Apply::Refused(reason) => {
                let message = format!("`{name}` is refused");
                self.source.error(message, place).expected(reason);
            }
        }
    }

    /// Whether a directive does not stand in the file, not even misspelt.
    fn is_absent(&self, name: &str) -> bool {
        !self.seen.contains_key(name) && !self.misspelt.contains(name)
    }

    /// Applies the defaults of the directives that are not in the file.
    fn fill_in(&mut self) {
        for directive in DIRECTIVES {
            let Some(default) = directive.default else {
                continue;
            };
            if !self.is_absent(directive.name) {
                continue;
            }
            let value = Word { text: default, start: 0, line: 0, column: 0 };
            self.apply(&Statement { directive, name: None, values: &[value], text: default });
            self.ha_cf.parameters.push((directive.name.to_owned(), default.to_owned()));
        }
    }
}
