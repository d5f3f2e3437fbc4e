//! The ring of sent messages: its wrap, and what each request finds.

use super::{History, Lookup};
use crate::action::Transmission;
use crate::id::{NodeId, Sequence};
use crate::limits::HISTORY_MAX;
use crate::time::Instant;
use crate::wire::{Message, NakReason};

const RING: u64 = HISTORY_MAX as u64;

fn starting() -> Transmission {
    Transmission { sequence: None, to: None, message: Message::Starting }
}

/// A history of `count` messages.
fn history(count: u64) -> History {
    let mut history = History::new();
    for number in 1..=count {
        assert_eq!(history.keep(starting()).sequence, Some(Sequence(number)));
    }
    history
}

#[test]
fn numbers_begin_at_one_and_rise_by_one_whomever_a_message_is_for() {
    let mut history = History::new();
    assert_eq!(history.last(), Sequence(0));
    let to = Some(NodeId(1));
    let first = history.keep(starting());
    let second = history.keep(Transmission { to, message: Message::ReqNodes, sequence: None });
    assert_eq!((first.sequence, second.sequence), (Some(Sequence(1)), Some(Sequence(2))));
    assert_eq!(history.last(), Sequence(2));
    assert_eq!(history.look_up(Sequence(2)), Lookup::Kept(second));
    assert_eq!((second.to, second.message), (to, Message::ReqNodes));
}

#[test]
#[should_panic(expected = "only numbered messages are kept")]
fn a_message_without_a_number_is_not_kept() {
    let message = Message::Ack { sequence: Sequence(1) };
    let _ = History::new().keep(Transmission { sequence: None, to: None, message });
}

#[test]
fn the_newest_message_takes_the_place_of_the_oldest() {
    let mut whole = history(RING);
    assert!(matches!(whole.look_up(Sequence(1)), Lookup::Kept(_)));
    let mut full = history(RING + 1);
    assert_eq!(full.look_up(Sequence(1)), Lookup::Gone(NakReason::TooLow));
    for number in 2..=RING + 1 {
        let Lookup::Kept(kept) = full.look_up(Sequence(number)) else {
            panic!("{number} is kept");
        };
        assert_eq!(kept.sequence, Some(Sequence(number)));
    }
}

#[test]
fn after_many_rounds_exactly_the_newest_are_kept() {
    let last = 3 * RING + 17;
    let mut history = history(last);
    let kept = |number: &u64| matches!(history.look_up(Sequence(*number)), Lookup::Kept(_));
    assert!((1..=last).filter(kept).eq(last - RING + 1..=last));
}

#[test]
fn what_was_never_sent_is_unsent() {
    assert_eq!(History::new().look_up(Sequence(1)), Lookup::Unsent);
    let mut three = history(3);
    assert_eq!(three.look_up(Sequence(4)), Lookup::Unsent);
    assert_eq!(three.look_up(Sequence(u64::MAX)), Lookup::Unsent);
}

#[test]
fn what_was_acknowledged_is_not_sent_again() {
    let mut history = history(20);
    history.acknowledge(Sequence(10));
    assert_eq!(history.look_up(Sequence(10)), Lookup::Acknowledged);
    assert!(matches!(history.look_up(Sequence(11)), Lookup::Kept(_)));
    // An older acknowledgement that comes late takes nothing back.
    history.acknowledge(Sequence(5));
    assert_eq!(history.look_up(Sequence(10)), Lookup::Acknowledged);
    // Acknowledged wins over gone: the other node has it.
    for _ in 0..RING {
        let _ = history.keep(starting());
    }
    assert_eq!(history.look_up(Sequence(10)), Lookup::Acknowledged);
    assert_eq!(history.look_up(Sequence(11)), Lookup::Gone(NakReason::TooLow));
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_ignored() {
    let mut history = history(5);
    for beyond in [6, u64::MAX] {
        history.acknowledge(Sequence(beyond));
        assert!(matches!(history.look_up(Sequence(1)), Lookup::Kept(_)), "{beyond}");
    }
    history.acknowledge(Sequence(5));
    assert_eq!(history.look_up(Sequence(5)), Lookup::Acknowledged);
}

#[test]
fn a_new_life_of_the_other_node_makes_its_acknowledgements_void() {
    let mut history = history(20);
    history.acknowledge(Sequence(20));
    history.forget_acknowledgements();
    assert!(matches!(history.look_up(Sequence(20)), Lookup::Kept(_)));
}

#[test]
fn a_message_is_sent_again_once_in_240_milliseconds() {
    let mut history = history(2);
    let at = Instant::from_micros;
    assert!(history.may_resend(at(0), Sequence(1)));
    assert!(!history.may_resend(at(239_999), Sequence(1)));
    assert!(history.may_resend(at(239_999), Sequence(2)), "each on its own");
    assert!(history.may_resend(at(240_000), Sequence(1)));
    assert!(!history.may_resend(at(479_999), Sequence(1)));
    // The next message in the same place is a new one.
    for _ in 0..RING {
        let _ = history.keep(starting());
    }
    assert!(history.may_resend(at(479_999), Sequence(RING + 1)));
}
