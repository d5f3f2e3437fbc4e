//! What arrives: recordings, originals, losses, and everything that is not believed.

extern crate std;

use std::string::String;
use std::vec::Vec;

use expect_test::{Expect, expect};

use super::rig::{CORMAN, RABIUS, Rig, frame, keys, millis, read, seconds};
use crate::id::{Fingerprint, Generation, Sequence};
use crate::limits::{FRAME_MAX, HISTORY_MAX};
use crate::notice::Reject;
use crate::wire::{Encoding, Hold, Info, Message, NakReason, Status, Step, Writer};

fn check(rig: &mut Rig, expected: &Expect) {
    let told: String = rig.take();
    expected.assert_eq(&told);
}

/// An authentic frame of just these fields.
fn written(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut buffer = [0; FRAME_MAX];
    let keys = keys();
    let encoding = Encoding::Netstring { inner: false };
    let mut writer = Writer::new(&mut buffer, encoding, &keys).expect("the buffer is large");
    for (name, value) in fields {
        writer.text(name, value).expect("the buffer is large");
    }
    let length = writer.finish().expect("the buffer is large");
    buffer[..length].to_vec()
}

/// A beat of an original: nothing of our own fields.
fn original(status: Status, acks: bool) -> Message {
    Message::Status { status, deadtime: seconds(10), acks, config: None, hears: None }
}

#[test]
fn an_original_without_flow_control_is_accepted() {
    let mut rig = Rig::new();
    rig.start(CORMAN);
    let mut number = 0;
    let mut say = |rig: &mut Rig, message| {
        number += 1;
        rig.inject(CORMAN, &frame("rabius", 1_258_000_000, number, message));
    };
    rig.run(seconds(1));
    for status in [Status::Init, Status::Up, Status::Active] {
        say(&mut rig, original(status, false));
    }
    say(&mut rig, Message::Starting);
    let (hold, stable) = (Hold::NONE, Some(false));
    say(&mut rig, Message::Resource { hold, full: true, stable, info: Info::Absent });
    rig.run(seconds(1));
    let (hold, stable) = (Hold::LOCAL, Some(true));
    say(&mut rig, Message::Resource { hold, full: true, stable, info: Info::Absent });
    check(
        &mut rig,
        &expect![[r#"
               0.000 corman info: Local status now set to: 'up'
               0.000 corman info: Link corman:eth0 up.
               0.000 corman info: Link corman:eth2 up.
               1.000 corman info: Link rabius:eth0 up.
               1.000 corman info: Status update for node rabius: status init
               1.000 corman info: flow control disabled due to different version heartbeat
               1.000 corman info: Comm_now_up(): updating status to active
               1.000 corman info: Local status now set to: 'active'
               1.000 corman info: Status update for node rabius: status up
               1.000 corman info: Status update for node rabius: status active
               1.000 corman info: local resource transition completed.
               1.000 corman info: Initial resource acquisition complete (T_RESOURCES(us))
               1.000 corman ==> web Held
               1.000 corman info: Local Resource acquisition completed.
               2.000 corman info: remote resource transition completed.
        "#]],
    );
    assert_eq!(rig.runs(0), [true, false]);
    say(&mut rig, Message::AskResources { set: Hold::ALL, step: Step::Me });
    say(&mut rig, Message::AskResources { set: Hold::ALL, step: Step::Done });
    assert_eq!(rig.node(CORMAN).hold(), Hold::ALL);
    // Nothing is acknowledged to a node that knows no flow control.
    let acks =
        rig.recorded[CORMAN].iter().filter(|sent| matches!(read(sent).1, Message::Ack { .. }));
    assert_eq!(acks.count(), 0);
}

#[test]
fn an_original_that_returns_from_a_split_restarts_and_is_met_as_a_new_one() {
    let mut rig = Rig::new();
    rig.start(CORMAN);
    let beat = |number| frame("rabius", 300, number, original(Status::Active, false));
    rig.inject(CORMAN, &beat(1));
    rig.run(seconds(14));
    assert!(rig.take().contains("node rabius: is dead"));
    rig.inject(CORMAN, &beat(9));
    let told = rig.take();
    assert!(told.contains("CRIT: Cluster node rabius returning after partition."), "{told}");
    rig.inject(CORMAN, &frame("rabius", 300, 10, Message::Shutdone));
    rig.run(seconds(12));
    rig.inject(CORMAN, &frame("rabius", 301, 1, original(Status::Init, false)));
    let told = rig.take();
    assert!(told.contains("Heartbeat restart on node rabius"), "{told}");
    assert!(!told.contains("partition"), "{told}");
    assert_eq!(rig.runs(0), [true, false]);
}

#[test]
fn recordings_of_this_life_are_worth_nothing() {
    let mut rig = Rig::settled();
    rig.run(seconds(20));
    let sent = rig.recorded[RABIUS].clone();
    rig.kill(RABIUS);
    rig.run(seconds(12));
    assert_eq!(rig.node(CORMAN).hold(), Hold::ALL);
    let _ = rig.take();
    for recording in &sent {
        rig.inject(CORMAN, recording);
    }
    let seen = rig.node(CORMAN).nodes().nth(1).expect("rabius");
    assert_eq!(seen.status, Status::Dead);
    let told = rig.take();
    assert!(!told.contains("Status update") && !told.contains("Both machines"), "{told}");
}

#[test]
fn recordings_of_an_older_life_are_told_as_replays_also_after_a_restart() {
    let mut rig = Rig::settled();
    let sent = rig.recorded[RABIUS].clone();
    rig.kill(RABIUS);
    rig.start(RABIUS);
    rig.run(seconds(5));
    for restarted in [false, true] {
        if restarted {
            rig.kill(CORMAN);
            rig.kill(RABIUS);
            rig.start(CORMAN);
            rig.run(seconds(1));
        }
        let _ = rig.take();
        let before = rig.node(CORMAN).rejected(Reject::Replayed);
        for recording in &sent {
            rig.inject(CORMAN, recording);
        }
        let told = rig.take();
        assert_eq!(told.lines().count(), 1, "told once, counted always: {told}");
        assert!(
            told.contains("attempted replay attack [rabius]? [gen = 201, curgen = 202]"),
            "{told}"
        );
        let count = u64::try_from(sent.len()).expect("few frames");
        assert_eq!(rig.node(CORMAN).rejected(Reject::Replayed) - before, count);
    }
}

#[test]
fn a_recording_of_the_newest_life_does_not_raise_the_dead_for_a_node_that_restarted() {
    let mut rig = Rig::settled();
    rig.run(seconds(60));
    let sent = rig.recorded[RABIUS].clone();
    rig.kill(RABIUS);
    rig.kill(CORMAN);
    rig.start(CORMAN);
    rig.run(seconds(1));
    for recording in &sent {
        rig.inject(CORMAN, recording);
    }
    let seen = rig.node(CORMAN).nodes().nth(1).expect("rabius");
    assert_eq!((seen.status, seen.heard_at), (Status::Init, None));
    let told = rig.take();
    assert_eq!(told.matches("does not show that it hears us").count(), 1, "{told}");
    let unproven = u64::try_from(sent.len()).expect("few frames");
    assert_eq!(rig.node(CORMAN).rejected(Reject::Unproven), unproven);
    rig.run(seconds(20));
    assert_eq!(rig.runs(0), [true, false], "it goes on alone");
}

#[test]
fn a_few_unproven_frames_are_normal_and_not_told() {
    let mut rig = Rig::new();
    rig.start(CORMAN);
    rig.run(seconds(1));
    let deaf = Message::Status {
        status: Status::Active,
        deadtime: seconds(10),
        acks: true,
        config: Some(Fingerprint(0)),
        hears: Some(Generation(0)),
    };
    let _ = rig.take();
    for number in 1..20 {
        rig.inject(CORMAN, &frame("rabius", 300, number, deaf));
    }
    assert_eq!(rig.take(), "");
    rig.inject(CORMAN, &frame("rabius", 300, 20, deaf));
    check(
        &mut rig,
        &expect![[r#"
               1.000 corman WARN: A packet of rabius does not show that it hears us: not believed until one does.
        "#]],
    );
}

#[test]
fn configurations_that_differ_are_told_once_and_their_agreement_once() {
    let mut rig = Rig::new();
    rig.start_with(CORMAN, |settings| settings.fingerprint = Fingerprint(1));
    rig.start_with(RABIUS, |settings| settings.fingerprint = Fingerprint(2));
    rig.run(seconds(30));
    let told = rig.take();
    for (node, other) in [("corman", "rabius"), ("rabius", "corman")] {
        let line = std::format!("{node} ERROR: ha.cf or haresources on {other} differ from ours");
        assert_eq!(told.matches(&line).count(), 1, "{told}");
    }
    assert_eq!(rig.node(CORMAN).configuration_differs(), Some(true));
    rig.kill(RABIUS);
    rig.start_with(RABIUS, |settings| settings.fingerprint = Fingerprint(1));
    rig.run(seconds(30));
    let told = rig.take();
    assert_eq!(told.matches("are the same as ours now").count(), 1, "{told}");
    assert!(!told.contains("differ"), "{told}");
    assert_eq!(rig.node(CORMAN).configuration_differs(), Some(false));
}

#[test]
fn a_lost_message_is_asked_for_and_sent_again() {
    let mut rig = Rig::settled();
    rig.lose[RABIUS] = 1;
    rig.run(millis(4_400));
    check(
        &mut rig,
        &expect![[r#"
               8.000 corman WARN: 1 lost packet(s) for [rabius] [12:14]
               8.182 corman info: No pkts missing from rabius!
        "#]],
    );
}

#[test]
fn what_cannot_be_sent_again_is_lost_for_good() {
    let mut rig = Rig::settled();
    let (newest, generation) = (rig.node(CORMAN).nodes().nth(1).expect("rabius").sequence, 201);
    let newest = newest.expect("rabius was heard").0;
    // The frame that reveals the gap is not rabius' own, so it never had the others.
    let late = original(Status::Active, true);
    rig.inject(CORMAN, &frame("rabius", generation, newest + 3, late));
    let sequence = Sequence(newest + 1);
    for reason in [NakReason::TooLow, NakReason::NotFound] {
        let nak = Message::Nak { sequence, reason };
        rig.inject(CORMAN, &frame("rabius", generation, 0, nak));
    }
    check(
        &mut rig,
        &expect![[r#"
               5.000 corman WARN: 2 lost packet(s) for [rabius] [12:15]
               5.000 corman ERROR: Irretrievably lost packet: node rabius seq 13
        "#]],
    );
}

#[test]
fn a_request_of_what_is_gone_is_answered_with_a_nak() {
    let mut rig = Rig::settled();
    rig.cut_all(true);
    rig.split = true;
    for _ in 0..HISTORY_MAX + 100 {
        rig.run(seconds(2));
    }
    let _ = rig.take();
    rig.recorded[CORMAN].clear();
    let (first, last) = (Sequence(40), Sequence(41));
    let message = Message::RexmitRequest { first, last };
    rig.inject(CORMAN, &frame("rabius", 201, 0, message));
    check(
        &mut rig,
        &expect![[r#"
            1205.000 corman info: Link rabius:eth0 up.
            1205.000 corman ERROR: Cannot rexmit pkt 40 for rabius: seqno too low
        "#]],
    );
    let answers: Vec<_> = rig.recorded[CORMAN].iter().map(|sent| read(sent).1).collect();
    let naks = [first, last].map(|sequence| Message::Nak { sequence, reason: NakReason::TooLow });
    // Which reason is a text for people: it is not read back.
    assert_eq!(answers.len(), naks.len());
    for (answer, nak) in answers.iter().zip(&naks) {
        let (Message::Nak { sequence, .. }, Message::Nak { sequence: wanted, .. }) = (answer, nak)
        else {
            panic!("{answer:?} is no NAK");
        };
        assert_eq!(sequence, wanted);
    }
}

#[test]
fn a_request_of_what_was_never_sent_is_told_and_ignored() {
    let mut rig = Rig::settled();
    rig.recorded[CORMAN].clear();
    for (first, last) in [(5_000, 5_001), (u64::MAX, u64::MAX), (0, u64::MAX), (9, 3)] {
        let message = Message::RexmitRequest { first: Sequence(first), last: Sequence(last) };
        rig.inject(CORMAN, &frame("rabius", 201, 0, message));
    }
    check(
        &mut rig,
        &expect![[r#"
            5.000 corman WARN: Rexmit of seq 5000 requested. 13 is max.
            5.000 corman WARN: packet on eth0 dropped: a field is missing or senseless
        "#]],
    );
}

#[test]
fn what_was_just_sent_again_is_not_sent_again_at_once() {
    let mut rig = Rig::settled();
    rig.run(seconds(1));
    let last = rig.node(CORMAN).nodes().next().expect("corman").sequence.expect("it has spoken");
    rig.recorded[CORMAN].clear();
    let message = Message::RexmitRequest { first: last, last };
    let request = frame("rabius", 201, 0, message);
    // The request comes once per link.
    rig.inject(CORMAN, &request);
    rig.inject(CORMAN, &request);
    assert_eq!(rig.recorded[CORMAN].len(), 1);
    rig.run(millis(240));
    rig.recorded[CORMAN].clear();
    rig.inject(CORMAN, &request);
    assert_eq!(rig.recorded[CORMAN].len(), 1);
}

#[test]
fn the_largest_sequence_number_does_no_harm() {
    let mut rig = Rig::settled();
    for number in [u64::MAX - 3, u64::MAX, u64::MAX - 1, u64::MAX - 2] {
        let beat = original(Status::Active, true);
        rig.inject(CORMAN, &frame("rabius", 201, number, beat));
    }
    let told = rig.take();
    assert!(told.contains("lost a lot of packets!"), "{told}");
    assert!(told.contains("No pkts missing from rabius!"), "{told}");
}

#[test]
fn a_starting_that_comes_late_does_not_undo_what_was_reported_after_it() {
    let mut rig = Rig::settled();
    rig.kill(RABIUS);
    rig.run(seconds(12));
    let _ = rig.take();
    rig.start(RABIUS);
    // Its `starting` is lost on both links, and comes when all has been agreed.
    let mut lost = Vec::new();
    for _ in 0..100 {
        rig.run(millis(100));
        lost = rig.recorded[RABIUS]
            .iter()
            .filter(|sent| read(sent).1 == Message::Starting)
            .cloned()
            .collect();
        if lost.len() > 1 {
            break;
        }
    }
    assert_eq!(lost.len(), 2, "one in each life");
    rig.run(seconds(5));
    assert!(!rig.node(CORMAN).in_transition());
    let mut late = Rig::settled();
    late.run(seconds(3));
    let number = late.node(CORMAN).nodes().nth(1).expect("rabius").sequence.expect("heard").0;
    let stable =
        Message::Resource { hold: Hold::LOCAL, full: true, stable: Some(true), info: Info::Absent };
    late.cut[RABIUS] = [true; 2];
    late.inject(CORMAN, &frame("rabius", 201, number + 2, stable));
    late.inject(CORMAN, &frame("rabius", 201, number + 1, Message::Starting));
    late.recorded[CORMAN].clear();
    late.command(CORMAN, crate::event::Command::Standby(Hold::LOCAL));
    let told = late.take();
    assert!(told.contains("wants to go standby"), "{told}");
}

#[test]
fn what_is_not_believed_is_counted_by_its_reason_and_told_now_and_then() {
    let mut rig = Rig::settled();
    let good = rig.recorded[RABIUS].last().expect("it has spoken").clone();
    let mut forged = good.clone();
    let at = forged.len() - 3;
    forged[at] ^= 1;
    let stranger = frame("mallory", 1, 1, Message::Starting);
    let ourselves = frame("corman", 99, 1, Message::Starting);
    let unnumbered =
        written(&[("t", "starting"), ("src", "rabius"), ("hg", "c9"), ("ts", "4afc0b80")]);
    let undated = written(&[("t", "starting"), ("src", "rabius"), ("seq", "ffff"), ("hg", "c9")]);
    let cases = [
        (Reject::Malformed, std::vec![0xff; 5]),
        (Reject::Malformed, std::vec![]),
        (Reject::Unauthenticated, forged),
        (Reject::UnknownNode, stranger),
        (Reject::Ourselves, ourselves),
        (Reject::Incomplete, unnumbered),
        (Reject::Incomplete, undated),
    ];
    for (why, datagram) in &cases {
        let before = rig.node(CORMAN).rejected(*why);
        for _ in 0..5 {
            rig.inject(CORMAN, datagram);
        }
        assert_eq!(rig.node(CORMAN).rejected(*why), before + 5, "{why:?}");
    }
    rig.run(seconds(61));
    rig.inject(CORMAN, &[0xff; 5]);
    check(
        &mut rig,
        &expect![[r#"
            5.000 corman WARN: packet on eth0 dropped: it is not a heartbeat frame
            5.000 corman WARN: packet on eth0 dropped: failed authentication
            5.000 corman WARN: packet on eth0 dropped: bad node in message: its source is no node of ha.cf
            5.000 corman WARN: packet on eth0 dropped: it bears our own name and is none of ours
            5.000 corman WARN: packet on eth0 dropped: a field is missing or senseless
            66.000 corman WARN: 9 more packet(s) dropped: it is not a heartbeat frame
            66.000 corman WARN: packet on eth0 dropped: it is not a heartbeat frame
        "#]],
    );
}

#[test]
fn a_message_that_cannot_be_read_counts_and_is_not_asked_for_again() {
    let mut rig = Rig::settled();
    let peer = rig.node(CORMAN).nodes().nth(RABIUS).expect("rabius");
    let next = std::format!("{:x}", peer.sequence.expect("it is heard").0 + 1);
    let generation = std::format!("{:x}", peer.generation.expect("it is heard").0);
    let fields = [
        ("t", "ask_resources"),
        ("rsc_hold", "everything"),
        ("info", "me"),
        ("src", "rabius"),
        ("seq", &next),
        ("hg", &generation),
        ("ts", "4b000000"),
    ];
    rig.inject(CORMAN, &written(&fields));
    let heard = rig.node(CORMAN).nodes().nth(RABIUS).expect("rabius").sequence;
    assert_eq!(heard.map(|sequence| sequence.0), peer.sequence.map(|sequence| sequence.0 + 1));
    rig.recorded[CORMAN].clear();
    rig.kill(RABIUS);
    rig.run(seconds(1));
    let asked = |frame: &Vec<u8>| matches!(read(frame).1, Message::RexmitRequest { .. });
    assert!(!rig.recorded[CORMAN].iter().any(asked));
}
