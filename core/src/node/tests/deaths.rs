//! Deaths, splits, cuts and clocks.

extern crate std;

use std::string::String;

use expect_test::{Expect, expect};

use super::rig::{CORMAN, RABIUS, Rig, millis, seconds};
use crate::event::{Command, Event, LinkState};
use crate::time::Instant;
use crate::wire::{Hold, Status};

fn check(rig: &mut Rig, expected: &Expect) {
    let told: String = rig.take();
    expected.assert_eq(&told);
}

/// The status that `node` sees of the other one.
fn seen(rig: &Rig, node: usize) -> Status {
    rig.node(node).nodes().nth(1 - node).expect("there are two").status
}

#[test]
fn a_death_is_told_at_its_deadline_and_everything_is_taken() {
    let mut rig = Rig::settled();
    let heard = rig.node(RABIUS).nodes().next().expect("corman").heard_at.expect("it was heard");
    rig.kill(CORMAN);
    let due = heard.after(seconds(10));
    rig.run(due.since(rig.now));
    assert_eq!(rig.now, due);
    check(
        &mut rig,
        &expect![[r#"
              14.000 rabius WARN: node corman: is dead
              14.000 rabius WARN: No STONITH device configured.
              14.000 rabius WARN: Shared disks are not protected.
              14.000 rabius info: Resources being acquired from corman.
              14.000 rabius info: Link corman:eth0 dead.
              14.000 rabius info: Link corman:eth2 dead.
              14.000 rabius info: No local resources [/usr/share/heartbeat/ResourceManager listkeys rabius] to acquire.
              14.000 rabius info: Taking over resource group web
              14.000 rabius ==> web Held
              14.000 rabius info: /usr/share/heartbeat/mach_down: nice_failback: foreign resources acquired
              14.000 rabius info: mach_down takeover complete.
              14.000 rabius info: mach_down takeover complete for node corman.
        "#]],
    );
    assert_eq!(rig.runs(0), [false, true]);
}

#[test]
fn no_death_is_told_a_microsecond_early() {
    let mut rig = Rig::settled();
    let heard = rig.node(RABIUS).nodes().next().expect("corman").heard_at.expect("it was heard");
    rig.kill(CORMAN);
    rig.run(heard.after(seconds(10)).since(rig.now));
    assert_eq!(seen(&rig, RABIUS), Status::Dead);
    let mut early = Rig::settled();
    early.kill(CORMAN);
    let due = heard.after(seconds(10)).since(early.now);
    early.run(crate::time::Duration::from_micros(due.as_micros() - 1));
    early.event(RABIUS, Event::Ticked { behind: false });
    assert_eq!((seen(&early, RABIUS), early.runs(0)), (Status::Active, [false, false]));
}

#[test]
fn the_death_of_a_secondary_without_groups_changes_nothing() {
    let mut rig = Rig::settled();
    rig.kill(RABIUS);
    rig.run(seconds(12));
    check(
        &mut rig,
        &expect![[r#"
              14.000 corman WARN: node rabius: is dead
              14.000 corman WARN: No STONITH device configured.
              14.000 corman WARN: Shared disks are not protected.
              14.000 corman info: Resources being acquired from rabius.
              14.000 corman info: Link rabius:eth0 dead.
              14.000 corman info: Link rabius:eth2 dead.
              14.000 corman info: /usr/share/heartbeat/mach_down: nice_failback: foreign resources acquired
              14.000 corman info: mach_down takeover complete.
              14.000 corman info: mach_down takeover complete for node rabius.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.node(CORMAN).hold()), ([true, false], Hold::ALL));
}

#[test]
fn a_primary_that_restarts_at_once_takes_its_groups_by_the_handshake() {
    let mut rig = Rig::settled();
    rig.kill(CORMAN);
    rig.run(seconds(3));
    let _ = rig.take();
    rig.start(CORMAN);
    rig.run(seconds(30));
    check(
        &mut rig,
        &expect![[r#"
            8.000 corman info: Local status now set to: 'up'
            8.000 corman info: Link corman:eth0 up.
            8.000 corman info: Link corman:eth2 up.
            8.000 corman info: Link rabius:eth0 up.
            8.000 corman info: Status update for node rabius: status active
            8.000 corman info: Link rabius:eth2 up.
            8.000 rabius info: Heartbeat restart on node corman
            8.000 rabius info: Status update for node corman: status up
            8.000 corman info: Comm_now_up(): updating status to active
            8.000 corman info: Local status now set to: 'active'
            8.000 rabius info: Status update for node corman: status active
            8.000 corman info: remote resource transition completed.
            8.000 corman info: remote resource transition completed.
            8.000 corman ==> web Held
            8.000 corman info: Initial resource acquisition complete (T_RESOURCES(them))
            8.000 corman info: Local Resource acquisition completed.
            8.000 rabius info: remote resource transition completed.
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
}

#[test]
fn a_node_that_restarts_while_it_held_the_others_groups_leaves_them_to_their_node() {
    let mut rig = Rig::with(&["web", "mail"], |_| {}).up();
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    assert_eq!((rig.runs(0), rig.runs(1)), ([false, true], [false, true]));
    let _ = rig.take();
    rig.kill(RABIUS);
    rig.run(seconds(3));
    rig.start(RABIUS);
    rig.run(seconds(30));
    check(
        &mut rig,
        &expect![[r#"
            8.000 rabius info: Local status now set to: 'up'
            8.000 rabius info: Link rabius:eth0 up.
            8.000 rabius info: Link rabius:eth2 up.
            8.000 rabius info: Link corman:eth0 up.
            8.000 rabius info: Status update for node corman: status active
            8.000 rabius info: Link corman:eth2 up.
            8.000 corman info: Heartbeat restart on node rabius
            8.000 corman info: Status update for node rabius: status up
            8.000 rabius info: Comm_now_up(): updating status to active
            8.000 rabius info: Local status now set to: 'active'
            8.000 corman info: Status update for node rabius: status active
            8.000 rabius info: remote resource transition completed.
            8.000 rabius info: remote resource transition completed.
            8.000 rabius ==> mail Held
            8.000 rabius info: Initial resource acquisition complete (T_RESOURCES(them))
            8.000 rabius info: Local Resource acquisition completed.
            8.000 corman info: remote resource transition completed.
            8.000 corman ERROR: No one owns our local resources!
            8.000 corman ==> web Held
            8.000 corman info: Local Resource acquisition completed.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]));
}

#[test]
fn after_a_split_the_preferred_node_keeps_and_the_other_lets_go() {
    let mut rig = Rig::with(&["web", "mail"], |_| {}).up();
    rig.split = true;
    rig.cut_all(true);
    rig.run(seconds(15));
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, true], [true, true]));
    let _ = rig.take();
    rig.cut_all(false);
    rig.run(seconds(4));
    check(
        &mut rig,
        &expect![[r#"
              22.000 rabius WARN: 10 lost packet(s) for [corman] [13:24]
              22.000 rabius info: Link corman:eth0 up.
              22.000 rabius CRIT: Cluster node corman returning after partition.
              22.000 rabius info: Both nodes may have held the same groups; the node that a group prefers keeps it.
              22.000 rabius WARN: Deadtime value may be too small.
              22.000 rabius info: Status update for node corman: status active
              22.000 rabius WARN: corman holds its groups: we release ours of them.
              22.000 rabius ==> web Released
              22.000 rabius info: Link corman:eth2 up.
              22.000 corman WARN: 10 lost packet(s) for [rabius] [12:23]
              22.000 corman info: Link rabius:eth0 up.
              22.000 corman info: Link rabius:eth2 up.
              22.000 corman CRIT: Cluster node rabius returning after partition.
              22.000 corman info: Both nodes may have held the same groups; the node that a group prefers keeps it.
              22.000 corman WARN: Deadtime value may be too small.
              22.000 corman info: Status update for node rabius: status active
              22.000 corman WARN: rabius holds its groups: we release ours of them.
              22.000 corman ==> mail Released
              22.000 rabius ==> mail announced
              22.000 rabius info: remote resource transition completed.
              22.000 rabius ==> mail announced
              22.000 corman ==> web announced
              22.000 corman info: remote resource transition completed.
              22.000 corman ==> web announced
              22.217 rabius info: No pkts missing from corman!
              22.247 corman info: No pkts missing from rabius!
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]));
    rig.run(seconds(60));
    assert_eq!(rig.take(), "", "and there is peace");
    assert!(!rig.node(CORMAN).in_transition() && !rig.node(RABIUS).in_transition());
}

#[test]
fn after_a_cut_in_one_direction_there_is_one_holder_again() {
    for deaf in [CORMAN, RABIUS] {
        let mut rig = Rig::with(&["web", "mail"], |_| {}).up();
        rig.split = true;
        rig.cut[1 - deaf] = [true; 2];
        rig.run(seconds(15));
        assert_eq!(seen(&rig, deaf), Status::Dead);
        assert_eq!(seen(&rig, 1 - deaf), Status::Active);
        rig.cut_all(false);
        rig.run(seconds(4));
        let told = rig.take();
        assert_eq!((rig.runs(0), rig.runs(1)), ([true, false], [false, true]), "{told}");
        rig.run(seconds(60));
        assert_eq!(rig.take(), "", "and there is peace");
        assert!(!rig.node(CORMAN).in_transition() && !rig.node(RABIUS).in_transition());
        rig.split = false;
        rig.command(CORMAN, Command::Standby(Hold::LOCAL));
        assert_eq!(rig.runs(0), [false, true], "the handshake works: {}", rig.take());
    }
}

#[test]
fn a_split_that_is_shorter_than_deadtime_is_no_split() {
    let mut rig = Rig::settled();
    rig.cut_all(true);
    rig.run(seconds(5));
    rig.cut_all(false);
    rig.run(seconds(5));
    check(
        &mut rig,
        &expect![[r#"
              12.000 rabius WARN: 3 lost packet(s) for [corman] [13:17]
              12.000 rabius WARN: Late heartbeat: Node corman: interval 8000 ms
              12.000 corman WARN: 3 lost packet(s) for [rabius] [12:16]
              12.000 corman WARN: Late heartbeat: Node rabius: interval 8000 ms
              12.162 corman info: No pkts missing from rabius!
              12.213 rabius info: No pkts missing from corman!
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
}

#[test]
fn one_dead_link_is_told_and_changes_nothing() {
    let mut rig = Rig::settled();
    rig.cut = [[true, false]; 2];
    rig.run(seconds(15));
    rig.cut_all(false);
    rig.run(seconds(3));
    check(
        &mut rig,
        &expect![[r#"
              14.000 corman info: Link rabius:eth0 dead.
              14.000 rabius info: Link corman:eth0 dead.
              22.000 rabius info: Link corman:eth0 up.
              22.000 corman info: Link rabius:eth0 up.
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
}

#[test]
fn a_device_that_comes_back_has_the_addresses_announced() {
    let mut rig = Rig::settled();
    for state in [LinkState::Missing, LinkState::Down, LinkState::Up] {
        rig.link(CORMAN, 0, state);
    }
    check(
        &mut rig,
        &expect![[r#"
               5.000 corman WARN: There is no device eth0; it is used when it comes.
               5.000 corman WARN: Device eth0 has no carrier or is down.
               5.000 corman info: Device eth0 is up.
               5.000 corman ==> web announced
        "#]],
    );
}

#[test]
fn a_node_that_overslept_says_so_and_believes_what_it_has_received() {
    let mut rig = Rig::settled();
    rig.cut[RABIUS] = [true; 2];
    rig.kill(RABIUS);
    // The process stands still for a minute.
    rig.now = rig.now.after(seconds(60));
    rig.event(CORMAN, Event::Ticked { behind: false });
    let told = rig.take();
    assert!(told.contains("ERROR: This process stood still for"), "{told}");
    assert!(told.contains("node rabius: is dead"), "{told}");
}

#[test]
fn while_datagrams_wait_a_death_is_put_off() {
    let mut rig = Rig::settled();
    rig.kill(RABIUS);
    rig.now = rig.now.after(seconds(10));
    rig.event(CORMAN, Event::Ticked { behind: true });
    assert_eq!(seen(&rig, CORMAN), Status::Active);
    rig.event(CORMAN, Event::Ticked { behind: false });
    assert_eq!(seen(&rig, CORMAN), Status::Dead);
}

#[test]
fn a_clock_that_goes_back_stands_still_and_is_told_once() {
    let mut rig = Rig::settled();
    let now = rig.now;
    let earlier = Instant::from_micros(now.as_micros() - 1_500_000);
    for _ in 0..3 {
        rig.now = earlier;
        rig.event(CORMAN, Event::Ticked { behind: false });
    }
    rig.now = now;
    let told = rig.take();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("WARN: The monotonic clock went back by 500 ms"), "{told}");
    rig.run(millis(60_000));
    assert_eq!(rig.runs(0), [true, false]);
    assert_eq!(rig.take(), "");
}
