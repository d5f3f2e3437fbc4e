//! The source document's two log excerpts, held against what the daemon says when the
//! document's configuration loses corman and gets it back.

mod program;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::{env, fs};

use program::PROGRAM;
use serde_json::Value;

/// What a line of an excerpt is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Same,
    Free,
    NotOurs,
}

/// An excerpt: its lines with their marks.
fn excerpt(name: &str) -> Vec<(Mark, String)> {
    let path = format!("{}/tests/excerpts/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("the excerpt is there");
    let mut lines = Vec::new();
    let mut reason_due = false;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with("    ") {
            assert!(reason_due, "a reason belongs to a line that is not ours: {line}");
            reason_due = false;
            continue;
        }
        assert!(!reason_due, "the line before {line} is not ours: why?");
        let (mark, words) = line.split_once(' ').expect("a line has a mark and words");
        let mark = match mark {
            "same" => Mark::Same,
            "free" => Mark::Free,
            "not-ours" => Mark::NotOurs,
            other => panic!("{other} is no mark"),
        };
        reason_due = mark == Mark::NotOurs;
        lines.push((mark, words.to_owned()));
    }
    assert!(!reason_due, "the last line is not ours: why?");
    lines
}

/// Holds `said` against the excerpt: marked lines are there, those marked `same` in its
/// order, and those that are not ours are not.
fn check(name: &str, said: &[String]) {
    let excerpt = excerpt(name);
    let mut counts = BTreeMap::<Mark, usize>::new();
    let mut rest = said;
    for (mark, words) in &excerpt {
        *counts.entry(*mark).or_default() += 1;
        let there = said.contains(words);
        match mark {
            Mark::Same => {
                let place = rest.iter().position(|line| line == words);
                let place = place.unwrap_or_else(|| {
                    panic!(
                        "{name}: '{words}' {}: {said:#?}",
                        if there { "comes too early" } else { "is not said" }
                    )
                });
                rest = &rest[place + 1..];
            }
            Mark::Free => assert!(there, "{name}: '{words}' is not said: {said:#?}"),
            Mark::NotOurs => assert!(!there, "{name}: '{words}' is said, and marked as not ours"),
        }
    }
    println!("{name}: {counts:?}");
}

/// What rabius says in a run of `cord`, with runs of blanks as one: from the death on, and
/// from the return on.
fn said_by_rabius(events: &[Value]) -> (Vec<String>, Vec<String>) {
    let logged = |event: &&Value| event["kind"] == "log" && event["who"] == "rabius";
    let text = |event: &Value| event["text"].as_str().unwrap_or_default().to_owned();
    let squeezed = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: Vec<String> = events.iter().filter(logged).map(text).map(squeezed).collect();
    let place = |words: &str| {
        said.iter()
            .position(|line| line.ends_with(words))
            .unwrap_or_else(|| panic!("rabius never says '{words}': {said:#?}"))
    };
    let death = place("node corman: is dead");
    let back = place("Heartbeat restart on node corman");
    assert!(death < back, "corman dies before it returns");
    (said[death..back].to_vec(), said[back..].to_vec())
}

#[test]
fn the_documents_configuration_logs_the_documents_lines_at_death_and_return() {
    let output = Command::new(&*PROGRAM)
        .args(["lab", "cord", "--seed-timings", "--json"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("the program can be called");
    if output.status.code() == Some(2) {
        assert!(env::var_os("CI").is_none(), "CI must be able to play the lab");
        eprintln!("SKIPPED: the lab cannot be played on this machine");
        return;
    }
    assert!(output.status.success(), "cord at the document's timings passes");
    let text = String::from_utf8(output.stdout).expect("the lab writes text");
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("every line is an object"))
        .collect();
    let (death, back) = said_by_rabius(&events);
    check("death", &death);
    check("return", &back);
}

#[test]
fn every_line_of_the_excerpts_is_marked() {
    let count = |name| excerpt(name).len();
    assert_eq!((count("death"), count("return")), (17, 23));
}
