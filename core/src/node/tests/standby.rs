//! The standby dialogue, both ways and with everything that can cross it.

extern crate std;

use std::string::String;

use expect_test::{Expect, expect};

use super::rig::{CORMAN, RABIUS, Rig, millis, seconds};
use crate::config::Timing;
use crate::event::{Command, Event};
use crate::id::GroupId;
use crate::order::Ownership;
use crate::wire::Hold;

const WEB: GroupId = GroupId(0);

fn check(rig: &mut Rig, expected: &Expect) {
    let told: String = rig.take();
    expected.assert_eq(&told);
}

/// Two groups: `web` of corman, `mail` of rabius.
fn two() -> Rig {
    let rig = Rig::with(&["web", "mail"], |_| {}).up();
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]));
    rig
}

#[test]
fn standby_of_everything_leaves_the_other_node_with_everything() {
    let mut rig = two();
    rig.command(CORMAN, Command::Standby(Hold::ALL));
    check(
        &mut rig,
        &expect![[r#"
               5.000 corman <== Standby(Hold { local: true, foreign: true })
               5.000 corman info: corman wants to go standby [all]
               5.000 rabius info: corman wants to go standby [all]
               5.000 corman info: standby: rabius can take our all resources
               5.000 corman info: give up all HA resources (standby).
               5.000 corman ==> web Released
               5.000 corman info: all HA resource release completed (standby).
               5.000 corman info: Local standby process completed [all].
               5.000 rabius info: standby: acquire [all] resources from corman
               5.000 rabius info: acquire all HA resources (standby).
               5.000 rabius ==> web Held
               5.000 rabius info: all HA resource acquisition completed (standby).
               5.000 rabius info: Standby resource acquisition done [all].
               5.000 corman info: Other node completed standby takeover of all resources.
               5.000 corman info: remote resource transition completed.
               5.000 rabius info: remote resource transition completed.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([false, true], [false, true]));
    rig.run(seconds(60));
    assert_eq!(rig.runs(0), [false, true], "it stays there until somebody asks");
}

#[test]
fn standby_of_local_groups_moves_them_and_takeover_brings_them_back() {
    let mut rig = two();
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    assert_eq!((rig.runs(0), rig.runs(1)), ([false, true], [false, true]));
    let _ = rig.take();
    rig.command(CORMAN, Command::Takeover(Hold::LOCAL));
    check(
        &mut rig,
        &expect![[r#"
               5.000 corman <== Takeover(Hold { local: true, foreign: false })
               5.000 rabius info: rabius wants to go standby [foreign]
               5.000 corman info: rabius wants to go standby [foreign]
               5.000 rabius info: standby: corman can take our foreign resources
               5.000 rabius info: give up foreign HA resources (standby).
               5.000 rabius ==> web Released
               5.000 rabius info: foreign HA resource release completed (standby).
               5.000 rabius info: Local standby process completed [foreign].
               5.000 corman info: standby: acquire [foreign] resources from rabius
               5.000 corman info: acquire local HA resources (standby).
               5.000 corman ==> web Held
               5.000 corman info: local HA resource acquisition completed (standby).
               5.000 corman info: Standby resource acquisition done [foreign].
               5.000 rabius info: Other node completed standby takeover of foreign resources.
               5.000 rabius info: remote resource transition completed.
               5.000 corman info: remote resource transition completed.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]));
}

#[test]
fn standby_of_foreign_groups_gives_them_back() {
    let mut rig = two();
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    rig.command(RABIUS, Command::Standby(Hold::FOREIGN));
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]));
    rig.command(RABIUS, Command::Standby(Hold::LOCAL));
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [true, false]));
    rig.command(CORMAN, Command::Standby(Hold::FOREIGN));
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]));
}

#[test]
fn the_taker_waits_for_the_giver_and_the_giver_for_the_taker() {
    let mut rig = two();
    rig.slow = true;
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    rig.run(seconds(30));
    assert_eq!(rig.runs(0), [true, false], "it is being stopped");
    assert!(rig.node(CORMAN).in_transition() && rig.node(RABIUS).in_transition());
    rig.finish_scripts();
    assert_eq!(rig.runs(0), [false, false], "it is being started");
    rig.finish_scripts();
    assert_eq!(rig.runs(0), [false, true]);
    assert!(!rig.node(CORMAN).in_transition() && !rig.node(RABIUS).in_transition());
}

#[test]
fn a_request_while_one_is_carried_out_is_refused() {
    let mut rig = two();
    rig.slow = true;
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    let _ = rig.take();
    rig.command(CORMAN, Command::Standby(Hold::ALL));
    rig.command(RABIUS, Command::Standby(Hold::ALL));
    check(
        &mut rig,
        &expect![[r#"
               5.000 corman <== Standby(Hold { local: true, foreign: true })
               5.000 corman WARN: Standby in progress- new request from corman ignored [3600 seconds left]
               5.000 rabius <== Standby(Hold { local: true, foreign: true })
               5.000 rabius WARN: Standby in progress- new request from rabius ignored [3600 seconds left]
        "#]],
    );
    rig.finish_scripts();
    rig.finish_scripts();
    assert_eq!((rig.runs(0), rig.runs(1)), ([false, true], [false, true]));
}

#[test]
fn two_requests_that_cross_end_in_one_of_them() {
    let mut rig = two();
    // Both are asked before either hears the other.
    rig.event(CORMAN, Event::Commanded(Command::Standby(Hold::LOCAL)));
    rig.event(RABIUS, Event::Commanded(Command::Standby(Hold::LOCAL)));
    rig.settle();
    check(
        &mut rig,
        &expect![[r#"
               5.000 corman info: corman wants to go standby [local]
               5.000 rabius info: rabius wants to go standby [local]
               5.000 rabius info: corman wants to go standby [local]
               5.000 corman WARN: Standby in progress- new request from rabius ignored [10 seconds left]
               5.000 corman info: standby: rabius can take our local resources
               5.000 corman info: give up local HA resources (standby).
               5.000 corman ==> web Released
               5.000 corman info: local HA resource release completed (standby).
               5.000 corman info: Local standby process completed [local].
               5.000 rabius info: standby: acquire [local] resources from corman
               5.000 rabius info: acquire foreign HA resources (standby).
               5.000 rabius ==> web Held
               5.000 rabius info: foreign HA resource acquisition completed (standby).
               5.000 rabius info: Standby resource acquisition done [local].
               5.000 corman info: Other node completed standby takeover of local resources.
               5.000 corman info: remote resource transition completed.
               5.000 rabius info: remote resource transition completed.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([false, true], [false, true]));
    rig.run(seconds(60));
    assert!(!rig.node(CORMAN).in_transition() && !rig.node(RABIUS).in_transition());
}

#[test]
fn a_request_that_nobody_answers_is_cancelled_after_ten_seconds() {
    let mut rig = Rig::with(&["web", "mail"], |settings| {
        settings.timing = Timing::of(seconds(2), seconds(30));
    })
    .up();
    rig.cut[CORMAN] = [true; 2];
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    rig.run(millis(9_999));
    check(
        &mut rig,
        &expect![[r#"
           5.000 corman <== Standby(Hold { local: true, foreign: false })
           5.000 corman info: corman wants to go standby [local]
    "#]],
    );
    rig.run(millis(1));
    check(
        &mut rig,
        &expect![[r#"
          15.000 corman WARN: No reply to standby request.  Standby request cancelled.
    "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
}

#[test]
fn a_request_that_comes_after_it_was_cancelled_is_not_answered() {
    // What was lost is sent again in any order; the lengths give other orders.
    for extra in 0..50 {
        let mut rig = Rig::with(&["web", "mail"], |settings| {
            settings.timing = Timing::of(seconds(2), seconds(30));
        })
        .up();
        rig.run(seconds(extra));
        rig.cut[CORMAN] = [true; 2];
        rig.command(CORMAN, Command::Standby(Hold::LOCAL));
        rig.run(seconds(11));
        rig.cut_all(false);
        rig.run(seconds(4));
        let busy = [CORMAN, RABIUS].map(|node| rig.node(node).in_transition());
        assert_eq!(busy, [false; 2], "{extra}: {}", rig.take());
        assert_eq!(rig.runs(0), [true, false]);
    }
}

#[test]
fn a_node_alone_cannot_go_standby() {
    let mut rig = two();
    rig.kill(RABIUS);
    rig.run(seconds(12));
    let _ = rig.take();
    rig.command(CORMAN, Command::Standby(Hold::ALL));
    check(
        &mut rig,
        &expect![[r#"
              17.000 corman <== Standby(Hold { local: true, foreign: true })
              17.000 corman WARN: standby request ignored: there is no other node that could take over.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [true, false]));
}

#[test]
fn the_takers_death_brings_everything_back() {
    let mut rig = two();
    rig.slow = true;
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    rig.finish_scripts();
    assert_eq!(rig.runs(0), [false, false]);
    rig.slow = false;
    rig.kill(RABIUS);
    let _ = rig.take();
    rig.run(seconds(12));
    check(
        &mut rig,
        &expect![[r#"
              14.000 corman WARN: node rabius: is dead
              14.000 corman info: Cancelling pending standby operation
              14.000 corman WARN: No STONITH device configured.
              14.000 corman WARN: Shared disks are not protected.
              14.000 corman info: Resources being acquired from rabius.
              14.000 corman info: Link rabius:eth0 dead.
              14.000 corman info: Link rabius:eth2 dead.
              14.000 corman info: Taking over resource group mail
              14.000 corman ==> web Held
              14.000 corman ==> mail Held
              14.000 corman info: Local Resource acquisition completed.
              14.000 corman info: /usr/share/heartbeat/mach_down: nice_failback: foreign resources acquired
              14.000 corman info: mach_down takeover complete.
              14.000 corman info: mach_down takeover complete for node rabius.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [true, false]));
}

#[test]
fn the_givers_death_leaves_everything_with_the_taker() {
    for stopped in [false, true] {
        let mut rig = two();
        rig.slow = true;
        rig.command(CORMAN, Command::Standby(Hold::LOCAL));
        if stopped {
            rig.finish_scripts();
        }
        rig.kill(CORMAN);
        rig.run(seconds(12));
        rig.finish_scripts();
        rig.slow = false;
        assert_eq!((rig.runs(0), rig.runs(1)), ([false, true], [false, true]), "{stopped}");
        rig.start(CORMAN);
        rig.run(seconds(10));
        assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]), "{stopped}");
    }
}

#[test]
fn a_node_that_starts_anew_in_the_middle_ends_the_dialogue() {
    for (dies, finished) in [(CORMAN, 0), (CORMAN, 1), (RABIUS, 0), (RABIUS, 1)] {
        let mut rig = two();
        rig.slow = true;
        rig.command(CORMAN, Command::Standby(Hold::LOCAL));
        for _ in 0..finished {
            rig.finish_scripts();
        }
        rig.slow = false;
        rig.kill(dies);
        rig.start(dies);
        rig.finish_scripts();
        rig.run(seconds(30));
        let what = (dies, finished, rig.take());
        // What rabius was about to take stays there: it never held corman for dead.
        let taken = dies == CORMAN && finished == 1;
        assert_eq!((rig.runs(0), rig.runs(1)), ([!taken, taken], [false, true]), "{what:?}");
        assert!(!rig.node(CORMAN).in_transition() && !rig.node(RABIUS).in_transition(), "{what:?}");
    }
}

#[test]
fn a_group_that_does_not_start_is_offered_after_thirty_seconds() {
    let mut rig = Rig::new();
    rig.broken.push((CORMAN, WEB, Ownership::Held));
    rig.start(CORMAN);
    rig.start(RABIUS);
    rig.run(seconds(60));
    check(
        &mut rig,
        &expect![[r#"
            0.000 corman info: Local status now set to: 'up'
            0.000 corman info: Link corman:eth0 up.
            0.000 corman info: Link corman:eth2 up.
            0.000 rabius info: Local status now set to: 'up'
            0.000 rabius info: Link rabius:eth0 up.
            0.000 corman info: Link rabius:eth0 up.
            0.000 corman info: Status update for node rabius: status init
            0.000 rabius info: Link rabius:eth2 up.
            0.000 corman info: Link rabius:eth2 up.
            0.000 corman info: Status update for node rabius: status up
            0.000 rabius info: Link corman:eth0 up.
            0.000 rabius info: Status update for node corman: status up
            0.000 rabius info: Link corman:eth2 up.
            0.000 corman info: Comm_now_up(): updating status to active
            0.000 corman info: Local status now set to: 'active'
            0.000 rabius info: Comm_now_up(): updating status to active
            0.000 rabius info: Local status now set to: 'active'
            0.000 rabius info: Status update for node corman: status active
            0.000 corman info: Status update for node rabius: status active
            0.000 corman info: local resource transition completed.
            0.000 corman info: Initial resource acquisition complete (T_RESOURCES(us))
            0.000 corman ==> web Held
            0.000 rabius info: local resource transition completed.
            0.000 rabius info: Initial resource acquisition complete (T_RESOURCES(us))
            0.000 rabius info: No local resources [/usr/share/heartbeat/ResourceManager listkeys rabius] to acquire.
            0.000 rabius info: Local Resource acquisition completed.
            0.000 corman ERROR: Group web did not start here; in thirty seconds the other node is asked to take it.
            0.000 corman info: Local Resource acquisition completed.
            0.000 rabius info: remote resource transition completed.
            0.000 corman info: remote resource transition completed.
            30.000 corman info: corman wants to go standby [local]
            30.000 rabius info: corman wants to go standby [local]
            30.000 corman info: standby: rabius can take our local resources
            30.000 corman info: give up local HA resources (standby).
            30.000 corman ==> web Released
            30.000 corman info: local HA resource release completed (standby).
            30.000 corman info: Local standby process completed [local].
            30.000 rabius info: standby: acquire [local] resources from corman
            30.000 rabius info: acquire foreign HA resources (standby).
            30.000 rabius ==> web Held
            30.000 rabius info: foreign HA resource acquisition completed (standby).
            30.000 rabius info: Standby resource acquisition done [local].
            30.000 corman info: Other node completed standby takeover of local resources.
            30.000 corman info: remote resource transition completed.
            30.000 rabius info: remote resource transition completed.
        "#]],
    );
    assert_eq!(rig.runs(0), [false, true]);
}

#[test]
fn a_group_that_starts_nowhere_stays_stopped_until_somebody_asks() {
    let mut rig = Rig::new();
    rig.broken.push((CORMAN, WEB, Ownership::Held));
    rig.broken.push((RABIUS, WEB, Ownership::Held));
    rig.start(CORMAN);
    rig.start(RABIUS);
    rig.run(seconds(100));
    let told = rig.take();
    assert_eq!(told.matches("did not start here").count(), 2, "{told}");
    assert_eq!(told.matches("stays stopped").count(), 1, "{told}");
    rig.run(seconds(1_000));
    check(&mut rig, &expect![[""]]);
    assert_eq!(rig.runs(0), [false, false]);
    rig.broken.clear();
    rig.command(CORMAN, Command::Takeover(Hold::LOCAL));
    rig.run(seconds(5));
    assert_eq!(rig.runs(0), [true, false], "{}", rig.take());
}

#[test]
fn a_group_that_failed_here_is_tried_again_when_the_other_node_is_gone() {
    let mut rig = Rig::new();
    rig.broken.push((CORMAN, WEB, Ownership::Held));
    rig.start(CORMAN);
    rig.start(RABIUS);
    rig.run(seconds(60));
    assert_eq!(rig.runs(0), [false, true]);
    rig.broken.clear();
    rig.kill(RABIUS);
    rig.run(seconds(12));
    assert_eq!(rig.runs(0), [true, false], "{}", rig.take());
}

#[test]
fn a_refused_command_does_not_make_a_failure_unheard_of() {
    let mut rig = two();
    rig.broken.push((CORMAN, GroupId(1), Ownership::Held));
    rig.command(RABIUS, Command::Standby(Hold::LOCAL));
    rig.cut_all(true);
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    let _ = rig.take();
    rig.command(CORMAN, Command::Standby(Hold::FOREIGN));
    let told = rig.take();
    assert!(told.contains("Standby in progress"), "{told}");
    rig.cut_all(false);
    rig.run(seconds(60));
    assert_eq!(rig.runs(1), [false, true], "it was offered in the end: {}", rig.take());
}

#[test]
fn a_group_that_does_not_stop_stays_and_cancels_the_standby() {
    let mut rig = two();
    rig.broken.push((CORMAN, WEB, Ownership::Released));
    rig.command(CORMAN, Command::Standby(Hold::ALL));
    check(
        &mut rig,
        &expect![[r#"
               5.000 corman <== Standby(Hold { local: true, foreign: true })
               5.000 corman info: corman wants to go standby [all]
               5.000 rabius info: corman wants to go standby [all]
               5.000 corman info: standby: rabius can take our all resources
               5.000 corman info: give up all HA resources (standby).
               5.000 corman ==> web Released
               5.000 corman CRIT: Group web does not stop here, so it must not start on the other node.
               5.000 corman ERROR: standby cancelled: a resource of our all resources does not stop; we keep them.
               5.000 rabius info: remote resource transition completed.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]));
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    check(
        &mut rig,
        &expect![[r#"
            5.000 corman <== Standby(Hold { local: true, foreign: false })
            5.000 corman ==> web Held
            5.000 corman info: corman wants to go standby [local]
            5.000 rabius info: corman wants to go standby [local]
            5.000 corman info: standby: rabius can take our local resources
            5.000 corman info: give up local HA resources (standby).
            5.000 corman ==> web Released
            5.000 corman CRIT: Group web does not stop here, so it must not start on the other node.
            5.000 corman ERROR: standby cancelled: a resource of our local resources does not stop; we keep them.
            5.000 rabius info: remote resource transition completed.
        "#]],
    );
    rig.command(CORMAN, Command::Shutdown);
    rig.run(seconds(60));
    check(
        &mut rig,
        &expect![[r#"
               5.000 corman <== Shutdown
               5.000 corman info: Heartbeat shutdown in progress.
               5.000 corman info: Giving up all HA resources.
               5.000 corman ERROR: A resource does not stop, so nothing is handed over; asked again, it is tried again.
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false], "nothing is handed over");
    rig.command(CORMAN, Command::Shutdown);
    check(
        &mut rig,
        &expect![[r#"
            65.000 corman <== Shutdown
            65.000 corman info: Heartbeat shutdown in progress.
            65.000 corman ==> web Released
            65.000 corman CRIT: Group web does not stop here, so it must not start on the other node.
            65.000 corman ERROR: A resource does not stop, so nothing is handed over; asked again, it is tried again.
        "#]],
    );
}
