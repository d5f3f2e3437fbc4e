//! Silence, lateness and death, to the microsecond.

use super::{Detector, Lateness};
use crate::id::LinkId;
use crate::limits::LINKS_MAX;
use crate::time::{Duration, Instant};
use crate::wire::Status;

const DEADTIME: Duration = Duration::from_secs(10);
const WARNTIME: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(20);

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

fn heard_at(micros: u64) -> Detector {
    let mut detector = Detector::new(DEADTIME);
    let heard = detector.hear(at(micros), Status::Active, DEADTIME, WARNTIME);
    assert_eq!(heard, (Lateness::Timely, true), "the first beat is news and never late");
    detector
}

#[test]
fn silence_is_death_at_its_deadline_to_the_microsecond() {
    let detector = heard_at(3);
    assert_eq!(detector.dead_at(Instant::ZERO, Duration::ZERO), Some(at(10_000_003)));
    // The grace of a start does not shorten anything, and lengthens it while it is longer.
    assert_eq!(detector.dead_at(Instant::ZERO, GRACE), Some(at(20_000_003)));
    assert_eq!(detector.dead_at(Instant::ZERO, WARNTIME), Some(at(10_000_003)));
}

#[test]
fn one_never_heard_is_judged_from_the_start() {
    let detector = Detector::new(DEADTIME);
    assert_eq!(detector.dead_at(at(7), GRACE), Some(at(20_000_007)));
    assert_eq!(detector.dead_at(at(7), Duration::ZERO), Some(at(10_000_007)));
    assert!(!detector.is_alive() && !detector.is_decided());
    assert_eq!((detector.status(), detector.heard_at()), (Status::Init, None));
}

#[test]
fn the_deadtime_of_the_last_beat_counts_from_then_on() {
    let mut detector = heard_at(0);
    let longer = Duration::from_secs(15);
    let _ = detector.hear(at(1_000_000), Status::Active, longer, WARNTIME);
    assert_eq!(detector.dead_at(Instant::ZERO, Duration::ZERO), Some(at(16_000_000)));
    // The gap is judged by what was promised before it, not by what comes with its end.
    let heard = detector.hear(at(15_500_000), Status::Active, DEADTIME, WARNTIME);
    assert_eq!(heard, (Lateness::Late(Duration::from_micros(14_500_000)), false));
    assert_eq!(detector.dead_at(Instant::ZERO, Duration::ZERO), Some(at(25_500_000)));
}

#[test]
fn a_beat_is_late_after_warntime_and_too_late_after_deadtime() {
    let cases = [
        (1, Lateness::Timely),
        (5_000_000, Lateness::Timely),
        (5_000_001, Lateness::Late(Duration::from_micros(5_000_001))),
        (10_000_000, Lateness::Late(DEADTIME)),
        (10_000_001, Lateness::TooLate(Duration::from_micros(10_000_001))),
    ];
    for (gap, lateness) in cases {
        let mut detector = heard_at(0);
        let heard = detector.hear(at(gap), Status::Active, DEADTIME, WARNTIME);
        assert_eq!(heard, (lateness, false), "{gap}");
        assert!(detector.is_alive());
    }
}

#[test]
fn a_change_of_status_is_news_once() {
    let mut detector = heard_at(0);
    assert_eq!(detector.hear(at(1), Status::Up, DEADTIME, WARNTIME), (Lateness::Timely, true));
    assert_eq!(detector.hear(at(2), Status::Up, DEADTIME, WARNTIME), (Lateness::Timely, false));
    assert_eq!(detector.status(), Status::Up);
}

#[test]
fn the_first_beat_is_news_even_if_it_says_init() {
    let mut detector = Detector::new(DEADTIME);
    let heard = detector.hear(at(0), Status::Init, DEADTIME, WARNTIME);
    assert_eq!(heard, (Lateness::Timely, true));
    assert!(detector.is_alive() && detector.is_decided());
}

#[test]
fn the_dead_have_no_deadline_and_come_back_without_being_late() {
    let mut detector = heard_at(0);
    detector.die();
    assert_eq!(detector.status(), Status::Dead);
    assert!(!detector.is_alive() && detector.is_decided());
    assert_eq!(detector.dead_at(Instant::ZERO, GRACE), None);
    let heard = detector.hear(at(60_000_000), Status::Active, DEADTIME, WARNTIME);
    assert_eq!(heard, (Lateness::Timely, true));
    assert!(detector.is_alive());
}

#[test]
#[should_panic(expected = "a node dies once")]
fn nobody_dies_twice() {
    let mut detector = heard_at(0);
    detector.die();
    detector.die();
}

#[test]
fn one_never_heard_can_die_and_is_decided_then() {
    let mut detector = Detector::new(DEADTIME);
    detector.die();
    assert!(detector.is_decided() && !detector.is_alive());
}

#[test]
fn a_reset_makes_the_next_beat_a_first_one() {
    for dead in [false, true] {
        let mut detector = heard_at(0);
        if dead {
            detector.die();
        }
        detector.reset();
        assert_eq!((detector.status(), detector.heard_at()), (Status::Init, None));
        let heard = detector.hear(at(90_000_000), Status::Init, DEADTIME, WARNTIME);
        assert_eq!(heard, (Lateness::Timely, true));
    }
}

#[test]
fn a_link_is_up_with_its_first_packet_and_dead_after_deadtime() {
    let mut detector = heard_at(0);
    assert!(detector.hear_link(at(0), LinkId(1)));
    assert!(!detector.hear_link(at(3), LinkId(1)));
    assert_eq!(detector.link_heard_at(LinkId(1)), Some(at(3)));
    assert_eq!(detector.link_heard_at(LinkId(0)), None);
    assert_eq!(detector.link_deadline(), Some(at(10_000_003)));
    assert_eq!(detector.bury_links(at(10_000_002), false).count(), 0);
    assert!(detector.bury_links(at(10_000_003), false).eq([LinkId(1)]));
    assert_eq!(detector.bury_links(at(10_000_003), false).count(), 0, "a link dies once");
    assert_eq!(detector.link_deadline(), None);
    assert!(detector.hear_link(at(10_000_004), LinkId(1)), "it is up again");
}

#[test]
fn the_deadline_of_the_links_is_that_of_the_one_silent_longest() {
    let mut detector = heard_at(0);
    for (micros, link) in [(9, 0), (4, 3), (6, 7)] {
        assert!(detector.hear_link(at(micros), LinkId(link)));
    }
    assert_eq!(detector.link_deadline(), Some(at(10_000_004)));
    assert!(detector.bury_links(at(10_000_006), false).eq([LinkId(3), LinkId(7)]));
    assert_eq!(detector.link_deadline(), Some(at(10_000_009)));
}

#[test]
fn all_links_of_a_dead_node_die_with_it() {
    let mut detector = heard_at(0);
    for link in [2, 5] {
        assert!(detector.hear_link(at(0), LinkId(link)));
    }
    assert!(detector.bury_links(at(1), true).eq([LinkId(2), LinkId(5)]));
    assert_eq!(detector.link_deadline(), None);
}

#[test]
#[should_panic(expected = "a link is one of the configured")]
fn a_link_outside_the_table_is_a_bug() {
    let beyond = LinkId(u8::try_from(LINKS_MAX).expect("few links"));
    let _ = Detector::new(DEADTIME).hear_link(at(0), beyond);
}

#[test]
fn at_the_end_of_time_nothing_overflows() {
    let mut detector = Detector::new(Duration::from_micros(u64::MAX));
    let end = at(u64::MAX);
    let _ = detector.hear(end, Status::Active, DEADTIME, WARNTIME);
    assert!(detector.hear_link(end, LinkId(0)));
    assert_eq!(detector.dead_at(Instant::ZERO, GRACE), Some(end));
    assert_eq!(detector.link_deadline(), Some(end));
}
