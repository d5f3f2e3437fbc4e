//! Edges of both framings that no real frame shows.

extern crate std;
use std::string::String;
use std::{format, vec::Vec};

use super::{Field, Frame, Kind};
use crate::limits::{DATAGRAM_MAX, FIELDS_MAX, NAME_MAX};
use crate::wire::{AuthError, Encoding, Keys, Method, Writer};

fn netstring(pairs: &str, signature: &str) -> String {
    format!("###\n{pairs}%%%\n{signature}")
}

fn pair(text: &str) -> String {
    format!("{}:{text},", text.len())
}

fn keys() -> Keys {
    let mut keys = Keys::new(1);
    keys.insert(1, Method::Sha1, b"one").expect("valid");
    keys.insert(2, Method::Md5, b"two").expect("valid");
    keys
}

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, expected: &str) {
    let error = Frame::parse(bytes.as_ref()).expect_err("the frame is malformed");
    assert_eq!(format!("{error}"), expected);
}

#[test]
fn a_malformed_netstring_frame_is_refused_with_place_and_reason() {
    refused("###", "octet 0: neither ### nor >>> and a line feed");
    refused("###\n", "octet 4: no end mark");
    refused("###\n%%%", "octet 4: no length followed by a colon");
    refused(netstring("", ""), "octet 8: no signature");
    refused(netstring("", "\0"), "octet 8: no length followed by a colon");
    refused(netstring("", "3:1 a"), "octet 8: the length runs past the end");
    refused(netstring("", "3:1 a;"), "octet 13: no comma where the length ends");
    for signature in ["1", "1 ", " a", "x a", "-1 a", "+1 a", "256 a", ""] {
        let text = netstring("", &pair(signature));
        refused(text, "octet 10: the signature is not a key number and a digest");
    }
    refused(netstring("99:t=a,", "x"), "octet 4: the length runs past the end");
    refused(netstring("a:t=a,", "x"), "octet 4: no length followed by a colon");
    refused(netstring(":t=a,", "x"), "octet 4: no length followed by a colon");
    let huge = "99999999999999999999999999:(0)t=a,";
    refused(netstring(huge, "x"), "octet 4: the length runs past the end");
    refused(netstring("5:(0)t=a,", "x"), "octet 11: no comma where the length ends");
    for text in ["t=a", "", "(", "(0", "(0t=a", "(6)t=a", "(9)t=a", "(a)t=a", "()t=a", "(10)t=a"] {
        refused(netstring(&pair(text), "x"), "octet 6: no known field type");
    }
    refused(netstring(&pair("(0)t"), "x"), "octet 9: a field without =");
    let name = "a field name is not 1 to 64 printable ASCII characters";
    for text in ["(0)=a", "(0)a b=c", "(0)\u{e9}=c", "(0)a\n=c"] {
        refused(netstring(&pair(text), "x"), &format!("octet 9: {name}"));
    }
    let long = "n".repeat(NAME_MAX + 1);
    refused(netstring(&pair(&format!("(0){long}=")), "x"), &format!("octet 10: {name}"));
    let auth = pair("(0)auth=1 a").repeat(2);
    refused(netstring(&auth, "x"), "octet 22: a second auth field");
}

#[test]
fn a_malformed_classic_frame_is_refused_with_place_and_reason() {
    refused(">>>", "octet 0: neither ### nor >>> and a line feed");
    refused(">>>\nt=a\nauth=1 a\n<<<", "octet 17: no end mark");
    refused(">>>\nt=a\nauth=1 a\n\0", "octet 17: no end mark");
    refused(">>>\nt=a\nauth=1 a\0\n<<<\n", "octet 16: a NUL inside the frame");
    refused(">>>\nt=a\n<<<\n", "octet 8: no signature");
    refused(">>>\nauth=1\n<<<\n", "octet 4: the signature is not a key number and a digest");
    refused(">>>\nauth=1 a\nt=a\nauth=1 a\n<<<\n", "octet 17: a second auth field");
    refused(">>>\n(0)t=a\n<<<\n", "octet 4: no known field type");
    refused(">>>\n(6)t=a\n<<<\n", "octet 4: no known field type");
    refused(">>>\n(1\n<<<\n", "octet 4: no known field type");
    refused(">>>\nt\n<<<\n", "octet 4: a field without =");
}

#[test]
fn the_bounds_of_a_frame_are_exact() {
    let fields = |count: usize| netstring(&pair("(0)n=v").repeat(count), &pair("1 a"));
    let full = fields(FIELDS_MAX);
    assert_eq!(Frame::parse(full.as_bytes()).expect("it fits").fields().len(), FIELDS_MAX);
    let offset = 4 + FIELDS_MAX * 9;
    refused(fields(FIELDS_MAX + 1), &format!("octet {offset}: more than 64 fields"));

    let name = "n".repeat(NAME_MAX);
    let longest = netstring(&pair(&format!("(0){name}=")), &pair("1 a"));
    let frame = Frame::parse(longest.as_bytes()).expect("the name fits");
    assert_eq!(frame.text(&name), Some(""));

    let mut bytes: Vec<u8> = full.into_bytes();
    bytes.resize(DATAGRAM_MAX, 0);
    assert!(Frame::parse(&bytes).is_ok());
    bytes.push(0);
    refused(bytes, "octet 4096: longer than 4096 octets");
}

#[test]
fn empty_lines_and_the_place_of_auth_do_not_matter_in_a_classic_frame() {
    let keys = keys();
    let mut buffer = [0; 128];
    let mut writer = Writer::new(&mut buffer, Encoding::Classic, &keys).expect("room");
    writer.text("t", "status").expect("room");
    writer.text("st", "up").expect("room");
    let length = writer.finish().expect("room");
    let text = core::str::from_utf8(&buffer[..length]).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let [start, t, st, auth, end, "\0"] = lines[..] else { panic!("{text}") };
    let moved = format!("{start}\n\n{auth}\n{t}\n\n{st}\n{end}\n");
    assert_eq!(Frame::decode(moved.as_bytes(), &keys).expect("genuine").fields().len(), 2);
    let swapped = format!("{start}\n{st}\n{t}\n{auth}\n{end}\n");
    let error = Frame::parse(swapped.as_bytes()).expect("well formed").verify(&keys);
    assert_eq!(error, Err(AuthError::Mismatch(1)), "the order of fields is signed");
}

#[test]
fn a_signature_is_checked_with_the_key_that_it_names() {
    let mut two = Keys::new(2);
    two.insert(2, Method::Md5, b"two").expect("valid");
    for encoding in [Encoding::Netstring { inner: true }, Encoding::Classic] {
        let mut buffer = [0; 128];
        let mut writer = Writer::new(&mut buffer, encoding, &two).expect("room");
        writer.text("t", "status").expect("room");
        let length = writer.finish().expect("room");
        let frame = Frame::parse(&buffer[..length]).expect("well formed");
        assert_eq!(frame.verify(&keys()), Ok(2), "not with the active key, as the original");
        assert_eq!(frame.verify_inner(&keys()), Ok(2));
        assert_eq!(frame.verify(&Keys::new(2)), Err(AuthError::UnknownKey(2)));
        let mut other = Keys::new(2);
        other.insert(2, Method::Sha1, b"two").expect("valid");
        assert_eq!(frame.verify(&other), Err(AuthError::Mismatch(2)));
    }
}

#[test]
fn the_inner_signature_of_a_netstring_frame_is_checked_only_on_demand() {
    let keys = keys();
    let mut buffer = [0; 256];
    let encoding = Encoding::Netstring { inner: false };
    let mut writer = Writer::new(&mut buffer, encoding, &keys).expect("room");
    writer.text("t", "status").expect("room");
    let length = writer.finish().expect("room");
    let frame = Frame::decode(&buffer[..length], &keys).expect("genuine");
    assert_eq!(frame.verify_inner(&keys), Err(AuthError::Absent));

    for (auth, error) in [
        ("nonsense", AuthError::Malformed),
        ("9 a", AuthError::UnknownKey(9)),
        ("1 a", AuthError::Mismatch(1)),
    ] {
        let text = netstring(&pair(&format!("(0)auth={auth}")), &pair("1 a"));
        let frame = Frame::parse(text.as_bytes()).expect("well formed");
        assert_eq!(frame.verify_inner(&keys), Err(error));
    }
}

#[test]
fn a_value_is_read_back_in_either_framing() {
    let keys = keys();
    let octets: Vec<u8> = (0..=255).collect();
    for encoding in [Encoding::Netstring { inner: true }, Encoding::Classic] {
        let mut buffer = [0; 1024];
        let mut writer = Writer::new(&mut buffer, encoding, &keys).expect("room");
        writer.text("lines", "one\ntwo\n").expect("room");
        writer.text("equals", "a=b,%%%").expect("room");
        writer.binary("octets", &octets).expect("room");
        writer.binary("uuid", &octets[..16]).expect("room");
        let length = writer.finish().expect("room");
        let frame = Frame::decode(&buffer[..length], &keys).expect("genuine");
        assert_eq!(frame.verify_inner(&keys), Ok(1));
        let lines: String = frame.field("lines").expect("there").characters().collect();
        assert_eq!(lines, "one\ntwo\n");
        assert_eq!(frame.text("equals"), Some("a=b,%%%"));
        let mut buffer = [0; 300];
        let field = frame.field("octets").expect("there");
        assert_eq!(field.binary(&mut buffer), Some(&octets[..]));
        assert_eq!(field.binary(&mut [0; 255]), None, "the buffer is too short");
        assert_eq!((field.uuid(), field.text(), field.hex()), (None, None, None));
        assert_eq!(frame.uuid("uuid").as_ref().map(|uuid| &uuid[..]), Some(&octets[..16]));
        assert_eq!(frame.uuid("lines"), None);
    }
}

#[test]
fn numbers_are_digits_and_nothing_else() {
    let field = |text: &'static str| {
        let framing = super::Framing::Netstring;
        Field::split(framing, Kind::Text, text.as_bytes(), 0).expect("a field")
    };
    let cases = [
        ("n=0", Some(0), Some(0)),
        ("n=10", Some(16), Some(10)),
        ("n=fF", Some(255), None),
        ("n=ffffffffffffffff", Some(u64::MAX), None),
        ("n=18446744073709551615", None, Some(u64::MAX)),
        ("n=10000000000000000", None, Some(10_000_000_000_000_000)),
        ("n=", None, None),
        ("n=+1", None, None),
        ("n=-1", None, None),
        ("n=0x1", None, None),
        ("n= 1", None, None),
    ];
    for (text, hex, decimal) in cases {
        assert_eq!((field(text).hex(), field(text).decimal()), (hex, decimal), "{text}");
    }
}

#[test]
fn types_that_nobody_reads_are_remembered() {
    let text = netstring(&pair("(2)n=v"), &pair("1 a"));
    let frame = Frame::parse(text.as_bytes()).expect("well formed");
    let field = frame.field("n").expect("there");
    assert_eq!((field.kind, field.raw, field.text()), (Kind::Struct, &b"v"[..], None));
}
