//! The line grammar of the configuration files: lines, words, times, booleans.
//!
//! It splits a text into lines of words that borrow from it, and reads the values that
//! several files share. It knows no directive and no file name, and reads no file:
//! what the words mean is the edge's business (`ha.cf`, `haresources`, `authkeys`) or
//! the router's.

use crate::limits::WORDS_MAX;
use crate::time::Duration;

#[cfg(test)]
mod tests;

/// Where `#` begins a comment; a comment always goes on to the end of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comments {
    /// Anywhere, also within a word.
    Anywhere,
    /// Only where a word could begin: a key may contain `#`.
    BetweenWords,
}

/// In what the files' lexical rules differ.
///
/// Words are always separated by blanks and tabs; a carriage return counts as a blank,
/// so that a file edited elsewhere means the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Commas separate words too.
    pub commas: bool,
    /// A `\` at the end of a line joins the next line to it. It also ends the word
    /// before it: a word never spans two lines.
    pub joins: bool,
    /// Where `#` begins a comment.
    pub comments: Comments,
}

impl Dialect {
    /// `ha.cf` and `latido.cf` (specification 13).
    pub const HA_CF: Self = Self { commas: true, joins: false, comments: Comments::Anywhere };
    /// `haresources` (specification 9.1).
    pub const HARESOURCES: Self = Self { commas: false, joins: true, comments: Comments::Anywhere };
    /// `authkeys` (specification 14).
    pub const AUTHKEYS: Self =
        Self { commas: false, joins: false, comments: Comments::BetweenWords };

    /// Whether `letter` stands between words.
    const fn separates(self, letter: char) -> bool {
        matches!(letter, ' ' | '\t' | '\r') || (self.commas && letter == ',')
    }
}

/// One word of a line, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word itself; never empty.
    pub text: &'a str,
    /// Its first octet's place in the whole text, from 0.
    pub start: usize,
    /// The number of its line in the text, from 1.
    pub line: u32,
    /// Its first character's place in that line, from 1, in characters (not octets):
    /// what an editor shows.
    pub column: u32,
}

/// One line that says something, joined lines included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The number of the line that its first word stands in, from 1.
    pub number: u32,
    /// Its words; at least one.
    pub words: heapless::Vec<Word<'a>, WORDS_MAX>,
}

/// A line with more than [`WORDS_MAX`] words. It is left out as a whole and reading
/// goes on with the next line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyWords<'a> {
    /// The first word beyond the bound.
    pub word: Word<'a>,
}

/// The lines of `text` that say something, in order; empty lines and comments are
/// passed over.
#[must_use]
pub const fn lines(text: &str, dialect: Dialect) -> Lines<'_> {
    Lines { text, at: 0, number: 0, dialect }
}

/// See [`lines`].
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: u32,
    dialect: Dialect,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, TooManyWords<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.text.len() {
            let mut words = heapless::Vec::new();
            let mut excess = None;
            while self.at < self.text.len() {
                let (start, content) = self.advance();
                let (content, joined) = self.meaning(content);
                self.split(start, content, |word| {
                    if words.push(word).is_err() {
                        excess = excess.or(Some(word));
                    }
                });
                if !joined {
                    break;
                }
            }
            if let Some(word) = excess {
                return Some(Err(TooManyWords { word }));
            }
            if let Some(first) = words.first() {
                return Some(Ok(Line { number: first.line, words }));
            }
        }
        None
    }
}

impl<'a> Lines<'a> {
    /// The next physical line, without its line feed, and where it starts.
    fn advance(&mut self) -> (usize, &'a str) {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at = start + length + 1;
        self.number = self.number.saturating_add(1);
        (start, &rest[..length])
    }

    /// `content` without its comment and joining `\`, and whether it had the latter.
    fn meaning(&self, content: &'a str) -> (&'a str, bool) {
        let mut between = true;
        let comment = content.char_indices().find(|&(_, letter)| {
            let begins = letter == '#' && (between || self.dialect.comments == Comments::Anywhere);
            between = self.dialect.separates(letter);
            begins
        });
        let content = comment.map_or(content, |(at, _)| &content[..at]);
        if !self.dialect.joins {
            return (content, false);
        }
        let trimmed = content.trim_end_matches(|letter| self.dialect.separates(letter));
        trimmed.strip_suffix('\\').map_or((content, false), |before| (before, true))
    }

    /// Hands over the words of `content`, which starts at `start` in the text.
    fn split(&self, start: usize, content: &'a str, mut take: impl FnMut(Word<'a>)) {
        let mut column = 1_u32;
        let mut at = 0;
        for piece in content.split_inclusive(|letter| self.dialect.separates(letter)) {
            let text = piece.trim_end_matches(|letter| self.dialect.separates(letter));
            if !text.is_empty() {
                take(Word { text, start: start + at, line: self.number, column });
            }
            at += piece.len();
            column = piece.chars().fold(column, |column, _| column.saturating_add(1));
        }
    }
}

/// Which units a time may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// `ha.cf` (specification 13): none (seconds), `ms` or `msec`, `us` or `usec`.
    HaCf,
    /// `latido.cf`: these, and `s` and `min`.
    LatidoCf,
}

/// Why a word is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// It does not begin with a number, such as `2` or `1.5`.
    NotANumber,
    /// What follows the number is none of the units; it begins at this octet.
    UnknownUnit(usize),
    /// It does not fit in 64 bits of microseconds.
    TooLong,
}

/// Reads a time: a number, decimals allowed, and a unit in any case; seconds without.
/// What is finer than a microsecond is cut off.
///
/// # Errors
/// [`TimeError`] says what is wrong with the word.
pub fn duration(text: &str, units: Units) -> Result<Duration, TimeError> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(TimeError::NotANumber);
    }
    let scale = microseconds(unit, units).ok_or(TimeError::UnknownUnit(number.len()))?;
    let mut micros = 0_u64;
    for digit in digits(whole) {
        micros = micros
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(digit))
            .ok_or(TimeError::TooLong)?;
    }
    micros = micros.checked_mul(scale).ok_or(TimeError::TooLong)?;
    let mut place = scale;
    for digit in digits(fraction) {
        place /= 10;
        micros = micros.checked_add(digit * place).ok_or(TimeError::TooLong)?;
    }
    Ok(Duration::from_micros(micros))
}

/// How many microseconds one of `unit` is.
fn microseconds(unit: &str, units: Units) -> Option<u64> {
    let is = |names: &[&str]| names.iter().any(|name| unit.eq_ignore_ascii_case(name));
    if is(&[""]) {
        return Some(1_000_000);
    }
    if is(&["ms", "msec"]) {
        return Some(1_000);
    }
    if is(&["us", "usec"]) {
        return Some(1);
    }
    match units {
        Units::HaCf => None,
        Units::LatidoCf if is(&["s"]) => Some(1_000_000),
        Units::LatidoCf if is(&["min"]) => Some(60_000_000),
        Units::LatidoCf => None,
    }
}

/// The values of decimal digits.
fn digits(text: &str) -> impl Iterator<Item = u64> {
    text.bytes().map(|digit| u64::from(digit - b'0'))
}

/// The words for true and false, in the order of specification 13.
pub const BOOLEANS: [(&str, bool); 10] = [
    ("true", true),
    ("on", true),
    ("yes", true),
    ("y", true),
    ("1", true),
    ("false", false),
    ("off", false),
    ("no", false),
    ("n", false),
    ("0", false),
];

/// Reads a boolean word, in any case; `None` if it is neither true nor false.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    BOOLEANS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
}
