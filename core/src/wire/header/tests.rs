//! What makes a header, and each way in which there is none.

extern crate std;
use std::vec::Vec;

use super::{Header, HeaderError};
use crate::id::{Generation, Sequence};
use crate::wire::{Encoding, Frame, Keys, Method, Writer};

/// A complete header; each test changes or drops one field of it.
const FIELDS: [(&str, &str); 5] =
    [("t", "status"), ("src", "rabius"), ("seq", "1b"), ("hg", "6b02d276"), ("ts", "6b02d28a")];

fn with<T>(fields: &[(&str, &str)], check: impl FnOnce(&Frame<'_>) -> T) -> T {
    let mut keys = Keys::new(0);
    keys.insert(0, Method::Crc, b"").expect("valid");
    let mut buffer = [0; 512];
    let mut writer = Writer::new(&mut buffer, Encoding::Classic, &keys).expect("room");
    for (name, value) in fields {
        writer.text(name, value).expect("room");
    }
    writer.binary("srcuuid", &[7; 16]).expect("room");
    writer.binary("destuuid", &[7; 15]).expect("room");
    let length = writer.finish().expect("room");
    check(&Frame::decode(&buffer[..length], &keys).expect("genuine"))
}

fn changed(name: &str, value: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    let fields = FIELDS.into_iter().filter_map(|(field, old)| {
        if field == name { value.map(|value| (field, value)) } else { Some((field, old)) }
    });
    fields.collect()
}

#[test]
fn a_header_has_what_the_fields_say() {
    with(&FIELDS, |frame| {
        let expected = Header {
            kind: "status",
            source: "rabius",
            source_uuid: Some([7; 16]),
            dest: None,
            dest_uuid: None,
            sequence: Some(Sequence(0x1b)),
            generation: Generation(0x6b02_d276),
            timestamp: 0x6b02_d28a,
        };
        assert_eq!(Header::read(frame), Ok(expected), "15 octets are no UUID");
    });
}

#[test]
fn without_type_source_time_or_generation_there_is_no_header() {
    let cases = [
        ("t", None, HeaderError::Type),
        ("src", None, HeaderError::Source),
        ("ts", None, HeaderError::TimestampMissing),
        ("ts", Some("0"), HeaderError::Timestamp),
        ("ts", Some("now"), HeaderError::Timestamp),
        ("ts", Some("100000000"), HeaderError::Timestamp),
        ("hg", None, HeaderError::Generation),
        ("hg", Some("x"), HeaderError::Generation),
    ];
    for (name, value, error) in cases {
        let read = with(&changed(name, value), |frame| Header::read(frame).map(|_| ()));
        assert_eq!(read, Err(error), "{name}={value:?}");
    }
}

#[test]
fn a_number_that_is_absent_zero_or_unreadable_is_left_to_the_caller() {
    for value in [None, Some("0"), Some("x"), Some("")] {
        let sequence =
            with(&changed("seq", value), |frame| Header::read(frame).map(|h| h.sequence));
        assert_eq!(sequence, Ok(None), "{value:?}");
    }
}
