//! What is believed, and who is missed.

use super::{Belief, Change, Membership, UNPROVEN_TOLERATED};
use crate::config::{Config, Incarnation, NodeKind, NodeSettings, Settings, Timing};
use crate::id::{Fingerprint, Generation, LinkId, Name, NodeId, Sequence};
use crate::random::Random;
use crate::time::{Duration, Instant};
use crate::wire::{Hold, Info, Message, NakReason, Status, Step, StonithResult};

const ME: NodeId = NodeId(0);
const OTHER: NodeId = NodeId(1);
const PING: NodeId = NodeId(2);
const MINE: Generation = Generation(700);
/// The generation of the other node that is believed, where one is.
const BELIEVED: Generation = Generation(50);
const START: Instant = Instant::from_micros(1_000_000);
const DEADTIME: Duration = Duration::from_secs(10);
const INITDEAD: Duration = Duration::from_secs(20);

fn config() -> Config {
    let timing = Timing::of(Duration::from_secs(2), DEADTIME);
    let mut settings =
        Settings::pair(["corman", "rabius"], ME, &["eth0", "eth2"], &["web"], timing);
    let name = Name::try_from("192.168.1.1").expect("a short name");
    settings.nodes.push(NodeSettings { name, kind: NodeKind::Ping }).expect("there is room");
    Config::new(settings).expect("it holds together")
}

fn fresh(on_record: Generation) -> Membership {
    let incarnation =
        Incarnation { generation: MINE, uuid: [7; 16], peer_generation: on_record, seed: 1 };
    Membership::new(&config(), &incarnation, START, &mut Random::new(1))
}

/// A membership that believes [`BELIEVED`].
fn believing() -> Membership {
    let mut membership = fresh(Generation(0));
    let message = status(Some(MINE));
    assert_eq!(membership.judge(BELIEVED, MINE, &message), Belief::NewLife);
    assert!(!membership.begin_life(BELIEVED, true), "none was believed before");
    membership
}

const fn status(hears: Option<Generation>) -> Message {
    Message::Status {
        status: Status::Active,
        deadtime: DEADTIME,
        acks: true,
        config: Some(Fingerprint(1)),
        hears,
    }
}

/// Every message that is no `status`.
const REST: [Message; 12] = [
    Message::Ack { sequence: Sequence(1) },
    Message::RexmitRequest { first: Sequence(1), last: Sequence(1) },
    Message::Nak { sequence: Sequence(1), reason: NakReason::TooLow },
    Message::ReqNodes,
    Message::RepNodes,
    Message::Starting,
    Message::Resource { hold: Hold::ALL, full: true, stable: Some(true), info: Info::Absent },
    Message::AskResources { set: Hold::ALL, step: Step::Done },
    Message::TakeoverRequest { set: Hold::ALL },
    Message::Shutdone,
    Message::Stonith { node: ME, result: StonithResult::Unneeded },
    Message::Other,
];

#[test]
fn a_generation_that_is_over_is_a_replay_whatever_is_said() {
    let messages = [None, Some(MINE), Some(Generation(699))].map(status);
    for message in messages.iter().chain(&REST) {
        for older in [0, 1, 49] {
            let belief = believing().judge(Generation(older), MINE, message);
            assert_eq!(belief, Belief::Replayed, "{message:?} of {older}");
        }
        let belief = fresh(BELIEVED).judge(Generation(49), MINE, message);
        assert_eq!(belief, Belief::Replayed, "{message:?} before the record");
    }
}

#[test]
fn the_generation_that_is_believed_needs_no_proof() {
    let messages = [None, Some(MINE), Some(Generation(699))].map(status);
    for message in messages.iter().chain(&REST) {
        assert_eq!(believing().judge(BELIEVED, MINE, message), Belief::Known, "{message:?}");
    }
}

#[test]
fn a_new_life_shows_that_it_hears_us_or_comes_from_an_original() {
    let newer = Generation(51);
    for hears in [None, Some(MINE)] {
        let belief = believing().judge(newer, MINE, &status(hears));
        assert_eq!(belief, Belief::NewLife, "{hears:?}");
        // The same at first contact, with the generation on record or without.
        for record in [Generation(0), newer] {
            let belief = fresh(record).judge(newer, MINE, &status(hears));
            assert_eq!(belief, Belief::NewLife, "{hears:?} with {record} on record");
        }
    }
}

#[test]
fn a_new_life_that_hears_somebody_else_or_says_something_else_is_unproven() {
    let deaf = [Generation(0), Generation(699), Generation(701)].map(|heard| status(Some(heard)));
    for message in deaf.iter().chain(&REST) {
        let unproven = Belief::Unproven { worth_telling: false };
        assert_eq!(believing().judge(Generation(51), MINE, message), unproven, "{message:?}");
        assert_eq!(fresh(BELIEVED).judge(BELIEVED, MINE, message), unproven, "{message:?}");
    }
}

#[test]
fn one_of_many_unproven_frames_is_worth_telling() {
    let mut membership = fresh(Generation(0));
    let message = status(Some(Generation(699)));
    for count in 1..=100 {
        let belief = membership.judge(BELIEVED, MINE, &message);
        let worth_telling = count == UNPROVEN_TOLERATED;
        assert_eq!(belief, Belief::Unproven { worth_telling }, "{count}");
    }
    // A new life begins to count anew.
    assert_eq!(membership.judge(BELIEVED, MINE, &status(Some(MINE))), Belief::NewLife);
    let _ = membership.begin_life(BELIEVED, true);
    let told = |_: &u32| {
        membership.judge(Generation(60), MINE, &message) == Belief::Unproven { worth_telling: true }
    };
    assert!((1..=100).filter(told).eq([UNPROVEN_TOLERATED]));
}

#[test]
fn an_unproven_frame_of_a_newer_generation_ends_the_older_one() {
    let mut membership = believing();
    let deaf = status(Some(Generation(0)));
    let unproven = Belief::Unproven { worth_telling: false };
    assert_eq!(membership.judge(Generation(52), MINE, &deaf), unproven);
    assert_eq!(membership.other.newest, Generation(52));
    assert_eq!(membership.judge(BELIEVED, MINE, &status(Some(MINE))), Belief::Replayed);
    assert_eq!(membership.judge(Generation(51), MINE, &status(None)), Belief::Replayed);
    assert_eq!(membership.judge(Generation(52), MINE, &status(Some(MINE))), Belief::NewLife);
}

#[test]
fn a_new_life_has_nothing_of_the_old_one() {
    let mut membership = believing();
    let other = membership.detector_mut(OTHER);
    let _ = other.hear(START, Status::Active, DEADTIME, DEADTIME);
    membership.other.left = true;
    membership.other.acks = false;
    let mut random = Random::new(2);
    let _ = membership.other.reception.note(START, Sequence(9), DEADTIME, &mut random);
    assert!(membership.begin_life(Generation(51), true), "another one was believed before");
    assert!(membership.other.acks && !membership.other.left);
    assert_eq!(membership.other.reception.last(), None);
    assert_eq!(membership.detector(OTHER).heard_at(), None);
    assert_eq!(membership.other.generation, Generation(51));
}

#[test]
fn only_a_node_held_for_dead_that_is_active_at_once_was_up_behind_a_split() {
    let cases = [(true, true), (true, false), (false, true), (false, false)];
    for (dead, active) in cases {
        let mut membership = believing();
        let _ = membership.detector_mut(OTHER).hear(START, Status::Active, DEADTIME, DEADTIME);
        if dead {
            membership.detector_mut(OTHER).die();
        }
        let _ = membership.begin_life(Generation(51), active);
        let expected = if dead && active { Status::Dead } else { Status::Init };
        assert_eq!(membership.detector(OTHER).status(), expected, "{dead} {active}");
    }
}

fn bury(membership: &mut Membership, now: Instant, patience: Duration) -> heapless::Vec<Change, 8> {
    let mut changes = heapless::Vec::new();
    membership.bury(now, &config(), patience, |change| {
        changes.push(change).expect("few things die at once");
    });
    changes
}

#[test]
fn while_communication_comes_up_nobody_dies_before_initdead() {
    let mut membership = fresh(Generation(0));
    membership.status = Status::Up;
    let due = START.after(INITDEAD);
    assert_eq!(membership.deadline(&config()), Some(due));
    let early = Instant::from_micros(due.as_micros() - 1);
    assert!(bury(&mut membership, early, Duration::ZERO).is_empty());
    let both = [Change::Node(OTHER), Change::Node(PING)];
    assert_eq!(bury(&mut membership, due, Duration::ZERO), both);
    assert!(membership.all_decided(&config()));
    assert!(bury(&mut membership, due.after(INITDEAD), Duration::ZERO).is_empty());
}

#[test]
fn a_dead_node_takes_its_links_with_it() {
    let mut membership = believing();
    membership.status = Status::Active;
    let config = config();
    for node in [OTHER, PING] {
        let detector = membership.detector_mut(node);
        let _ = detector.hear(START, Status::Active, DEADTIME, DEADTIME);
        assert!(detector.hear_link(START, LinkId(0)));
    }
    let late = START.after(Duration::from_secs(1));
    assert!(membership.detector_mut(OTHER).hear_link(late, LinkId(1)));
    let due = START.after(DEADTIME);
    assert_eq!(membership.deadline(&config), Some(due));
    let changes = [
        Change::Node(OTHER),
        Change::Link(OTHER, LinkId(0)),
        Change::Link(OTHER, LinkId(1)),
        Change::Node(PING),
        Change::Link(PING, LinkId(0)),
    ];
    assert_eq!(bury(&mut membership, due, Duration::ZERO), changes);
    assert_eq!(membership.deadline(&config), None);
}

#[test]
fn while_datagrams_wait_deaths_are_put_off() {
    let mut membership = believing();
    membership.status = Status::Active;
    let _ = membership.detector_mut(OTHER).hear(START, Status::Active, DEADTIME, DEADTIME);
    assert!(membership.detector_mut(OTHER).hear_link(START, LinkId(0)));
    let _ =
        membership.detector_mut(PING).hear(START.after(DEADTIME), Status::Ping, DEADTIME, DEADTIME);
    let patience = Duration::from_secs(2);
    let due = START.after(DEADTIME).after(patience);
    let early = Instant::from_micros(due.as_micros() - 1);
    assert!(bury(&mut membership, early, patience).is_empty());
    assert_eq!(bury(&mut membership, due, patience), [Change::Node(OTHER)]);
    // Its link is told when the datagrams have been heard.
    assert_eq!(bury(&mut membership, due, Duration::ZERO), [Change::Link(OTHER, LinkId(0))]);
}

#[test]
fn everybody_must_be_heard_or_dead() {
    let mut membership = believing();
    let config = config();
    assert!(!membership.all_decided(&config));
    let _ = membership.detector_mut(OTHER).hear(START, Status::Up, DEADTIME, DEADTIME);
    assert!(!membership.all_decided(&config), "the ping node is somebody too");
    membership.detector_mut(PING).die();
    assert!(membership.all_decided(&config));
}

#[test]
fn the_list_of_nodes_is_asked_for_once_a_second_until_it_comes() {
    let mut membership = believing();
    let config = config();
    membership.status = Status::Up;
    assert!(!membership.awaits_nodes(), "nobody is there to be asked");
    for node in [OTHER, PING] {
        let _ = membership.detector_mut(node).hear(START, Status::Up, DEADTIME, DEADTIME);
    }
    assert!(membership.awaits_nodes());
    assert!(membership.request_due(START));
    let next = START.after(Duration::from_secs(1));
    assert_eq!(membership.deadline(&config), Some(next));
    assert!(!membership.request_due(Instant::from_micros(next.as_micros() - 1)));
    assert!(membership.request_due(next));
    membership.nodes_known = true;
    assert!(!membership.awaits_nodes());
    assert_eq!(membership.deadline(&config), Some(START.after(INITDEAD)));
}

#[test]
fn a_node_without_flow_control_or_one_that_left_is_not_asked() {
    let mut membership = believing();
    let _ = membership.detector_mut(OTHER).hear(START, Status::Up, DEADTIME, DEADTIME);
    assert!(membership.awaits_nodes());
    membership.other.acks = false;
    assert!(!membership.awaits_nodes());
    membership.other.acks = true;
    membership.other.left = true;
    assert!(!membership.awaits_nodes() && !membership.other_alive());
}

#[test]
fn our_own_links_come_up_once_and_go_with_their_device() {
    let mut membership = fresh(Generation(0));
    assert!(!membership.own_link_up(LinkId(1)));
    assert!(membership.hear_own_link(LinkId(1)));
    assert!(!membership.hear_own_link(LinkId(1)));
    assert!(membership.own_link_up(LinkId(1)) && !membership.own_link_up(LinkId(0)));
    membership.lose_own_link(LinkId(1));
    assert!(!membership.own_link_up(LinkId(1)));
    assert!(membership.hear_own_link(LinkId(1)));
}
