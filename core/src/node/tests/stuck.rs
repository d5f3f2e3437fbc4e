//! Stops that fail or take long, and who may claim a group meanwhile.

extern crate std;

use super::rig::{CORMAN, RABIUS, Rig, frame, seconds};
use crate::event::Command;
use crate::id::{GroupId, NodeId};
use crate::order::Ownership;
use crate::time::Duration;
use crate::wire::{Hold, Message, Status};

const WEB: GroupId = GroupId(0);

#[test]
fn a_node_that_starts_anew_does_not_claim_what_is_still_being_released() {
    let mut rig = Rig::with(&["web", "mail"], |settings| settings.auto_failback = false).up();
    rig.command(CORMAN, Command::Standby(Hold::LOCAL));
    rig.run(seconds(2));
    assert_eq!(rig.runs(0), [false, true]);
    rig.slow = true;
    rig.command(RABIUS, Command::Standby(Hold::FOREIGN));
    rig.kill(CORMAN);
    rig.start(CORMAN);
    rig.run(seconds(5));
    assert_eq!(rig.runs(0), [false, true], "rabius still stops it");
    rig.slow = false;
    rig.finish_scripts();
    rig.run(seconds(30));
    assert_eq!(rig.runs(0), [true, false]);
    assert!(!rig.node(CORMAN).in_transition() && !rig.node(RABIUS).in_transition());
}

#[test]
fn no_good_bye_is_said_while_something_does_not_stop_however_often_it_is_asked_for() {
    let mut rig = Rig::with(&["web", "mail"], |_| {}).up();
    rig.broken.push((CORMAN, WEB, Ownership::Released));
    rig.command(CORMAN, Command::Standby(Hold::ALL));
    // It does not start either: to its procedure it is stuck.
    rig.broken.push((CORMAN, WEB, Ownership::Held));
    rig.command(CORMAN, Command::Takeover(Hold::ALL));
    let _ = rig.take();
    for _ in 0..3 {
        rig.command(CORMAN, Command::Shutdown);
        rig.run(seconds(5));
        let told = rig.take();
        assert!(told.contains("asked again, it is tried again"), "{told}");
        assert!(!told.contains("relinquished"), "{told}");
        assert!(rig.nodes[CORMAN].is_some());
    }
    rig.broken.clear();
    rig.command(CORMAN, Command::Shutdown);
    rig.run(seconds(5));
    assert!(rig.nodes[CORMAN].is_none(), "{}", rig.take());
    assert_eq!(rig.runs(0), [false, true]);
}

#[test]
fn who_says_that_it_is_dead_does_not_live_by_saying_so() {
    let mut rig = Rig::with(&["web", "mail"], |_| {}).up();
    let view = rig.node(RABIUS).nodes().nth(RABIUS).expect("rabius");
    let (generation, sequence) = (view.generation.expect("known"), view.sequence.expect("known"));
    rig.kill(RABIUS);
    for round in 0..11 {
        rig.run(seconds(1));
        let message = Message::Status {
            status: Status::Dead,
            deadtime: Duration::from_secs(10),
            acks: true,
            config: None,
            hears: None,
        };
        rig.inject(CORMAN, &frame("rabius", generation.0, sequence.0 + 1 + round, message));
    }
    let rabius = rig.node(CORMAN).nodes().nth(RABIUS).expect("rabius");
    assert_eq!((rabius.node, rabius.status), (NodeId(1), Status::Dead));
    assert!(rig.take().contains("node rabius: is dead"));
}
