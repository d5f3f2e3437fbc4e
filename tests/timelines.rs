//! Golden timelines: one node, what it is told, and everything that it does.
//!
//! A timeline is a text file in `tests/timelines`; its name is the sentence, its first
//! line says what must hold and why. `=` lines set it up, `>` lines are what happens,
//! at seconds since the start; `<` lines are what the node does, and are written anew
//! by `UPDATE_EXPECT=1 cargo test --test timelines`. The words are in
//! `timelines/README.md`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use expect_test::expect_file;

#[path = "timelines/player.rs"]
mod player;

fn timelines() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/timelines");
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .expect("the timelines can be listed")
        .map(|entry| entry.expect("a timeline can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    found.sort();
    found
}

#[test]
fn every_timeline_is_played_as_it_is_written() {
    let timelines = timelines();
    assert!(timelines.len() >= 12, "the timelines are where they should be");
    for path in timelines {
        let text = fs::read_to_string(&path).expect("a timeline is text");
        assert!(text.starts_with("# "), "{}: the first line says what holds", path.display());
        expect_file![&path].assert_eq(&player::play(&text));
    }
}

#[test]
fn a_node_fits_a_small_machine() {
    let size = size_of::<latido_core::Node>();
    println!("a node takes {size} octets");
    assert!(size <= 64 * 1024, "{size} octets");
}
