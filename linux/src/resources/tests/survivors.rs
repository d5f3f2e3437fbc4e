//! What an earlier daemon left running is ended by the next, and nothing else is.

use std::fs::{self, File};

use latido_core::order::Ownership;

use super::{Site, await_hangup, await_mark, limit, wait};
use crate::resources::ledger::Leftover;
use crate::resources::{Resources, end_leftovers};

/// A group whose start hangs, as far as that.
fn hanging(site: &mut Site) -> (Resources, File) {
    // The shell ends at TERM, what it started only at KILL.
    site.install(
        "init.d/slow",
        "test $1 = start || exit 0
        exec 3> $ROOT/begun
        (trap '' TERM; echo >&3; sleep 100) & wait",
    );
    let mark = site.mark("begun");
    let mut resources = site.resources(&["corman slow"]);
    site.order(&mut resources, 0, 1, Ownership::Held);
    site.advance(&mut resources);
    assert!(wait(&resources), "status runs");
    site.advance(&mut resources);
    await_mark(&mark);
    (resources, mark)
}

fn leftover() -> Leftover {
    let [group, script, verb] = ["slow", "slow", "start"].map(str::to_owned);
    Leftover { group, script, verb, ended: true }
}

#[test]
fn a_script_that_outlives_its_daemon_is_ended_by_the_next() {
    let mut site = Site::new();
    let (resources, mark) = hanging(&mut site);
    let ledger = site.read("run/running");
    assert_eq!(ledger.lines().count(), 2, "{ledger}");
    let gone = end_leftovers(&site.root.join("run")).expect("the file can be read");
    assert_eq!(gone, [leftover()]);
    assert!(wait(&resources), "its first parent sees it end, too");
    await_hangup(&mark);
    // Once ended it is nobody's leftover any more.
    let again = end_leftovers(&site.root.join("run")).expect("the file can be read");
    assert_eq!(again, []);
}

#[test]
fn a_process_that_only_has_the_number_is_left_alone() {
    let mut site = Site::new();
    let (mut resources, mark) = hanging(&mut site);
    let path = site.root.join("run/running");
    let ledger = site.read("run/running");
    let line = ledger.lines().nth(1).expect("one script runs").to_owned();
    let mut words: Vec<&str> = line.split(' ').collect();
    let (pid, earlier) = (words[0].to_owned(), "1");
    words[1] = earlier;
    fs::write(&path, ledger.replace(&line, &words.join(" "))).expect("it can be written");
    assert_eq!(end_leftovers(&site.root.join("run")).expect("it can be read"), []);

    // Nor after the machine was restarted, whatever the numbers say.
    fs::write(&path, ledger.replace("boot ", "boot 0")).expect("it can be written");
    assert_eq!(end_leftovers(&site.root.join("run")).expect("it can be read"), []);
    assert!(fs::exists(format!("/proc/{pid}")).expect("/proc is there"));

    let limit = limit(&resources);
    for at in [limit, limit.after(latido_core::time::Duration::from_secs(2))] {
        site.now = at;
        site.advance(&mut resources);
    }
    assert!(wait(&resources), "KILL ends it");
    await_hangup(&mark);
}

#[test]
fn a_site_without_the_file_has_no_leftovers() {
    let site = Site::new();
    assert_eq!(end_leftovers(&site.root.join("run")).expect("that is no error"), []);
}

#[test]
fn the_file_names_only_what_runs() {
    let mut site = Site::new();
    site.install_plain("init.d/apache2");
    let mut resources = site.resources(&["corman apache2"]);
    let outcome = site.carry_out(&mut resources, 1, Ownership::Held);
    assert_eq!(outcome, latido_core::order::Outcome::Done);
    let ledger = site.read("run/running");
    assert!(ledger.starts_with("boot "));
    assert_eq!(ledger.lines().count(), 1, "{ledger}");
}
