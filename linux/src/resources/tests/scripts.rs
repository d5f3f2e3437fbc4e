//! Scripts are called as the original calls them, and judged by how they end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use latido_core::id::GroupId;
use latido_core::notice::Severity;
use latido_core::order::{Outcome, Ownership};
use latido_core::procedure::{Condition, Ending, Exit, Verb};
use latido_core::time::Instant;

use super::{BuiltIn, Site, await_hangup, await_mark, limit, wait};
use crate::resources::{LOOK, ResourceSpec};

#[test]
fn scripts_start_left_to_right_and_stop_right_to_left() {
    let mut site = Site::new();
    for place in ["resource.d/address", "resource.d/disk", "init.d/apache2"] {
        site.install_plain(place);
    }
    let mut resources = site.resources(&["corman address::10.0.0.1/24::x disk::data apache2"]);
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Held), Outcome::Done);
    assert_eq!(site.carry_out(&mut resources, 2, Ownership::Released), Outcome::Done);
    assert_eq!(
        site.calls(),
        [
            "address 10.0.0.1/24 x status",
            "address 10.0.0.1/24 x start",
            "disk data status",
            "disk data start",
            "apache2 status",
            "apache2 start",
            "apache2 stop",
            "disk data stop",
            "address 10.0.0.1/24 x stop",
        ]
    );
    assert_eq!(
        site.log(),
        [
            "info: Acquiring resource group: corman address::10.0.0.1/24::x disk::data apache2",
            "info: Running /resource.d/address 10.0.0.1/24 x start",
            "info: Running /resource.d/disk data start",
            "info: Running /init.d/apache2  start",
            "info: Releasing resource group: corman address::10.0.0.1/24::x disk::data apache2",
            "info: Running /init.d/apache2  stop",
            "info: Running /resource.d/disk data stop",
            "info: Running /resource.d/address 10.0.0.1/24 x stop",
        ]
    );
    assert_eq!(resources.deadline(), None);
    assert_eq!(resources.fds().count(), 0);
}

#[test]
fn a_script_in_resource_d_goes_before_one_in_init_d() {
    let mut site = Site::new();
    site.install_plain("resource.d/apache2");
    site.install("init.d/apache2", "exit 1");
    // What is no executable file is no script.
    fs::create_dir(site.root.join("resource.d/named")).expect("a directory can be made");
    site.install_plain("init.d/named");
    site.install("resource.d/text", "exit 1");
    let unexecutable = fs::Permissions::from_mode(0o644);
    fs::set_permissions(site.root.join("resource.d/text"), unexecutable).expect("it is ours");
    site.install_plain("init.d/text");
    let mut resources = site.resources(&["corman apache2 named text"]);
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Held), Outcome::Done);
    assert!(site.has(Severity::Info, "/resource.d/apache2  start"));
    assert!(site.has(Severity::Info, "/init.d/named  start"));
    assert!(site.has(Severity::Info, "/init.d/text  start"));
}

#[test]
fn a_script_that_is_installed_later_is_found() {
    let mut site = Site::new();
    let mut resources = site.resources(&["corman apache2"]);
    site.install_plain("init.d/apache2");
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Held), Outcome::Done);
    assert!(site.has(Severity::Info, "/init.d/apache2  start"));
}

#[test]
fn a_missing_script_gives_the_group_up_and_is_named() {
    let mut site = Site::new();
    site.install_plain("resource.d/address");
    let mut resources = site.resources(&["corman address apache2"]);
    let outcome = site.carry_out(&mut resources, 1, Ownership::Held);
    assert_eq!(outcome, Outcome::StartFailed { resource: 1 });
    assert_eq!(
        site.graver_than_info(),
        [
            "ERROR: Cannot locate resource script apache2",
            "CRIT: Giving up resources due to failure of apache2",
            "ERROR: Cannot locate resource script apache2",
        ]
    );
    assert_eq!(site.calls(), ["address status", "address start", "address stop"]);
}

#[test]
fn a_script_without_its_first_line_is_the_shells() {
    let mut site = Site::new();
    site.install_plain("resource.d/old");
    let path = site.root.join("resource.d/old");
    let text = fs::read_to_string(&path).expect("it was just written");
    fs::write(&path, text.replace("#!/bin/sh\n", "")).expect("it can be written");
    let mut resources = site.resources(&["corman old::a"]);
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Held), Outcome::Done);
    assert_eq!(site.calls(), ["old a status", "old a start"]);
}

#[test]
fn exit_codes_and_signals_are_told_and_output_goes_to_the_debug_log() {
    let mut site = Site::new();
    site.install("init.d/coded", "test $1 = start || exit 0; echo oh; echo no >&2; exit 7");
    site.install("init.d/shot", "test $1 = start || exit 0; kill -9 $$");
    let mut resources = site.resources(&["corman coded", "corman shot"]);
    site.order(&mut resources, 0, 1, Ownership::Held);
    site.order(&mut resources, 1, 1, Ownership::Held);
    site.run_until(&mut resources, |site| site.settled.len() == 2);
    let failed = (1, Outcome::StartFailed { resource: 0 });
    assert_eq!(site.settled.values().copied().collect::<Vec<_>>(), [failed, failed]);
    assert!(site.has(Severity::Error, "Return code 7 from "));
    assert!(site.has(Severity::Error, "Return code 137 from "));
    assert_eq!(site.debug_log(), ["oh", "no"]);
}

#[test]
fn a_start_that_hangs_is_ended_with_its_whole_group() {
    let mut site = Site::new();
    // It ignores TERM, and so does what it waits for.
    site.install(
        "init.d/slow",
        "test $1 = start || exit 0
        echo waiting
        trap '' TERM
        exec 3> $ROOT/begun
        echo >&3
        sleep 100",
    );
    let mark = site.mark("begun");
    let mut resources = site.resources(&["corman slow"]);
    site.order(&mut resources, 0, 1, Ownership::Held);
    site.advance(&mut resources);
    assert!(wait(&resources), "status runs");
    site.advance(&mut resources);
    await_mark(&mark);
    let ended = limit(&resources);
    assert_eq!(ended.since(site.now).as_secs(), 60);
    site.now = ended;
    site.advance(&mut resources);
    assert_eq!(resources.fds().count(), 0, "nobody waits for it before KILL");
    let kill = limit(&resources);
    assert_eq!(kill.since(ended).as_secs(), 2);
    site.now = kill;
    site.run_until(&mut resources, |site| !site.settled.is_empty());
    assert_eq!(site.settled[&0], (1, Outcome::StartFailed { resource: 0 }));
    assert_eq!(
        site.graver_than_info(),
        [
            "ERROR: /init.d/slow start did not end within 60000 ms and was ended",
            "CRIT: Giving up resources due to failure of slow",
        ]
    );
    assert_eq!(site.debug_log(), ["waiting"]);
    // What it waited for had the FIFO open, too.
    await_hangup(&mark);
}

#[test]
fn a_script_that_writes_without_end_does_not_fill_the_memory() {
    let mut site = Site::new();
    // It ends when its writing fails.
    site.install(
        "init.d/loud",
        r#"test $1 = start || exit 0
        dd if=/dev/zero bs=65536 count=17 2> /dev/null
        echo > $ROOT/begun
        read go <> $ROOT/go
        dd if=/dev/zero bs=65536 count=1 2> /dev/null || exit 9"#,
    );
    let (mark, _go) = (site.mark("begun"), site.mark("go"));
    let mut resources = site.resources(&["corman loud"]);
    site.order(&mut resources, 0, 1, Ownership::Held);
    site.advance(&mut resources);
    assert!(wait(&resources), "status runs");
    site.advance(&mut resources);
    await_mark(&mark);
    site.advance(&mut resources);
    let look = resources.deadline().expect("a script runs");
    assert_eq!(look, site.now.after(LOOK), "what it writes is looked at often");
    fs::write(site.root.join("go"), "on\n").expect("the script reads it");
    site.run_until(&mut resources, |site| !site.settled.is_empty());
    assert!(site.has(Severity::Error, "Return code 9 from "));
}

#[test]
fn a_script_may_open_its_standard_error_anew() {
    let mut site = Site::new();
    site.install(
        "init.d/plain",
        "test $1 = start || exit 0
        echo told > /dev/stderr || exit 9",
    );
    let mut resources = site.resources(&["corman plain"]);
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Held), Outcome::Done);
    assert_eq!(site.debug_log(), ["told"]);
}

#[test]
fn what_was_found_running_is_stopped_by_the_first_release() {
    let mut site = Site::new();
    site.install_plain("init.d/apache2");
    let mut resources = site.resources(&["corman apache2"]);
    resources.found(site.now, GroupId(0));
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Released), Outcome::Done);
    assert_eq!(site.calls(), ["apache2 stop"]);
}

#[test]
fn a_service_that_a_script_leaves_behind_holds_nothing_up() {
    let mut site = Site::new();
    site.install(
        "init.d/service",
        r#"case $1 in
        start) setsid sleep 100 & echo $! > $ROOT/service; echo started;;
        stop) kill $(cat $ROOT/service);;
        esac"#,
    );
    let mut resources = site.resources(&["corman service"]);
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Held), Outcome::Done);
    assert_eq!(site.debug_log(), ["started"]);
    // It still runs, with the script's output open: stopping it succeeds.
    assert_eq!(site.carry_out(&mut resources, 2, Ownership::Released), Outcome::Done);
    assert_eq!(site.graver_than_info(), [""; 0]);
}

#[test]
fn a_stop_that_fails_is_retried_eleven_calls_in_all_and_blocks_the_group() {
    let mut site = Site::new();
    site.install(
        "init.d/apache2",
        "echo $1 >> $ROOT/calls\ncase $1 in status) echo running;; stop) exit 1;; esac",
    );
    let mut resources = site.resources(&["corman apache2"]);
    assert_eq!(site.carry_out(&mut resources, 1, Ownership::Held), Outcome::Done);
    let began = site.now;
    let outcome = site.carry_out(&mut resources, 2, Ownership::Released);
    assert_eq!(outcome, Outcome::StopFailed { resource: 0 });
    assert_eq!(site.now.since(began).as_secs(), 10);
    let stops = site.calls().iter().filter(|call| *call == "stop").count();
    assert_eq!(stops, 11);
    assert_eq!(resources.reboot_wanted(), None);
    let outcome = site.carry_out(&mut resources, 3, Ownership::Held);
    assert_eq!(outcome, Outcome::StartFailed { resource: 0 });
}

#[test]
fn groups_that_name_the_same_script_take_turns_and_others_do_not_wait() {
    let mut site = Site::new();
    // Whoever finds the other's mark has met it.
    site.install(
        "resource.d/shared",
        "mkdir $ROOT/lock || echo met >> $ROOT/met\ncat < /dev/null\nrmdir $ROOT/lock",
    );
    site.install_plain("resource.d/other");
    let mut resources = site.resources(&["corman shared::a", "rabius shared::b", "rabius other"]);
    for group in 0..3 {
        site.order(&mut resources, group, 1, Ownership::Held);
    }
    site.advance(&mut resources);
    assert_eq!(resources.fds().count(), 2, "one of the two, and the other");
    site.run_until(&mut resources, |site| site.settled.len() == 3);
    assert_eq!(site.settled.values().copied().collect::<Vec<_>>(), [(1, Outcome::Done); 3]);
    assert_eq!(site.read("met"), "");
}

/// Keeps `address` itself.
struct Address(Vec<Verb>);

impl BuiltIn for Address {
    fn run(&mut self, _: Instant, _: GroupId, spec: &ResourceSpec, verb: Verb) -> Option<Ending> {
        (spec.name == "address").then(|| {
            self.0.push(verb);
            match verb {
                Verb::Status => Ending::Status(Condition::Stopped),
                Verb::Start => Ending::Start(Exit::Success),
                Verb::Stop => Ending::Stop(Exit::Success),
            }
        })
    }
}

#[test]
fn what_is_built_in_is_answered_at_once_without_a_script() {
    let mut site = Site::new();
    let mut resources = site.resources(&["corman address::10.0.0.1"]);
    let mut address = Address(Vec::new());
    site.order(&mut resources, 0, 1, Ownership::Held);
    assert_eq!(resources.deadline(), Some(Instant::ZERO), "there is something to do at once");
    resources.advance(site.now, &mut address, &mut |entry| site.entries.push(entry));
    let settled = resources.next_settled().map(|(group, order, out)| (group.0, order.0, out));
    assert_eq!(settled, Some((0, 1, Outcome::Done)));
    assert_eq!(address.0, [Verb::Status, Verb::Start]);
    assert!(site.has(Severity::Info, "/resource.d/address 10.0.0.1 start"));
}
