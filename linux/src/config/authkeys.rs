//! `authkeys`: the keys that messages are signed with (specification 14).
//!
//! The lines may stand in any order: the original takes `auth N` only before the line
//! of entry N, which is a trap and no rule that anybody could want. No key is ever
//! shown: not in a diagnostic, not by `Debug`.

use std::fmt;

use latido_core::grammar::{Dialect, Word};
use latido_core::limits::{KEYS_MAX, SECRET_MAX};
use latido_core::wire::{Keys, Method};

use super::diagnostic::{Place, Source, nearest};

#[cfg(test)]
mod tests;

/// The methods, as the file names them.
const METHODS: [(&str, Method); 3] =
    [("crc", Method::Crc), ("md5", Method::Md5), ("sha1", Method::Sha1)];

/// What `authkeys` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AuthKeys {
    /// The number of the entry that we sign with; it is among `keys`.
    pub active: u8,
    /// The entries, in the order of the file.
    pub keys: Vec<Key>,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its number, 0 to 15.
    pub number: u8,
    /// How it signs.
    pub method: Method,
    /// The key; empty for crc.
    pub secret: Secret,
}

impl AuthKeys {
    /// The keys as frames are signed and checked with. The file's reader has checked
    /// each of them.
    pub(crate) fn keys(&self) -> Keys {
        let mut keys = Keys::new(self.active);
        for key in &self.keys {
            keys.insert(key.number, key.method, key.secret.expose())
                .expect("an entry was checked when it was read");
        }
        keys
    }
}

/// A key that `Debug` does not show.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// The octets to sign with.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Reports a file that others than its owner may read; the original looks at the same bits.
pub(crate) fn check_mode(source: &mut Source, mode: u32) {
    if mode & 0o044 != 0 {
        let message = format!("others can read this file: its mode is {:03o}", mode & 0o777);
        let help = format!("type `chmod 600 {}`", source.file);
        source.error(message, None).help(help);
    }
}

/// Reads the text of `source`. What is wrong is in `source` afterwards.
pub(crate) fn read(source: &mut Source) -> AuthKeys {
    let text = source.text.clone();
    source.secret = true;
    let mut keys: Vec<Key> = Vec::new();
    let mut active: Option<(u8, Place)> = None;
    // What cannot be read is not to be called missing too.
    let mut unread = false;
    for line in source.statements(&text, Dialect::AUTHKEYS) {
        let words = &line.words;
        let known = if words[0].text.starts_with('a') {
            auth(source, words).map(|(number, place)| {
                if active.is_some() {
                    let message = "a second `auth` line";
                    source.error(message, Some(place.clone())).expected("expected only one");
                }
                active = Some((number, place));
            })
        } else {
            entry(source, words).map(|key| {
                if keys.iter().any(|other| other.number == key.number) {
                    let message = format!("entry {} is there already", key.number);
                    let place = shown(words, 0);
                    source.error(message, Some(place)).expected("expected a number of its own");
                }
                keys.push(key);
            })
        };
        unread |= known.is_none();
    }
    let numbers: Vec<String> = keys.iter().map(|key| key.number.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    match active {
        Some((active, place)) => {
            if !unread && !keys.iter().any(|key| key.number == active) {
                source
                    .error(format!("there is no entry {active}"), Some(place))
                    .expected(format!("expected the number of an entry: {}", numbers.join(", ")))
                    .help(format!("add a line `{active} sha1 KEY`"));
            }
            return AuthKeys { active, keys };
        }
        None if unread => {}
        None => {
            let number = numbers.first().unwrap_or(&"1");
            source
                .error("no `auth` line says which entry to sign with", None)
                .help(format!("add a line `auth {number}`"));
        }
    }
    AuthKeys { active: 0, keys }
}

/// Reads `auth N`.
fn auth(source: &mut Source, words: &[Word<'_>]) -> Option<(u8, Place)> {
    if words[0].text != "auth" {
        source
            .error("this line is neither `auth` nor an entry", Some(shown(words, 0)))
            .expected("expected auth or a number from 0 to 15")
            .nearest(words[0].text, ["auth"]);
        return None;
    }
    let Some(word) = words.get(1) else {
        source
            .error("`auth` says nothing", Some(shown(words, 0)))
            .expected("then the number of the entry to sign with");
        return None;
    };
    let Some(number) = number(word.text) else {
        source
            .error("this is no number of an entry", Some(shown(words, 1)))
            .expected("expected a number from 0 to 15");
        return None;
    };
    Some((number, shown(words, 1)))
}

/// Reads `N METHOD [KEY]`.
fn entry(source: &mut Source, words: &[Word<'_>]) -> Option<Key> {
    let Some(number) = number(words[0].text) else {
        source
            .error("this is no number of an entry", Some(shown(words, 0)))
            .expected("expected auth or a number from 0 to 15");
        return None;
    };
    let Some(word) = words.get(1) else {
        let message = format!("entry {number} has no method");
        source.error(message, Some(shown(words, 0))).expected("then crc, md5 or sha1");
        return None;
    };
    let Some((name, method)) = METHODS.iter().find(|(name, _)| *name == word.text) else {
        let diagnostic = source.error("this is no method", Some(shown(words, 1)));
        diagnostic.expected("expected sha1, md5 or crc");
        if words.len() > 2 {
            diagnostic.nearest(word.text, ["sha1", "md5", "crc"]);
        }
        if word.text.starts_with("sha") {
            diagnostic.help("sha1 is the strongest that the protocol knows");
        }
        return None;
    };
    let secret = words.get(2).map(|word| word.text.as_bytes());
    match (method, secret) {
        (Method::Crc, None) => {
            source
                .warning("crc proves nothing about who sent a message", Some(shown(words, 1)))
                .expected("sha1 and a key would");
        }
        (Method::Crc, Some(_)) => {
            source.error("crc takes no key", Some(shown(words, 2))).expected("expected nothing");
            return None;
        }
        (Method::Md5 | Method::Sha1, None) => {
            let message = format!("{name} needs a key");
            source.error(message, Some(shown(words, 1))).expected("then the key, one word");
            return None;
        }
        (Method::Md5 | Method::Sha1, Some(secret)) if secret.len() > SECRET_MAX => {
            let message = format!("a key has at most {SECRET_MAX} octets");
            source.error(message, Some(shown(words, 2)));
            return None;
        }
        (Method::Md5 | Method::Sha1, Some(_)) => {}
    }
    Some(Key { number, method: *method, secret: Secret(secret.unwrap_or_default().to_vec()) })
}

fn number(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number| usize::from(*number) < KEYS_MAX)
}

/// The place of `words[at]` in its line as it may be shown: what could be a key,
/// whatever was left out or misspelt before it, is three stars.
fn shown(words: &[Word<'_>], at: usize) -> Place {
    let mut text = String::new();
    let mut span = 0..0;
    for (place, word) in words.iter().enumerate() {
        let padding = usize::try_from(word.column).unwrap_or(usize::MAX) - 1;
        let padding = padding.saturating_sub(text.chars().count()).max(usize::from(place > 0));
        text.extend(std::iter::repeat_n(' ', padding));
        let known = number(word.text).is_some()
            || METHODS.iter().any(|(name, _)| *name == word.text)
            || word.text == "auth";
        let misspelt = match place {
            0 => words.len() > 1 && word.text.len() <= "auth".len() + 1,
            1 => words.len() > 2 && is_like_a_method(word.text),
            _ => false,
        };
        let start = text.len();
        text.push_str(if (known && place < 2) || misspelt { word.text } else { "***" });
        if place == at {
            span = start..text.len();
        }
    }
    Place::new(words[0].line, text, span)
}

/// Whether a word is more likely a method that we do not know than a key.
fn is_like_a_method(word: &str) -> bool {
    let names = METHODS.iter().map(|(name, _)| *name);
    nearest(word, names).is_some() || (word.starts_with("sha") && word.len() <= "sha512".len())
}
