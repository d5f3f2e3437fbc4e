//! Tables of the line grammar and its values.

extern crate std;

use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use super::{Dialect, TimeError, Units, boolean, duration, lines};
use crate::limits::WORDS_MAX;
use crate::time::Duration;

/// The words of every line, each line with its number.
fn words(text: &str, dialect: Dialect) -> Vec<(u32, Vec<&str>)> {
    lines(text, dialect)
        .map(|line| line.expect("no line of these is too long"))
        .map(|line| (line.number, line.words.iter().map(|word| word.text).collect()))
        .collect()
}

#[test]
fn lines_have_words_and_comments_have_none() {
    let text = "# first\n\nnode corman rabius # the nodes\n\t# more\n  keepalive\t2\r\n#\nlast";
    assert_eq!(
        words(text, Dialect::HA_CF),
        [(3, vec!["node", "corman", "rabius"]), (5, vec!["keepalive", "2"]), (7, vec!["last"]),]
    );
}

#[test]
fn a_text_without_words_has_no_lines() {
    for text in ["", "\n", "\n\n", "  \t\r\n", "#", "# \\\n", ",,,\n, ,"] {
        assert_eq!(words(text, Dialect::HA_CF), [], "{text:?}");
    }
    assert_eq!(words("\\\n\\\n\\", Dialect::HARESOURCES), []);
}

#[test]
fn commas_separate_only_where_the_dialect_says_so() {
    assert_eq!(words("node corman,rabius", Dialect::HA_CF)[0].1, ["node", "corman", "rabius"]);
    assert_eq!(words("node corman,rabius", Dialect::HARESOURCES)[0].1, ["node", "corman,rabius"]);
}

#[test]
fn a_backslash_joins_lines_only_where_the_dialect_says_so() {
    let text = "corman a \\ # why\n  # nothing\\\n b\\\nc\nd\\";
    assert_eq!(
        words(text, Dialect::HARESOURCES),
        [(1, vec!["corman", "a"]), (3, vec!["b", "c"]), (5, vec!["d"])],
        "a line that is only a comment ends the join, and a comment cannot join"
    );
    assert_eq!(words("a \\\nb", Dialect::HA_CF), [(1, vec!["a", "\\"]), (2, vec!["b"])]);
    assert_eq!(words("a b\\c\nd", Dialect::HARESOURCES)[0].1, ["a", "b\\c"]);
}

#[test]
fn a_number_sign_within_a_word_is_a_comment_but_not_within_a_key() {
    assert_eq!(words("logfile /a#b", Dialect::HA_CF)[0].1, ["logfile", "/a"]);
    assert_eq!(words("1 sha1 a#b # c", Dialect::AUTHKEYS)[0].1, ["1", "sha1", "a#b"]);
    assert_eq!(words("#1 sha1 ab\n", Dialect::AUTHKEYS), []);
}

#[test]
fn columns_count_characters_and_starts_count_octets() {
    let text = "\nñandú  b\\\n\té c";
    let line = lines(text, Dialect::HARESOURCES).next().expect("one line").expect("short");
    let places: Vec<_> =
        line.words.iter().map(|word| (word.text, word.start, word.line, word.column)).collect();
    assert_eq!(places, [("ñandú", 1, 2, 1), ("b", 10, 2, 8), ("é", 14, 3, 2), ("c", 17, 3, 4)]);
    for (word, start, ..) in places {
        assert!(text[start..].starts_with(word));
    }
}

#[test]
fn a_line_with_too_many_words_is_an_error_and_the_next_is_read() {
    let long: String = (0..=WORDS_MAX).map(|word| format!("w{word} ")).collect();
    let text = format!("{}\n{long} and more\nnext", &long[..long.len() - 1 - 3]);
    let mut read = lines(&text, Dialect::HA_CF);
    let full = read.next().expect("a line").expect("exactly at the bound");
    assert_eq!(full.words.len(), WORDS_MAX);
    let excess = read.next().expect("a line").expect_err("one beyond the bound");
    assert_eq!(excess.word.text, format!("w{WORDS_MAX}"));
    assert_eq!(excess.word.line, 2);
    assert_eq!(read.next().expect("a line").expect("short").number, 3);
    assert_eq!(read.next(), None);
}

#[test]
fn times_are_read_exactly() {
    for (text, micros) in [
        ("0", 0),
        ("2", 2_000_000),
        ("1.5", 1_500_000),
        (".25", 250_000),
        ("3.", 3_000_000),
        ("10ms", 10_000),
        ("10MSEC", 10_000),
        ("0.5ms", 500),
        ("500000us", 500_000),
        ("7usec", 7),
        ("1.9us", 1),
        ("0.0000019", 1),
        ("18446744073709551615us", u64::MAX),
    ] {
        for units in [Units::HaCf, Units::LatidoCf] {
            assert_eq!(duration(text, units), Ok(Duration::from_micros(micros)), "{text}");
        }
    }
    assert_eq!(duration("60s", Units::LatidoCf), Ok(Duration::from_secs(60)));
    assert_eq!(duration("1.5min", Units::LatidoCf), Ok(Duration::from_secs(90)));
}

#[test]
fn what_is_no_time_says_why() {
    for (text, error) in [
        ("", TimeError::NotANumber),
        (".", TimeError::NotANumber),
        ("x", TimeError::NotANumber),
        ("ms", TimeError::NotANumber),
        ("-1", TimeError::NotANumber),
        ("1.2.3", TimeError::NotANumber),
        ("2x", TimeError::UnknownUnit(1)),
        ("2s", TimeError::UnknownUnit(1)),
        ("1.5 min", TimeError::UnknownUnit(3)),
        ("2é", TimeError::UnknownUnit(1)),
        ("18446744073709551616us", TimeError::TooLong),
        ("18446744073710", TimeError::TooLong),
        ("99999999999999999999999", TimeError::TooLong),
        ("18446744073709.551616", TimeError::TooLong),
    ] {
        assert_eq!(duration(text, Units::HaCf), Err(error), "{text}");
    }
}

#[test]
fn booleans_have_five_words_each_in_any_case() {
    for word in ["true", "ON", "Yes", "y", "1"] {
        assert_eq!(boolean(word), Some(true), "{word}");
    }
    for word in ["false", "OFF", "No", "N", "0"] {
        assert_eq!(boolean(word), Some(false), "{word}");
    }
    for word in ["", "legacy", "2", "yess", "tru"] {
        assert_eq!(boolean(word), None, "{word}");
    }
}
