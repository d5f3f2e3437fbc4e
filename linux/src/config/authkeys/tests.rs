//! Tables of the key file; above all, that no key is shown.

use super::super::diagnostic::{Severity, Source, render};
use super::{AuthKeys, check_mode, read};

/// What a text means, and its messages.
fn keys(text: &str) -> (AuthKeys, Vec<String>) {
    let mut source = Source::new("authkeys", text);
    let keys = read(&mut source);
    let found = source.into_found();
    (keys, found.into_iter().map(|diagnostic| diagnostic.message).collect())
}

#[test]
fn the_auth_line_may_stand_after_its_entry() {
    let (before, found) = keys("auth 1\n1 sha1 abc\n2 md5 def\n3 crc\n");
    assert_eq!(found, ["crc proves nothing about who sent a message"]);
    let (after, _) = keys("1 sha1 abc\n2 md5 def\n3 crc\nauth 1\n");
    assert_eq!(before, after);
    assert_eq!(before.active, 1);
    assert_eq!(before.keys.iter().map(|key| key.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(before.keys[1].secret.expose(), b"def");
}

#[test]
fn a_key_may_contain_a_number_sign_and_a_comment_may_follow() {
    let (keys, found) = keys("auth 1 # the first\n1 sha1 a#b # new\n");
    assert_eq!(found, <[String; 0]>::default());
    assert_eq!(keys.keys[0].secret.expose(), b"a#b");
}

#[test]
fn each_mistake_has_its_message() {
    for (text, message) in [
        ("1 sha1 abc", "no `auth` line says which entry to sign with"),
        ("", "no `auth` line says which entry to sign with"),
        ("auth 2\n1 sha1 abc", "there is no entry 2"),
        ("auth", "`auth` says nothing"),
        ("auth 16\n1 sha1 abc", "this is no number of an entry"),
        ("auto 1\n1 sha1 abc", "this line is neither `auth` nor an entry"),
        ("auth 1\nauth 1\n1 sha1 abc", "a second `auth` line"),
        ("auth 1\n1 sha1 abc\n16 sha1 def", "this is no number of an entry"),
        ("auth 1\n1 sha1 abc\n1 sha1 def", "entry 1 is there already"),
        ("auth 1\n1", "entry 1 has no method"),
        ("auth 1\n1 sha256 abc", "this is no method"),
        ("auth 1\n1 sha1", "sha1 needs a key"),
        ("auth 1\n1 crc abc", "crc takes no key"),
        (&format!("auth 1\n1 md5 {}", "k".repeat(129)), "a key has at most 128 octets"),
    ] {
        assert_eq!(keys(text).1, [message], "{text}");
    }
}

#[test]
fn no_diagnostic_shows_a_key() {
    let secret = "clavesecreta";
    for text in [
        "1 sha1 clavesecreta",
        "auth 1\n1 sha256 clavesecreta",
        "auth 1\n1 clavesecreta",
        "auth 1\n1 clavesecreta sha1",
        "auth 1\n1 crc clavesecreta",
        "auth 1\nclavesecreta",
        "auth 1\nsha1 clavesecreta",
        "auth 1\nclavesecreta sha1",
        "auth clavesecreta",
        "aclavesecreta sha1",
        "auth 1\n1 sha1 clavesecreta\n1 sha1 clavesecreta",
        "auth 1\n77 sha1 clavesecreta",
        "auth 2\n1 sha1 clavesecreta # clavesecreta",
        "auht 1 clavesecreta",
        "1 sha1 clavesecreta\u{fffd}",
        &format!("1 sha1 clavesecreta {}", "x ".repeat(64)),
    ] {
        let mut source = Source::new("authkeys", text);
        let keys = read(&mut source);
        let found = source.into_found();
        assert!(found.iter().any(|one| one.severity == Severity::Error), "{text}");
        let shown = render(&found, false) + &format!("{found:?} {keys:?}");
        assert!(!shown.contains(secret), "{text}\n{shown}");
    }
}

#[test]
fn only_the_read_bits_of_others_forbid_to_start() {
    for (mode, refused) in [
        (0o600, false),
        (0o400, false),
        (0o622, false),
        (0o711, false),
        (0o640, true),
        (0o604, true),
    ] {
        let mut source = Source::new("/etc/ha.d/authkeys", "");
        check_mode(&mut source, 0o100_000 | mode);
        assert_eq!(!source.found.is_empty(), refused, "{mode:o}");
    }
}
