//! Starts, returns and farewells, in the original's words.

extern crate std;

use std::string::String;

use expect_test::{Expect, expect};

use super::rig::{CORMAN, RABIUS, Rig, millis, seconds};
use crate::config::NodeKind;
use crate::event::{Command, Event};
use crate::id::{GroupId, NodeId};
use crate::ownership::Phase;
use crate::wire::{Hold, Status};

fn check(rig: &mut Rig, expected: &Expect) {
    let told: String = rig.take();
    expected.assert_eq(&told);
}

#[test]
fn two_fresh_nodes_agree_without_waiting_ten_seconds() {
    let mut rig = Rig::new();
    rig.start(CORMAN);
    rig.start(RABIUS);
    rig.run(seconds(30));
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
               0.000 corman info: Local Resource acquisition completed.
               0.000 rabius info: remote resource transition completed.
               0.000 corman info: remote resource transition completed.
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
    assert_eq!((rig.node(CORMAN).hold(), rig.node(RABIUS).hold()), (Hold::LOCAL, Hold::LOCAL));
    assert!(!rig.node(CORMAN).in_transition() && !rig.node(RABIUS).in_transition());
}

#[test]
fn a_node_that_comes_seconds_later_is_waited_for() {
    let mut rig = Rig::new();
    rig.start(RABIUS);
    rig.run(seconds(7));
    assert_eq!(rig.node(RABIUS).status(), Status::Up);
    rig.start(CORMAN);
    rig.run(seconds(1));
    assert_eq!(rig.runs(0), [true, false]);
    assert_eq!(rig.node(RABIUS).phase(), Phase::Stable);
}

#[test]
fn a_node_that_stays_alone_takes_everything_after_initdead() {
    let mut rig = Rig::with(&["web", "mail"], |_| {});
    rig.start(RABIUS);
    rig.run(millis(19_999));
    assert_eq!((rig.node(RABIUS).status(), rig.runs(0)), (Status::Up, [false; 2]));
    rig.run(millis(1));
    check(
        &mut rig,
        &expect![[r#"
            0.000 rabius info: Local status now set to: 'up'
            0.000 rabius info: Link rabius:eth0 up.
            0.000 rabius info: Link rabius:eth2 up.
            20.000 rabius WARN: node corman: is dead
            20.000 rabius info: Comm_now_up(): updating status to active
            20.000 rabius info: Local status now set to: 'active'
            20.000 rabius WARN: No STONITH device configured.
            20.000 rabius WARN: Shared disks are not protected.
            20.000 rabius info: Resources being acquired from corman.
            20.000 rabius info: Taking over resource group web
            20.000 rabius ==> web Held
            20.000 rabius ==> mail Held
            20.000 rabius info: /usr/share/heartbeat/mach_down: nice_failback: foreign resources acquired
            20.000 rabius info: mach_down takeover complete.
            20.000 rabius info: Initial resource acquisition complete (mach_down)
            20.000 rabius info: mach_down takeover complete for node corman.
            20.000 rabius info: Local Resource acquisition completed.
        "#]],
    );
    assert_eq!((rig.runs(0), rig.runs(1)), ([false, true], [false, true]));
}

#[test]
fn a_primary_that_returns_gets_its_groups_back_by_itself() {
    let mut rig = Rig::settled();
    rig.kill(CORMAN);
    rig.run(seconds(12));
    assert_eq!(rig.runs(0), [false, true]);
    let _ = rig.take();
    rig.start(CORMAN);
    rig.run(seconds(30));
    check(
        &mut rig,
        &expect![[r#"
            17.000 corman info: Local status now set to: 'up'
            17.000 corman info: Link corman:eth0 up.
            17.000 corman info: Link corman:eth2 up.
            17.000 corman info: Link rabius:eth0 up.
            17.000 corman info: Status update for node rabius: status active
            17.000 corman info: Link rabius:eth2 up.
            17.000 rabius info: Heartbeat restart on node corman
            17.000 rabius info: Link corman:eth0 up.
            17.000 rabius info: Status update for node corman: status up
            17.000 rabius info: Link corman:eth2 up.
            17.000 corman info: Comm_now_up(): updating status to active
            17.000 corman info: Local status now set to: 'active'
            17.000 rabius info: Status update for node corman: status active
            17.000 corman info: remote resource transition completed.
            17.000 corman info: remote resource transition completed.
            17.000 corman info: Local Resource acquisition completed. (none)
            17.000 corman info: Initial resource acquisition complete (T_RESOURCES(them))
            17.000 rabius info: remote resource transition completed.
            17.000 rabius info: rabius wants to go standby [foreign]
            17.000 corman info: rabius wants to go standby [foreign]
            17.000 rabius info: standby: corman can take our foreign resources
            17.000 rabius info: give up foreign HA resources (standby).
            17.000 rabius ==> web Released
            17.000 rabius info: foreign HA resource release completed (standby).
            17.000 rabius info: Local standby process completed [foreign].
            17.000 corman info: standby: acquire [foreign] resources from rabius
            17.000 corman info: acquire local HA resources (standby).
            17.000 corman ==> web Held
            17.000 corman info: local HA resource acquisition completed (standby).
            17.000 corman info: Standby resource acquisition done [foreign].
            17.000 rabius info: Other node completed standby takeover of foreign resources.
            17.000 rabius info: remote resource transition completed.
            17.000 corman info: remote resource transition completed.
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
}

#[test]
fn without_auto_failback_a_primary_that_returns_gets_nothing() {
    let mut rig = Rig::with(&["web"], |settings| settings.auto_failback = false).up();
    rig.kill(CORMAN);
    rig.run(seconds(12));
    rig.start(CORMAN);
    let _ = rig.take();
    rig.run(seconds(60));
    check(
        &mut rig,
        &expect![[r#"
            17.000 corman info: Local status now set to: 'up'
            17.000 corman info: Link corman:eth0 up.
            17.000 corman info: Link corman:eth2 up.
            17.000 corman info: Link rabius:eth0 up.
            17.000 corman info: Status update for node rabius: status active
            17.000 corman info: Link rabius:eth2 up.
            17.000 rabius info: Heartbeat restart on node corman
            17.000 rabius info: Link corman:eth0 up.
            17.000 rabius info: Status update for node corman: status up
            17.000 rabius info: Link corman:eth2 up.
            17.000 corman info: Comm_now_up(): updating status to active
            17.000 corman info: Local status now set to: 'active'
            17.000 rabius info: Status update for node corman: status active
            17.000 corman info: remote resource transition completed.
            17.000 corman info: remote resource transition completed.
            17.000 corman info: Local Resource acquisition completed. (none)
            17.000 corman info: Initial resource acquisition complete (T_RESOURCES(them))
            17.000 rabius info: remote resource transition completed.
        "#]],
    );
    assert_eq!(rig.runs(0), [false, true]);
    rig.command(CORMAN, Command::Takeover(Hold::LOCAL));
    assert_eq!(rig.runs(0), [true, false], "until somebody asks");
}

#[test]
fn a_graceful_end_hands_over_at_once() {
    let mut rig = Rig::settled();
    rig.command(CORMAN, Command::Shutdown);
    rig.run(seconds(30));
    check(
        &mut rig,
        &expect![[r#"
            5.000 corman <== Shutdown
            5.000 corman info: Heartbeat shutdown in progress.
            5.000 corman info: Giving up all HA resources.
            5.000 corman ==> web Released
            5.000 corman info: All HA resources relinquished.
            5.000 rabius info: Received shutdown notice from 'corman'.
            5.000 rabius info: Resources being acquired from corman.
            5.000 rabius info: No local resources [/usr/share/heartbeat/ResourceManager listkeys rabius] to acquire.
            5.000 rabius info: Taking over resource group web
            5.000 rabius ==> web Held
            5.000 rabius info: /usr/share/heartbeat/mach_down: nice_failback: foreign resources acquired
            5.000 rabius info: mach_down takeover complete.
            5.000 rabius info: mach_down takeover complete for node corman.
            7.500 corman info: corman Heartbeat shutdown complete.
            7.500 corman ==> exit
            16.000 rabius WARN: node corman: is dead
            16.000 rabius info: Dead node corman gave up resources.
            16.000 rabius info: Link corman:eth0 dead.
            16.000 rabius info: Link corman:eth2 dead.
        "#]],
    );
    assert_eq!(rig.runs(0), [false, true]);
    assert!(rig.nodes[CORMAN].is_none());
}

#[test]
fn a_graceful_end_waits_for_the_scripts() {
    let mut rig = Rig::settled();
    rig.slow = true;
    rig.command(CORMAN, Command::Shutdown);
    rig.run(seconds(30));
    assert_eq!(rig.runs(0), [true, false], "it is still being stopped");
    rig.finish_scripts();
    assert_eq!(rig.runs(0), [false, false]);
    rig.finish_scripts();
    assert_eq!(rig.runs(0), [false, true]);
    rig.run(seconds(3));
    assert!(rig.nodes[CORMAN].is_none());
}

#[test]
fn a_node_that_is_ended_while_it_starts_ends() {
    // The other node's list of nodes comes while it lingers.
    for lost in 0..8 {
        let mut rig = Rig::new();
        rig.start(RABIUS);
        rig.run(seconds(3));
        rig.lose[RABIUS] = lost;
        rig.start(CORMAN);
        rig.event(CORMAN, Event::Ticked { behind: false });
        rig.command(CORMAN, Command::Shutdown);
        rig.run(seconds(4));
        assert!(rig.nodes[CORMAN].is_none(), "{lost}: {}", rig.take());
    }
    let mut alone = Rig::new();
    alone.start(CORMAN);
    alone.run(seconds(1));
    alone.command(CORMAN, Command::Shutdown);
    alone.run(seconds(1));
    assert!(alone.nodes[CORMAN].is_none());
}

#[test]
fn a_single_node_holds_its_groups_from_the_start() {
    let mut rig = Rig::with(&["web"], |settings| settings.nodes.truncate(1));
    rig.start(CORMAN);
    rig.run(seconds(60));
    check(
        &mut rig,
        &expect![[r#"
               0.000 corman info: Local status now set to: 'up'
               0.000 corman info: Comm_now_up(): updating status to active
               0.000 corman info: Local status now set to: 'active'
               0.000 corman info: local resource transition completed.
               0.000 corman info: Initial resource acquisition complete (T_RESOURCES(us))
               0.000 corman ==> web Held
               0.000 corman info: Link corman:eth0 up.
               0.000 corman info: Link corman:eth2 up.
               0.000 corman info: Local Resource acquisition completed.
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
    for command in [Command::Standby(Hold::ALL), Command::Takeover(Hold::ALL)] {
        rig.command(CORMAN, command);
        assert_eq!(rig.runs(0), [true, false]);
    }
    rig.command(CORMAN, Command::Shutdown);
    rig.run(seconds(1));
    assert_eq!(rig.runs(0), [false, false]);
    assert!(rig.nodes[CORMAN].is_none());
}

#[test]
fn a_ping_node_that_never_answers_holds_a_start_up_for_initdead() {
    let mut rig = Rig::with(&["web"], Rig::ping_node);
    rig.ping = false;
    rig.start(CORMAN);
    rig.start(RABIUS);
    rig.run(millis(19_999));
    assert_eq!(rig.runs(0), [false, false]);
    rig.run(millis(1));
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
            20.000 corman WARN: node 192.168.1.1: is dead
            20.000 corman info: Comm_now_up(): updating status to active
            20.000 corman info: Local status now set to: 'active'
            20.000 rabius info: Status update for node corman: status active
            20.000 rabius WARN: node 192.168.1.1: is dead
            20.000 rabius info: Comm_now_up(): updating status to active
            20.000 rabius info: Local status now set to: 'active'
            20.000 corman info: Status update for node rabius: status active
            20.000 corman info: local resource transition completed.
            20.000 corman info: Initial resource acquisition complete (T_RESOURCES(us))
            20.000 corman ==> web Held
            20.000 rabius info: local resource transition completed.
            20.000 rabius info: Initial resource acquisition complete (T_RESOURCES(us))
            20.000 rabius info: No local resources [/usr/share/heartbeat/ResourceManager listkeys rabius] to acquire.
            20.000 rabius info: Local Resource acquisition completed.
            20.000 corman info: Local Resource acquisition completed.
            20.000 rabius info: remote resource transition completed.
            20.000 corman info: remote resource transition completed.
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
}

#[test]
fn a_ping_node_is_heard_told_and_missed() {
    let mut rig = Rig::with(&["web"], Rig::ping_node);
    rig.start(CORMAN);
    rig.start(RABIUS);
    rig.run(seconds(5));
    assert_eq!(rig.runs(0), [true, false]);
    let _ = rig.take();
    rig.ping = false;
    rig.run(seconds(20));
    rig.ping = true;
    rig.run(seconds(5));
    check(
        &mut rig,
        &expect![[r#"
              14.000 corman WARN: node 192.168.1.1: is dead
              14.000 corman info: Link 192.168.1.1:192.168.1.1 dead.
              14.000 rabius WARN: node 192.168.1.1: is dead
              14.000 rabius info: Link 192.168.1.1:192.168.1.1 dead.
              26.000 corman info: Link 192.168.1.1:192.168.1.1 up.
              26.000 corman info: Status update for node 192.168.1.1: status ping
              26.000 rabius info: Link 192.168.1.1:192.168.1.1 up.
              26.000 rabius info: Status update for node 192.168.1.1: status ping
        "#]],
    );
    // A token that was never given out is no sign of life.
    let ping = rig.node(CORMAN).config().nodes(NodeKind::Ping).next().expect("there is one");
    let before = rig.node(CORMAN).nodes().last().expect("the ping node").heard_at;
    rig.run(millis(500));
    for (node, token) in [(ping, 0), (ping, 12_345), (NodeId(1), 12_345)] {
        rig.event(CORMAN, Event::Replied { node, token });
    }
    assert_eq!(rig.node(CORMAN).nodes().last().expect("the ping node").heard_at, before);
}

#[test]
fn what_runs_already_at_the_start_is_kept_by_the_one_that_shall_have_it() {
    let mut rig = Rig::new();
    rig.start(CORMAN);
    rig.event(CORMAN, Event::Found { group: GroupId(0) });
    rig.start(RABIUS);
    rig.run(seconds(5));
    let told = rig.take();
    assert!(told.contains("Something of group web runs already"), "{told}");
    assert!(told.contains("corman ==> web Held"), "it is ordered, so that it is announced: {told}");
    assert!(!told.contains("web Released"), "{told}");
}

#[test]
fn what_runs_already_is_released_when_the_other_node_holds_it() {
    let mut rig = Rig::settled();
    rig.kill(RABIUS);
    rig.start(RABIUS);
    rig.event(RABIUS, Event::Found { group: GroupId(0) });
    rig.run(seconds(5));
    check(
        &mut rig,
        &expect![[r#"
            5.000 rabius info: Something of group web runs already; it is kept until the nodes have agreed.
            5.000 rabius info: Local status now set to: 'up'
            5.000 rabius info: Link rabius:eth0 up.
            5.000 rabius info: Link rabius:eth2 up.
            5.000 rabius info: Link corman:eth0 up.
            5.000 rabius info: Status update for node corman: status active
            5.000 rabius info: Link corman:eth2 up.
            5.000 corman info: Heartbeat restart on node rabius
            5.000 corman info: Status update for node rabius: status up
            5.000 rabius info: Comm_now_up(): updating status to active
            5.000 rabius info: Local status now set to: 'active'
            5.000 corman info: Status update for node rabius: status active
            5.000 rabius WARN: What ran of group web is not ours to run: released.
            5.000 rabius ==> web Released
            5.000 rabius info: remote resource transition completed.
            5.000 rabius info: remote resource transition completed.
            5.000 rabius info: No local resources [/usr/share/heartbeat/ResourceManager listkeys rabius] to acquire.
            5.000 rabius info: Initial resource acquisition complete (T_RESOURCES(them))
            5.000 rabius info: Local Resource acquisition completed.
            5.000 corman info: remote resource transition completed.
        "#]],
    );
}

#[test]
fn what_runs_already_is_released_after_initdead_if_nobody_has_decided() {
    let mut rig = Rig::settled();
    rig.kill(RABIUS);
    // It hears nobody and is heard: no agreement for a while.
    rig.cut[CORMAN] = [true; 2];
    rig.start(RABIUS);
    rig.event(RABIUS, Event::Found { group: GroupId(0) });
    rig.split = true;
    rig.run(millis(19_999));
    let told = rig.take();
    assert!(!told.contains("rabius ==> web"), "{told}");
}
