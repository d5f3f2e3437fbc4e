//! What outlives the daemon, whole and garbled.

use std::fs;
use std::io::ErrorKind;

use latido_core::id::Generation;

use super::{State, record_path, record_text};
use crate::clock;
use crate::config::tests::Directory;

fn begin(directory: &Directory) -> State {
    State::begin(&directory.0, Some("rabius")).expect("the directory is ours")
}

#[test]
fn the_first_start_counts_from_the_wall_clock() {
    let directory = Directory::new();
    let before = u64::from(clock::unix_seconds());
    let state = begin(&directory);
    let after = u64::from(clock::unix_seconds());
    assert!((before + 1..=after + 1).contains(&state.generation.0), "{state:?}");
    assert!(state.is_first);
    assert_eq!(state.peer_generation, Generation(0));
}

#[test]
fn the_generation_stands_in_fifteen_columns_and_a_line_end() {
    let directory = Directory::new();
    directory.write("hb_generation", "         700412\n");
    let state = begin(&directory);
    assert_eq!((state.generation, state.is_first), (Generation(700_413), false));
    let text = fs::read(directory.0.join("hb_generation")).expect("it was written");
    assert_eq!(text, b"         700413\n");
    assert_eq!(text.len(), 16);
}

#[test]
fn every_start_has_a_larger_generation_and_the_same_uuid() {
    let directory = Directory::new();
    let first = begin(&directory);
    let mut last = first.generation;
    for _ in 0..20 {
        let next = begin(&directory);
        assert_eq!(next.generation, Generation(last.0 + 1));
        assert_eq!((next.uuid, next.is_first), (first.uuid, false));
        last = next.generation;
    }
}

#[test]
fn the_uuid_is_sixteen_raw_octets_of_version_4() {
    let (one, other) = (Directory::new(), Directory::new());
    let uuid = begin(&one).uuid;
    assert_eq!(fs::read(one.0.join("hb_uuid")).expect("it was written"), uuid);
    assert_eq!((uuid[6] >> 4, uuid[8] >> 6), (4, 0b10));
    assert_ne!(uuid, begin(&other).uuid, "each node has its own");
    fs::write(one.0.join("hb_uuid"), b"too short").expect("it is ours");
    let new = begin(&one).uuid;
    assert_ne!(new, uuid);
    assert_eq!(begin(&one).uuid, new, "the new one is kept");
    one.write("hb_uuid", [9; 16]);
    assert_eq!(begin(&one).uuid, [9; 16], "the original's is taken");
}

#[test]
fn a_garbled_counter_is_left_for_the_wall_clock() {
    let largest = u64::MAX.to_string();
    let beyond = format!("{largest}0");
    let garbled: [&[u8]; 6] =
        [b"", b"\0\0\0\0", b"\xff\xfe", b"many", largest.as_bytes(), beyond.as_bytes()];
    for text in garbled {
        let directory = Directory::new();
        directory.write("hb_generation", text);
        let before = u64::from(clock::unix_seconds());
        let state = begin(&directory);
        assert!(state.is_first, "{text:?}");
        assert!((before + 1..=before + 10).contains(&state.generation.0), "{text:?}");
        assert_eq!(begin(&directory).generation.0, state.generation.0 + 1, "{text:?}");
    }
}

#[test]
fn the_record_of_the_other_node_is_read_as_it_was_written() {
    let directory = Directory::new();
    let text = record_text("rabius", Generation(1_258_000_007));
    fs::write(record_path(&directory.0), format!("{text}\n")).expect("the directory is ours");
    assert_eq!(begin(&directory).peer_generation, Generation(1_258_000_007));
    let other = State::begin(&directory.0, Some("tercera")).expect("the directory is ours");
    assert_eq!(other.peer_generation, Generation(0));
    let alone = State::begin(&directory.0, None).expect("the directory is ours");
    assert_eq!(alone.peer_generation, Generation(0));
}

#[test]
fn a_garbled_record_is_no_record() {
    for text in [&b""[..], b"rabius", b"rabius many\n", b"\xff\xff\n", b"\0\0\0"] {
        let directory = Directory::new();
        fs::write(record_path(&directory.0), text).expect("the directory is ours");
        assert_eq!(begin(&directory).peer_generation, Generation(0), "{text:?}");
    }
}

#[test]
fn what_cannot_be_written_is_named() {
    let directory = Directory::new();
    directory.write("file", "");
    let path = directory.0.join("file/state");
    let error = State::begin(&path, None).expect_err("a file is no directory");
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");

    let blocked = directory.0.join("hb_generation.new");
    fs::create_dir(&blocked).expect("the directory is ours");
    let error = State::begin(&directory.0, None).expect_err("the counter cannot be written");
    let counter = directory.0.join("hb_generation");
    assert!(error.to_string().starts_with(&counter.display().to_string()), "{error}");
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    assert!(!counter.exists(), "no generation is used that was not kept");
}
