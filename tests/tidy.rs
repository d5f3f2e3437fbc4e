//! Rules about the repository itself.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Every Rust file of the project.
fn sources() -> io::Result<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> =
        ["core", "linux", "firmware", "tests", "benches"].map(|dir| root.join(dir)).into();
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[test]
fn a_source_file_has_at_most_500_lines() {
    let sources = sources().expect("the sources can be read");
    assert!(!sources.is_empty());
    for path in sources {
        let lines = fs::read_to_string(&path).expect("a source is text").lines().count();
        assert!(lines <= 500, "{} has {lines} lines; 500 is the limit", path.display());
    }
}

#[test]
fn no_module_is_called_after_nothing_in_particular() {
    for path in sources().expect("the sources can be read") {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        assert!(
            !["util", "utils", "helper", "helpers", "common", "misc"].contains(&stem),
            "{}: name it for what it does",
            path.display()
        );
    }
}
