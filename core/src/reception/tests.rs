//! Numbers in any order: gaps, requests and acknowledgements.

use heapless::Vec;

use super::{ACK_EVERY, Arrival, Gap, Reception, first_delay};
use crate::id::Sequence;
use crate::limits::{LOST_MAX, REQUESTS_PER_TURN};
use crate::random::Random;
use crate::time::{Duration, Instant};

const DELAY: Duration = Duration::from_millis(250);
const NOW: Instant = Instant::from_micros(1_000_000);

/// A reception under test, and its dice.
struct Bench {
    reception: Reception,
    random: Random,
}

impl Bench {
    /// One that acknowledges the numbers whose last digit is `trigger`.
    fn new(trigger: u64) -> Self {
        let mut random = Random::new(trigger);
        let reception = Reception { trigger, ..Reception::new(&mut random) };
        Self { reception, random }
    }

    fn note(&mut self, sequence: u64) -> Arrival {
        self.reception.note(NOW, Sequence(sequence), DELAY, &mut self.random)
    }

    /// Notes it and says what is acknowledged.
    fn ack(&mut self, sequence: u64) -> Option<u64> {
        let arrival = self.note(sequence);
        self.reception.acknowledgement(Sequence(sequence), arrival).map(|acked| acked.0)
    }

    fn missing(&self) -> Vec<u64, LOST_MAX> {
        self.reception.missing.iter().map(|missing| missing.sequence.0).collect()
    }
}

fn lost(after: u64, count: u64) -> Arrival {
    Arrival::New(Gap::Lost { after: Sequence(after), count })
}

#[test]
fn the_first_number_is_taken_whatever_it_is() {
    for first in [1, 70, u64::MAX] {
        let mut bench = Bench::new(0);
        assert_eq!(bench.reception.last(), None);
        assert_eq!(bench.note(first), Arrival::New(Gap::None));
        assert_eq!(bench.reception.last(), Some(Sequence(first)));
        assert!(bench.missing().is_empty());
    }
}

#[test]
fn each_number_comes_once_per_link_and_is_new_once() {
    let mut bench = Bench::new(0);
    for number in 1..=30 {
        assert_eq!(bench.note(number), Arrival::New(Gap::None));
        assert_eq!(bench.note(number), Arrival::Duplicate);
    }
    assert_eq!(bench.note(29), Arrival::Old);
    assert_eq!(bench.note(1), Arrival::Old);
}

#[test]
fn a_gap_is_noted_and_each_of_its_numbers_is_still_welcome() {
    let mut bench = Bench::new(0);
    let _ = bench.note(5);
    assert_eq!(bench.note(9), lost(5, 3));
    assert_eq!(bench.missing(), [6, 7, 8]);
    assert_eq!(bench.note(7), Arrival::New(Gap::Filled));
    assert_eq!(bench.note(7), Arrival::Old, "it is delivered once");
    assert_eq!(bench.note(6), Arrival::New(Gap::Filled));
    assert_eq!(bench.note(8), Arrival::New(Gap::Closed));
    assert_eq!(bench.note(8), Arrival::Old);
    assert_eq!(bench.note(10), Arrival::New(Gap::None));
}

#[test]
fn a_second_gap_is_told_from_the_newest_number_on() {
    let mut bench = Bench::new(0);
    let _ = bench.note(1);
    assert_eq!(bench.note(3), lost(1, 1));
    assert_eq!(bench.note(6), lost(3, 2));
    assert_eq!(bench.missing(), [2, 4, 5]);
}

#[test]
fn a_gap_of_lost_max_is_asked_for_and_a_wider_one_is_given_up() {
    let most = LOST_MAX as u64;
    let mut bench = Bench::new(0);
    let _ = bench.note(1);
    assert_eq!(bench.note(most + 2), lost(1, most));
    assert_eq!(bench.missing().len(), LOST_MAX);

    let mut wide = Bench::new(0);
    let _ = wide.note(1);
    let given_up = Gap::GivenUp { after: Sequence(1), count: most + 1 };
    assert_eq!(wide.note(most + 3), Arrival::New(given_up));
    assert!(wide.missing().is_empty());
    assert_eq!(wide.note(most + 2), Arrival::Old);
    assert_eq!(wide.note(most + 4), Arrival::New(Gap::None), "it goes on from the newest");
}

#[test]
fn gaps_that_are_too_many_together_are_given_up_together() {
    let most = LOST_MAX as u64;
    let mut bench = Bench::new(0);
    let _ = bench.note(1);
    assert_eq!(bench.note(most + 1), lost(1, most - 1));
    assert_eq!(bench.note(most + 3), lost(most + 1, 1), "the list is full now");
    let after = Sequence(most + 3);
    assert_eq!(bench.note(most + 5), Arrival::New(Gap::GivenUp { after, count: 1 }));
    assert!(bench.missing().is_empty());
    assert_eq!(bench.reception.deadline(), None);
}

#[test]
fn the_largest_numbers_are_numbers_like_others() {
    let mut bench = Bench::new(u64::MAX % ACK_EVERY);
    let _ = bench.note(1);
    let count = u64::MAX - 2;
    let gap = Gap::GivenUp { after: Sequence(1), count };
    assert_eq!(bench.note(u64::MAX), Arrival::New(gap));
    assert_eq!(bench.note(u64::MAX), Arrival::Duplicate);

    let mut near = Bench::new(u64::MAX % ACK_EVERY);
    let _ = near.note(u64::MAX - 3);
    assert_eq!(near.note(u64::MAX), lost(u64::MAX - 3, 2));
    assert_eq!(near.ack(u64::MAX - 2), None);
    assert_eq!(near.ack(u64::MAX - 1), Some(u64::MAX));
}

#[test]
fn a_number_below_the_digit_acknowledges_nothing_that_does_not_exist() {
    let mut bench = Bench::new(9);
    let _ = bench.note(1);
    let _ = bench.note(3);
    assert_eq!(bench.ack(2), None, "nine before three is no number");
}

#[test]
fn every_tenth_number_in_sequence_is_acknowledged() {
    for trigger in 0..ACK_EVERY {
        let mut bench = Bench::new(trigger);
        let acked = (1..=40).filter_map(|number| bench.ack(number));
        assert!(acked.eq((1..=40).filter(|number| number % 10 == trigger)), "{trigger}");
    }
}

#[test]
fn nothing_is_acknowledged_twice_and_nothing_beyond_a_gap() {
    let mut bench = Bench::new(5);
    assert_eq!(bench.ack(4), None);
    assert_eq!(bench.ack(6), None, "the gap hides the fifth");
    assert_eq!(bench.ack(15), None);
    for number in [7, 8, 9, 10, 11, 12, 13, 14] {
        assert_eq!(bench.ack(number), None, "{number}");
    }
    assert_eq!(bench.ack(5), Some(15), "what the gap held back comes at once");
    assert_eq!(bench.ack(5), None);
    assert_eq!(bench.ack(15), None);
}

#[test]
fn a_closed_gap_acknowledges_up_to_the_next_one() {
    let mut bench = Bench::new(0);
    for number in [1, 3, 24, 26] {
        let _ = bench.note(number);
    }
    for number in (4..=23).rev() {
        assert_eq!(bench.ack(number), None, "the second is still missing");
    }
    assert_eq!(bench.ack(2), Some(20), "whole up to 24, since 25 is missing");
    assert_eq!(bench.ack(25), None, "20 is acknowledged already, and 30 has not come");
}

#[test]
fn what_the_origin_will_not_send_again_is_waited_for_no_longer() {
    let mut bench = Bench::new(0);
    let _ = bench.note(1);
    let _ = bench.note(4);
    assert!(bench.reception.give_up(Sequence(2)));
    assert!(!bench.reception.give_up(Sequence(2)), "it was given up before");
    assert!(!bench.reception.give_up(Sequence(4)), "it has come");
    assert_eq!(bench.missing(), [3]);
    assert_eq!(bench.note(3), Arrival::New(Gap::Closed));
}

#[test]
fn a_new_life_begins_without_numbers() {
    let mut bench = Bench::new(0);
    let _ = bench.note(100);
    let _ = bench.note(110);
    bench.reception.reset();
    assert_eq!((bench.reception.last(), bench.reception.deadline()), (None, None));
    assert_eq!(bench.note(1), Arrival::New(Gap::None));
    assert_eq!(bench.note(2), Arrival::New(Gap::None));
}

#[test]
fn a_first_request_waits_fifty_milliseconds_at_least_and_the_delay_at_most() {
    let range = |delay: Duration| {
        let mut random = Random::new(7);
        let waits = (0..20_000).map(|_| first_delay(delay, &mut random).as_micros());
        waits.fold((u64::MAX, 0), |(least, most), wait| (least.min(wait), most.max(wait)))
    };
    let near = |(least, most): (u64, u64), from: u64, to: u64| {
        let slack = (to - from) / 100;
        assert!((from..=from + slack).contains(&least), "{least} for {from}");
        assert!((to - slack..=to).contains(&most), "{most} for {to}");
    };
    near(range(DELAY), 50_000, 250_000);
    near(range(Duration::from_millis(100)), 50_000, 100_000);
    near(range(Duration::from_micros(99_999)), 0, 99_999);
    near(range(Duration::from_micros(1)), 0, 1);
}

#[test]
fn a_request_is_due_at_its_time_and_again_after_the_delay() {
    let mut bench = Bench::new(0);
    let _ = bench.note(1);
    let _ = bench.note(3);
    let due = bench.reception.deadline().expect("a number is missing");
    let wait = due.since(NOW);
    assert!((Duration::from_millis(50)..=DELAY).contains(&wait), "{wait}");
    let early = Instant::from_micros(due.as_micros() - 1);
    assert!(bench.reception.requests(early, DELAY).is_empty());
    assert_eq!(bench.reception.requests(due, DELAY), [Sequence(2)]);
    assert!(bench.reception.requests(due, DELAY).is_empty());
    assert_eq!(bench.reception.deadline(), Some(due.after(DELAY)));
    assert_eq!(bench.reception.requests(due.after(DELAY), DELAY), [Sequence(2)]);
    let _ = bench.note(2);
    assert_eq!(bench.reception.deadline(), None);
}

#[test]
fn a_wide_gap_is_asked_for_in_turns_and_each_number_once() {
    let mut bench = Bench::new(0);
    let _ = bench.note(1);
    let _ = bench.note(102);
    let late = NOW.after(DELAY);
    let mut asked = Vec::<u64, 128>::new();
    for turn in 0.. {
        assert!(turn <= 100 / REQUESTS_PER_TURN + 1, "the turns come to an end");
        let requests = bench.reception.requests(late, DELAY);
        if requests.is_empty() {
            break;
        }
        asked.extend(requests.iter().map(|sequence| sequence.0));
    }
    asked.sort_unstable();
    assert!(asked.iter().copied().eq(2..=101));
}

/// Each run sends 1 to n over a wire that loses, repeats, reorders and retransmits.
#[test]
fn under_any_loss_order_and_repetition_a_number_is_delivered_at_most_once() {
    const COUNT: usize = 400;
    let (mut delivered_late, mut acks, mut given_up) = (0_u32, 0_u32, 0_u32);
    for seed in 0..2_000 {
        let mut dice = Random::new(seed);
        let mut bench = Bench::new(seed % ACK_EVERY);
        let loss = dice.below(60);
        let spread = 1 + dice.below(40);
        let mut delivered = [false; COUNT + 1];
        let mut abandoned = 0;
        let mut first = None;
        for step in 1..=4 * COUNT as u64 {
            // The front moves on; most arrivals are near it, some are far behind.
            let front = (step / 4 + 1).min(COUNT as u64);
            let back = if dice.below(20) == 0 { dice.below(front) } else { dice.below(spread) };
            let number = front.saturating_sub(back).max(1);
            if dice.below(100) < loss {
                continue;
            }
            let arrival = bench.note(number);
            let first = *first.get_or_insert(number);
            if let Arrival::New(gap) = arrival {
                let place = usize::try_from(number).expect("it is small");
                assert!(!delivered[place], "seed {seed}: {number} was delivered twice");
                delivered[place] = true;
                match gap {
                    Gap::Filled | Gap::Closed => delivered_late += 1,
                    Gap::GivenUp { .. } => {
                        abandoned = number - 1;
                        given_up += 1;
                    }
                    Gap::None | Gap::Lost { .. } => {}
                }
            }
            if let Some(acked) = bench.reception.acknowledgement(Sequence(number), arrival) {
                acks += 1;
                let from = first.max(abandoned + 1);
                let whole = (from..=acked.0)
                    .all(|number| delivered[usize::try_from(number).expect("it is small")]);
                assert!(whole, "seed {seed}: {acked} was acknowledged with a gap below it");
                assert_eq!(acked.0 % ACK_EVERY, seed % ACK_EVERY);
            }
        }
    }
    assert!(delivered_late > 10_000 && acks > 5_000, "{delivered_late} late, {acks} acks");
    assert_eq!(given_up, 0, "the front never runs away by more than LOST_MAX");
}
