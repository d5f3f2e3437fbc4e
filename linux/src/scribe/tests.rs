//! The scribe in a process of its own, and its pipe.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use latido_core::id::Generation;
use latido_core::time::{Duration, Instant};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, wait, waitid};
use nix::unistd::{dup, dup2_stderr, pipe2};

use super::{Desk, LINE_MAX, Log, Records, Scribe, replace};
use crate::clock;
use crate::config::tests::Directory;
use crate::testbed::{isolated, readable};

/// A scribe whose pipe nobody empties but the test.
fn unread() -> (File, Scribe) {
    let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).expect("a pipe");
    fcntl(&write, FcntlArg::F_SETPIPE_SZ(8_192)).expect("a small one");
    let desk = Desk { logfile: None, stderr: false, record: "/dev/null/latido_peer".into() };
    // It counts as started in the future: within a second of that none takes its place.
    let started = clock::now().after(Duration::from_secs(3_600));
    let pipe = Arc::new(write.into());
    (read.into(), Scribe { pipe, desk, child: None, started, died: false, dropped: 0 })
}

fn drain(pipe: &mut File) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 65_536];
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        text.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(text).expect("lines are text")
}

/// Waits until `path` has `text` in it.
fn wait_for(path: &Path, text: &str) {
    for _ in 0..2_000 {
        if fs::read_to_string(path).is_ok_and(|found| found.contains(text)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{text:?} does not come to {}", path.display());
}

/// Ends the scribe, and tells how it ended.
fn end(scribe: Scribe) -> WaitStatus {
    drop(scribe);
    wait().expect("the scribe is our only child")
}

/// Runs `work` with standard error in `path`.
fn with_stderr<R>(path: &Path, work: impl FnOnce() -> R) -> R {
    with_stderr_to(File::create(path).expect("the directory is ours"), work)
}

/// Runs `work` with standard error in `file`.
fn with_stderr_to<R>(file: impl AsFd, work: impl FnOnce() -> R) -> R {
    let kept = dup(std::io::stderr().as_fd()).expect("it is open");
    dup2_stderr(&file).expect("it can be replaced");
    let result = work();
    dup2_stderr(&kept).expect("it can be put back");
    result
}

fn desk(directory: &Directory) -> Desk {
    let logfile = Some(directory.0.join("ha-log"));
    Desk { logfile, stderr: false, record: directory.0.join("latido_peer") }
}

fn ended_well(status: WaitStatus) -> bool {
    matches!(status, WaitStatus::Exited(_, 0))
}

#[test]
fn lines_reach_the_file_and_standard_error_and_the_scribe_ends_with_the_daemon() {
    isolated(|| {
        let directory = Directory::new();
        let desk = Desk { stderr: true, ..desk(&directory) };
        let errors = directory.0.join("stderr");
        let mut scribe = with_stderr(&errors, || Scribe::start(&desk)).expect("a child");
        for line in ["one\n", "two\n"] {
            assert_eq!(scribe.write(line.as_bytes()).expect("it never fails"), line.len());
        }
        assert!(ended_well(end(scribe)));
        for path in [directory.0.join("ha-log"), errors] {
            assert_eq!(fs::read_to_string(path).expect("it was written"), "one\ntwo\n");
        }
    });
}

#[test]
fn a_log_file_that_was_renamed_or_removed_is_made_anew() {
    isolated(|| {
        let directory = Directory::new();
        let (log, old) = (directory.0.join("ha-log"), directory.0.join("ha-log.1"));
        let mut scribe = Scribe::start(&desk(&directory)).expect("a child");
        scribe.write_all(b"first\n").expect("it never fails");
        wait_for(&log, "first\n");
        fs::rename(&log, &old).expect("it is ours");
        scribe.write_all(b"second\n").expect("it never fails");
        wait_for(&log, "second\n");
        assert_eq!(fs::read_to_string(&old).expect("it is kept"), "first\n");
        assert_eq!(fs::read_to_string(&log).expect("it is new"), "second\n");
        fs::remove_file(&log).expect("it is ours");
        scribe.write_all(b"third\n").expect("it never fails");
        assert!(ended_well(end(scribe)));
        assert_eq!(fs::read_to_string(&log).expect("it is new"), "third\n");
    });
}

#[test]
fn a_full_disk_is_complained_of_once_and_stops_nobody() {
    isolated(|| {
        let directory = Directory::new();
        let desk = Desk { logfile: Some("/dev/full".into()), ..desk(&directory) };
        let errors = directory.0.join("stderr");
        let mut scribe = with_stderr(&errors, || Scribe::start(&desk)).expect("a child");
        let mut records = Records::new(&scribe);
        for _ in 0..100 {
            scribe.write_all(b"to nowhere\n").expect("it never fails");
        }
        records.keep("rabius", Generation(7));
        drop(records);
        assert!(ended_well(end(scribe)));
        let complaint = fs::read_to_string(errors).expect("it was made");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(complaint.contains("the log file cannot be written"), "{complaint}");
        let record = fs::read_to_string(&desk.record).expect("it was written");
        assert_eq!(record, "rabius 7\n");
    });
}

#[test]
fn the_newest_record_replaces_the_older_one_and_is_no_line_of_the_log() {
    isolated(|| {
        let directory = Directory::new();
        let desk = desk(&directory);
        let mut scribe = Scribe::start(&desk).expect("a child");
        let mut records = Records::new(&scribe);
        scribe.write_all(b"before\n").expect("it never fails");
        for generation in [7, 8, 1_258_000_009] {
            records.keep("rabius", Generation(generation));
        }
        scribe.write_all(b"after\n").expect("it never fails");
        drop(records);
        assert!(ended_well(end(scribe)));
        let record = fs::read_to_string(&desk.record).expect("it was written");
        assert_eq!(record, "rabius 1258000009\n");
        let log = fs::read_to_string(directory.0.join("ha-log")).expect("it was written");
        assert_eq!(log, "before\nafter\n");
        assert!(!directory.0.join("latido_peer.new").exists());
    });
}

#[test]
fn a_record_that_cannot_be_kept_is_told_in_the_log() {
    isolated(|| {
        let directory = Directory::new();
        let desk = Desk { record: directory.0.join("none/latido_peer"), ..desk(&directory) };
        let scribe = Scribe::start(&desk).expect("a child");
        let mut records = Records::new(&scribe);
        records.keep("rabius", Generation(7));
        drop(records);
        assert!(ended_well(end(scribe)));
        let log = fs::read_to_string(directory.0.join("ha-log")).expect("it was written");
        assert!(log.contains("none/latido_peer was not written"), "{log}");
    });
}

#[test]
fn lines_that_find_the_pipe_full_are_dropped_counted_and_told() {
    let (mut pipe, mut scribe) = unread();
    let line = |number: usize| format!("{number:>99}\n");
    for number in 0..1_000 {
        scribe.write_all(line(number).as_bytes()).expect("it never fails");
    }
    let mut text = drain(&mut pipe);
    scribe.write_all(b"there is room\n").expect("it never fails");
    text.push_str(&drain(&mut pipe));
    let lost = |text: &str| {
        let count = text.strip_prefix("latido: ")?;
        count.strip_suffix(" log line(s) were lost: nobody read them")?.parse::<usize>().ok()
    };
    assert!(text.ends_with("nobody read them\nthere is room\n"), "{text}");
    let told: usize = text.lines().filter_map(lost).sum();
    let kept: Vec<&str> = text.lines().filter(|line| lost(line).is_none()).collect();
    assert!((50..500).contains(&kept.len()), "{} lines were kept", kept.len());
    assert_eq!(told + kept.len(), 1_001, "each is kept or counted");
    let (last, kept) = kept.split_last().expect("there are some");
    assert_eq!(*last, "there is room");
    let whole = kept.iter().zip(0..).all(|(found, number)| *found == line(number).trim_end());
    assert!(whole, "whole ones, in order: {kept:?}");
    scribe.write_all(b"once\n").expect("it never fails");
    assert_eq!(drain(&mut pipe), "once\n");
}

#[test]
fn a_long_line_is_cut_and_never_split() {
    let (mut pipe, mut scribe) = unread();
    let long = |letter: u8| [&[letter; 6_000][..], b"\n"].concat();
    for letter in *b"abc" {
        scribe.write_all(&long(letter)).expect("it never fails");
    }
    let text = drain(&mut pipe);
    assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [LINE_MAX - 1; 2]);
    assert_eq!(scribe.dropped, 1);
    let whole = [&[b'd'; LINE_MAX - 1][..], b"\n"].concat();
    scribe.dropped = 0;
    scribe.write_all(&whole).expect("it never fails");
    assert_eq!(drain(&mut pipe).len(), LINE_MAX, "what fits is not cut");
}

#[test]
fn a_scribe_that_died_costs_lines_and_nothing_else() {
    let (pipe, mut scribe) = unread();
    drop(pipe);
    for _ in 0..3 {
        scribe.write_all(b"to nobody\n").expect("it never fails");
    }
    assert_eq!(scribe.dropped, 3);
}

/// Kills the scribe, and sees to it that it is dead but not reaped.
fn kill_scribe(scribe: &Scribe) {
    let child = scribe.child.expect("it lives");
    kill(child, Signal::SIGKILL).expect("it is our child");
    waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).expect("and now dead");
}

#[test]
fn a_scribe_that_died_is_replaced_once_a_second_at_most_and_that_is_told() {
    isolated(|| {
        let directory = Directory::new();
        let desk = desk(&directory);
        let log = directory.0.join("ha-log");
        let mut scribe = Scribe::start(&desk).expect("a child");
        let mut records = Records::new(&scribe);
        scribe.write_all(b"one\n").expect("it never fails");
        wait_for(&log, "one\n");
        kill_scribe(&scribe);
        scribe.started = clock::now().after(Duration::from_secs(3_600));
        scribe.write_all(b"lost\n").expect("it never fails");
        scribe.write_all(b"lost too\n").expect("it never fails");
        scribe.started = Instant::ZERO;
        scribe.write_all(b"two\n").expect("it never fails");
        scribe.write_all(b"three\n").expect("it never fails");
        records.keep("rabius", Generation(9));
        drop(records);
        assert!(ended_well(end(scribe)));
        let log = fs::read_to_string(log).expect("it was written");
        let told = "latido: the log writer died; 2 log line(s) were lost\n";
        assert_eq!(log, format!("one\n{told}two\nthree\n"));
        let record = fs::read_to_string(&desk.record).expect("it was written");
        assert_eq!(record, "rabius 9\n", "records go to the new one, too");
    });
}

#[test]
fn a_scribe_holds_nothing_of_the_daemons_open() {
    isolated(|| {
        let directory = Directory::new();
        let (read, write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        let mut scribe = Scribe::start(&desk(&directory)).expect("a child");
        scribe.write_all(b"at work\n").expect("it never fails");
        wait_for(&directory.0.join("ha-log"), "at work\n");
        drop(write);
        assert!(readable(read.as_fd(), 0), "it has ended, for nobody else had it open");
        assert!(ended_well(end(scribe)));
    });
}

#[test]
fn a_terminal_that_is_stopped_does_not_stop_the_log_file() {
    isolated(|| {
        let directory = Directory::new();
        let (read, write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        fcntl(&write, FcntlArg::F_SETPIPE_SZ(4_096)).expect("the smallest");
        fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("it is ours");
        let mut log = Log::new(&Desk { stderr: true, ..desk(&directory) });
        let mut terminal = File::from(read);
        let mut shown = String::new();
        with_stderr_to(&write, || {
            for line in ["one\n", "two\n", "three\n"] {
                log.write(line.as_bytes());
            }
            shown = drain(&mut terminal);
            log.write(b"four\n");
        });
        assert_eq!(shown, "one\n");
        let told = "latido: 2 log line(s) were not shown here\n";
        assert!(told.starts_with(&drain(&mut terminal)), "a page is all that the pipe has");
        let file = fs::read_to_string(directory.0.join("ha-log")).expect("it was written");
        assert_eq!(file, "one\ntwo\nthree\nfour\n");
    });
}

#[test]
fn a_file_is_replaced_as_a_whole_or_not_at_all() {
    let directory = Directory::new();
    let path = directory.0.join("record");
    replace(&path, b"old").expect("the directory is ours");
    let reader = File::open(&path).expect("it is there");
    replace(&path, b"new").expect("the directory is ours");
    let mut old = String::new();
    (&reader).read_to_string(&mut old).expect("it is a text");
    assert_eq!(old, "old", "who had it open reads the old one");
    assert_eq!(fs::read(&path).expect("it is there"), b"new");
    fs::create_dir(directory.0.join("record.new")).expect("the directory is ours");
    assert!(replace(&path, b"newer").is_err());
    assert_eq!(fs::read(&path).expect("it is there"), b"new");
}
