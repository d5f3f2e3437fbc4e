//! The router's `latido.cf`: what it probes, how often, and where it reports.
//!
//! ```text
//! name clase                                   # this router, as the nodes call it
//! uplink vlan1                                 # the device towards the provider
//! target 192.0.2.1                             # one a line; at least one
//! probe interval 1s lost-after 1s need 1       # the defaults
//! report device br0 port 6940 interval 1s      # the defaults but the device
//! ```
//!
//! The lexical rules and the times are core's ([`latido_core::grammar`]). An unknown
//! word is an error, and so is a directive given twice, since one of the two would be
//! ignored. Reading stops at the first mistake: a router has nobody to read a list.

use core::fmt;
use core::net::Ipv4Addr;

use heapless::Vec;
use latido_core::grammar::{self, Dialect, Units, Word};
use latido_core::id::Name;
use latido_core::time::Duration;

#[cfg(test)]
mod tests;

/// Targets of one router. More is an error.
pub const TARGETS_MAX: usize = 8;
/// The UDP port of reports where none is given.
pub const REPORT_PORT: u16 = 6940;
/// The longest time that a setting may have: a router that asks less often than
/// once an hour reports nothing that anybody could act upon.
pub const TIME_MAX: Duration = Duration::from_secs(3_600);

/// Everything that the prober is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The router's name in its reports.
    pub name: Name,
    /// The device towards the provider; probes leave through it.
    pub uplink: Name,
    /// What is probed; one to [`TARGETS_MAX`], all different.
    pub targets: Vec<Ipv4Addr, TARGETS_MAX>,
    /// How it is probed.
    pub probe: Probe,
    /// Where the result goes.
    pub report: Report,
}

/// How targets are probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Between two rounds; positive.
    pub interval: Duration,
    /// A probe without an answer for so long is lost; positive, at most `interval`.
    pub lost_after: Duration,
    /// So many targets must answer for the uplink to be good; 1 to their number.
    pub need: u8,
}

/// Where reports go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The device towards the nodes.
    pub device: Name,
    /// The UDP port; not 0.
    pub port: u16,
    /// Between two reports; positive.
    pub interval: Duration,
}

impl Default for Probe {
    /// One probe a second, lost after a second, one answer is enough.
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self { interval: second, lost_after: second, need: 1 }
    }
}

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake<'a> {
    /// The line, from 1; 0 where something is missing in the whole file.
    pub line: u32,
    /// The character in that line, from 1; 0 as above.
    pub column: u32,
    /// What.
    pub fault: Fault<'a>,
}

/// What is wrong. Words are the file's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault<'a> {
    /// A directive that there is not.
    UnknownDirective(&'a str),
    /// A key that its directive does not have.
    UnknownKey(&'a str),
    /// A directive or key that was given before.
    Repeated(&'a str),
    /// This directive or key wants a value.
    ValueMissing(&'a str),
    /// More words than the line can have.
    Unexpected(&'a str),
    /// Longer than [`NAME_MAX`](latido_core::limits::NAME_MAX) octets.
    NameTooLong(&'a str),
    /// No IPv4 address of a single host.
    NotAnAddress(&'a str),
    /// No time, or not above zero and at most [`TIME_MAX`].
    NotATime(&'a str),
    /// No number in the range that is wanted.
    NotANumber(&'a str),
    /// More than [`TARGETS_MAX`] targets.
    TooManyTargets,
    /// More words than any line may have.
    TooManyWords,
    /// `lost-after` is longer than `interval`.
    LostAfterInterval,
    /// `need` is larger than the number of targets.
    NeedsMoreTargets,
    /// This directive must be there.
    Missing(&'static str),
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDirective(word) => write!(
                f,
                "'{word}' is no directive; there are name, uplink, target, probe and report"
            ),
            Self::UnknownKey(word) => write!(f, "'{word}' is no key of this directive"),
            Self::Repeated(word) => write!(f, "'{word}' stands here a second time"),
            Self::ValueMissing(word) => write!(f, "'{word}' wants a value"),
            Self::Unexpected(word) => write!(f, "'{word}' is one word too many"),
            Self::NameTooLong(word) => write!(f, "'{word}' is too long for a name"),
            Self::NotAnAddress(word) => write!(f, "'{word}' is no IPv4 address of a host"),
            Self::NotATime(word) => {
                write!(f, "'{word}' is no time; 1s or 250ms is, up to an hour")
            }
            Self::NotANumber(word) => write!(f, "'{word}' is no number in its range"),
            Self::TooManyTargets => write!(f, "a router has at most {TARGETS_MAX} targets"),
            Self::TooManyWords => f.write_str("a line with too many words"),
            Self::LostAfterInterval => f.write_str("lost-after is longer than interval"),
            Self::NeedsMoreTargets => f.write_str("need is larger than the number of targets"),
            Self::Missing(directive) => write!(f, "there is no '{directive}'"),
        }
    }
}

impl fmt::Display for Mistake<'_> {
    /// `3:8: 'soon' is no time; …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return self.fault.fmt(f);
        }
        write!(f, "{}:{}: {}", self.line, self.column, self.fault)
    }
}

impl core::error::Error for Mistake<'_> {}

impl<'a> Mistake<'a> {
    const fn at(word: &Word<'a>, fault: Fault<'a>) -> Self {
        Self { line: word.line, column: word.column, fault }
    }

    const fn of_file(fault: Fault<'a>) -> Self {
        Self { line: 0, column: 0, fault }
    }
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    name: Option<Name>,
    uplink: Option<Name>,
    targets: Vec<Ipv4Addr, TARGETS_MAX>,
    probe: Option<Probe>,
    report: Option<Report>,
}

impl Settings {
    /// Reads the router's `latido.cf`.
    ///
    /// # Errors
    /// The first mistake, and where it is.
    pub fn read(text: &str) -> Result<Self, Mistake<'_>> {
        let mut draft = Draft::default();
        for line in grammar::lines(text, Dialect::HA_CF) {
            let line = line.map_err(|excess| Mistake::at(&excess.word, Fault::TooManyWords))?;
            let (directive, values) =
                line.words.split_first().expect("a line has at least one word");
            draft.take(directive, values)?;
        }
        draft.complete()
    }
}

impl Draft {
    fn take<'a>(&mut self, directive: &Word<'a>, values: &[Word<'a>]) -> Result<(), Mistake<'a>> {
        let repeated = Err(Mistake::at(directive, Fault::Repeated(directive.text)));
        match directive.text {
            "name" if self.name.is_some() => repeated,
            "uplink" if self.uplink.is_some() => repeated,
            "probe" if self.probe.is_some() => repeated,
            "report" if self.report.is_some() => repeated,
            "name" => {
                self.name = Some(name(single(directive, values)?)?);
                Ok(())
            }
            "uplink" => {
                self.uplink = Some(name(single(directive, values)?)?);
                Ok(())
            }
            "target" => self.take_target(single(directive, values)?),
            "probe" => {
                self.probe = Some(probe(values)?);
                Ok(())
            }
            "report" => {
                self.report = Some(report(directive, values)?);
                Ok(())
            }
            unknown => Err(Mistake::at(directive, Fault::UnknownDirective(unknown))),
        }
    }

    fn take_target<'a>(&mut self, word: &Word<'a>) -> Result<(), Mistake<'a>> {
        let is_host = |address: &Ipv4Addr| {
            !address.is_unspecified() && !address.is_broadcast() && !address.is_multicast()
        };
        let address = word.text.parse().ok().filter(is_host);
        let address = address.ok_or(Mistake::at(word, Fault::NotAnAddress(word.text)))?;
        if self.targets.contains(&address) {
            return Err(Mistake::at(word, Fault::Repeated(word.text)));
        }
        self.targets.push(address).map_err(|_| Mistake::at(word, Fault::TooManyTargets))
    }

    /// What concerns the file as a whole.
    fn complete<'a>(self) -> Result<Settings, Mistake<'a>> {
        let missing = |directive| Mistake::of_file(Fault::Missing(directive));
        if self.targets.is_empty() {
            return Err(missing("target"));
        }
        let probe = self.probe.unwrap_or_default();
        if usize::from(probe.need) > self.targets.len() {
            return Err(Mistake::of_file(Fault::NeedsMoreTargets));
        }
        if probe.lost_after > probe.interval {
            return Err(Mistake::of_file(Fault::LostAfterInterval));
        }
        Ok(Settings {
            name: self.name.ok_or(missing("name"))?,
            uplink: self.uplink.ok_or(missing("uplink"))?,
            targets: self.targets,
            probe,
            report: self.report.ok_or(missing("report"))?,
        })
    }
}

fn probe<'a>(values: &[Word<'a>]) -> Result<Probe, Mistake<'a>> {
    let mut probe = Probe::default();
    each_key(values, |key, value| {
        match key.text {
            "interval" => probe.interval = time(value)?,
            "lost-after" => probe.lost_after = time(value)?,
            "need" => probe.need = number(value)?,
            unknown => return Err(Mistake::at(key, Fault::UnknownKey(unknown))),
        }
        Ok(())
    })?;
    Ok(probe)
}

fn report<'a>(directive: &Word<'a>, values: &[Word<'a>]) -> Result<Report, Mistake<'a>> {
    let (mut device, mut port, mut interval) = (None, REPORT_PORT, Duration::from_secs(1));
    each_key(values, |key, value| {
        match key.text {
            "device" => device = Some(name(value)?),
            "port" => port = number(value)?,
            "interval" => interval = time(value)?,
            unknown => return Err(Mistake::at(key, Fault::UnknownKey(unknown))),
        }
        Ok(())
    })?;
    let device = device.ok_or(Mistake::at(directive, Fault::Missing("device")))?;
    Ok(Report { device, port, interval })
}

/// Hands over `key value` after `key value`, each key once.
fn each_key<'a>(
    values: &[Word<'a>],
    mut take: impl FnMut(&Word<'a>, &Word<'a>) -> Result<(), Mistake<'a>>,
) -> Result<(), Mistake<'a>> {
    for (place, pair) in values.chunks(2).enumerate() {
        let [key, rest @ ..] = pair else { break };
        let mut before = values.chunks(2).take(place);
        if before.any(|earlier| earlier.first().is_some_and(|word| word.text == key.text)) {
            return Err(Mistake::at(key, Fault::Repeated(key.text)));
        }
        let value = rest.first().ok_or(Mistake::at(key, Fault::ValueMissing(key.text)))?;
        take(key, value)?;
    }
    Ok(())
}

/// The only value of a directive.
fn single<'w, 'a>(
    directive: &Word<'a>,
    values: &'w [Word<'a>],
) -> Result<&'w Word<'a>, Mistake<'a>> {
    match values {
        [] => Err(Mistake::at(directive, Fault::ValueMissing(directive.text))),
        [value] => Ok(value),
        [_, extra, ..] => Err(Mistake::at(extra, Fault::Unexpected(extra.text))),
    }
}

fn name<'a>(word: &Word<'a>) -> Result<Name, Mistake<'a>> {
    Name::try_from(word.text).map_err(|_| Mistake::at(word, Fault::NameTooLong(word.text)))
}

fn time<'a>(word: &Word<'a>) -> Result<Duration, Mistake<'a>> {
    let read = grammar::duration(word.text, Units::LatidoCf).ok();
    let time = read.filter(|time| *time > Duration::ZERO && *time <= TIME_MAX);
    time.ok_or(Mistake::at(word, Fault::NotATime(word.text)))
}

/// A number above zero that fits its setting.
fn number<'a, T: TryFrom<u32>>(word: &Word<'a>) -> Result<T, Mistake<'a>> {
    let plain = word.text.bytes().all(|octet| octet.is_ascii_digit());
    let read = word.text.parse::<u32>().ok().filter(|read| plain && *read > 0);
    let fits = read.and_then(|read| T::try_from(read).ok());
    fits.ok_or(Mistake::at(word, Fault::NotANumber(word.text)))
}
