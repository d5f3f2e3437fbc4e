//! Orders and what becomes of them.

use super::{Groups, OFFER_AFTER};
use crate::action::{Action, Actions};
use crate::config::{Config, Settings, Timing};
use crate::id::{GroupId, GroupSet, NodeId, Order};
use crate::notice::Notice;
use crate::order::{Outcome, Ownership};
use crate::time::{Duration, Instant};

const WEB: GroupId = GroupId(0);
const MAIL: GroupId = GroupId(1);
const NOW: Instant = Instant::from_micros(5_000_000);
const START_FAILED: Outcome = Outcome::StartFailed { resource: 1 };
const STOP_FAILED: Outcome = Outcome::StopFailed { resource: 0 };

/// Groups under test, and what they have just asked for.
struct Bench {
    groups: Groups,
    actions: Actions,
}

impl Bench {
    fn new() -> Self {
        let timing = Timing::of(Duration::from_secs(2), Duration::from_secs(10));
        let settings =
            Settings::pair(["corman", "rabius"], NodeId(0), &["eth0"], &["web", "mail"], timing);
        let config = Config::new(settings).expect("a plain pair is a cluster");
        Self { groups: Groups::new(&config), actions: Actions::new() }
    }

    fn own(&mut self, set: GroupSet, ownership: Ownership) {
        self.groups.own(set, ownership, &mut self.actions);
    }

    fn settle(&mut self, group: GroupId, order: u32, outcome: Outcome) {
        self.groups.settle(NOW, group, Order(order), outcome, &mut self.actions);
    }

    /// `group` is ordered to be held, and has ended with `outcome`.
    fn held(outcome: Outcome) -> Self {
        let mut bench = Self::new();
        bench.own(only(WEB), Ownership::Held);
        bench.settle(WEB, 1, outcome);
        bench.actions.clear();
        bench
    }

    /// What has been asked for since the last look.
    fn take(&mut self) -> Actions {
        core::mem::take(&mut self.actions)
    }
}

fn only(group: GroupId) -> GroupSet {
    GroupSet::EMPTY.with(group)
}

const fn order(group: GroupId, number: u32, ownership: Ownership) -> Action {
    Action::Own { group, order: Order(number), ownership }
}

#[test]
fn at_first_nothing_is_held_and_nothing_is_under_way() {
    let bench = Bench::new();
    assert_eq!(bench.groups.all(), only(WEB).with(MAIL));
    assert_eq!(bench.groups.held(), GroupSet::EMPTY);
    assert!(bench.groups.all_settled());
    assert_eq!(bench.groups.order(WEB), Order(0));
    assert_eq!(bench.groups.deadline(), None);
}

#[test]
fn an_order_is_given_once_and_each_has_a_larger_number() {
    let mut bench = Bench::new();
    bench.own(bench.groups.all(), Ownership::Held);
    bench.own(bench.groups.all(), Ownership::Held);
    bench.own(only(MAIL), Ownership::Released);
    let orders = [
        order(WEB, 1, Ownership::Held),
        order(MAIL, 2, Ownership::Held),
        order(MAIL, 3, Ownership::Released),
    ];
    assert_eq!(bench.take(), orders);
    assert_eq!((bench.groups.order(WEB), bench.groups.order(MAIL)), (Order(1), Order(3)));
    assert_eq!(bench.groups.wanted(MAIL), Ownership::Released);
    assert_eq!(bench.groups.held(), only(WEB));
}

#[test]
fn a_group_that_is_released_already_is_not_ordered_again() {
    let mut bench = Bench::new();
    bench.own(bench.groups.all(), Ownership::Released);
    assert_eq!(bench.take(), []);
    assert!(bench.groups.all_settled());
}

#[test]
fn a_set_has_settled_when_the_latest_order_of_each_of_its_groups_has() {
    let mut bench = Bench::new();
    bench.own(bench.groups.all(), Ownership::Held);
    assert!(!bench.groups.settled(only(WEB)));
    assert!(bench.groups.settled(GroupSet::EMPTY));
    bench.settle(WEB, 1, Outcome::Done);
    assert!(bench.groups.settled(only(WEB)));
    assert!(!bench.groups.settled(bench.groups.all()) && !bench.groups.all_settled());
    bench.settle(MAIL, 2, Outcome::Done);
    assert!(bench.groups.all_settled());
    assert_eq!(bench.groups.outcome(MAIL), Some(Outcome::Done));
}

#[test]
fn what_became_of_an_overtaken_order_is_of_no_interest() {
    let mut bench = Bench::new();
    bench.own(only(WEB), Ownership::Held);
    bench.own(only(WEB), Ownership::Released);
    let _ = bench.take();
    bench.settle(WEB, 1, START_FAILED);
    assert_eq!(bench.groups.outcome(WEB), None, "the second order is still carried out");
    bench.settle(WEB, 2, Outcome::Done);
    bench.settle(WEB, 2, STOP_FAILED);
    bench.settle(WEB, 3, STOP_FAILED);
    assert_eq!(bench.groups.outcome(WEB), Some(Outcome::Done), "an order ends once");
    assert!(!bench.groups.blocked(only(WEB)));
    assert_eq!(bench.take(), []);
}

#[test]
fn what_ran_at_the_start_is_kept_until_it_is_decided_about() {
    let mut bench = Bench::new();
    bench.groups.found(WEB, &mut bench.actions);
    assert_eq!(bench.take(), [Action::Tell(Notice::LeftoverKept { group: WEB })]);
    assert_eq!(bench.groups.leftovers(), only(WEB));
    // Released is a real order for it, though nothing was ever held.
    bench.groups.drop_leftovers(bench.groups.all(), &mut bench.actions);
    let dropped = Action::Tell(Notice::LeftoverDropped { group: WEB });
    assert_eq!(bench.take(), [dropped, order(WEB, 1, Ownership::Released)]);
    assert_eq!(bench.groups.leftovers(), GroupSet::EMPTY);
}

#[test]
fn a_leftover_that_is_ordered_to_be_held_is_none_any_more() {
    let mut bench = Bench::new();
    bench.groups.found(WEB, &mut bench.actions);
    let _ = bench.take();
    bench.own(only(WEB), Ownership::Held);
    assert_eq!(bench.take(), [order(WEB, 1, Ownership::Held)]);
    bench.groups.drop_leftovers(bench.groups.all(), &mut bench.actions);
    assert_eq!(bench.take(), []);
}

#[test]
fn what_is_found_after_an_order_is_the_orders_business() {
    let mut bench = Bench::new();
    bench.own(only(WEB), Ownership::Held);
    let _ = bench.take();
    bench.groups.found(WEB, &mut bench.actions);
    assert_eq!(bench.take(), []);
    assert_eq!(bench.groups.leftovers(), GroupSet::EMPTY);
}

#[test]
fn a_group_that_did_not_start_is_offered_once_after_thirty_seconds() {
    let mut bench = Bench::new();
    bench.own(only(WEB), Ownership::Held);
    let _ = bench.take();
    bench.settle(WEB, 1, START_FAILED);
    assert_eq!(bench.take(), [Action::Tell(Notice::GroupFailed { group: WEB })]);
    let due = NOW.after(Duration::from_secs(30));
    assert_eq!(bench.groups.deadline(), Some(due));
    let early = Instant::from_micros(due.as_micros() - 1);
    assert_eq!(bench.groups.offers(early), GroupSet::EMPTY);
    assert_eq!(bench.groups.offers(due), only(WEB));
    assert_eq!(bench.groups.offers(due.after(OFFER_AFTER)), GroupSet::EMPTY);
    assert_eq!(bench.groups.deadline(), None);
    assert_eq!(bench.groups.held(), only(WEB), "it stays ours by the protocol");
}

#[test]
fn an_offer_that_finds_the_nodes_busy_is_put_off() {
    let mut bench = Bench::held(START_FAILED);
    let due = NOW.after(OFFER_AFTER);
    let offered = bench.groups.offers(due);
    let later = due.after(Duration::from_secs(1));
    bench.groups.offer_later(offered, later);
    assert_eq!(bench.groups.deadline(), Some(later));
    assert_eq!(bench.groups.offers(due), GroupSet::EMPTY);
    assert_eq!(bench.groups.offers(later), only(WEB));
}

#[test]
fn a_failed_group_that_was_given_away_is_not_started_when_it_comes_back() {
    let mut bench = Bench::held(START_FAILED);
    bench.own(only(WEB), Ownership::Released);
    assert_eq!(bench.take(), [order(WEB, 2, Ownership::Released)]);
    assert_eq!(bench.groups.deadline(), None, "what is given away is not offered");
    bench.settle(WEB, 2, Outcome::Done);
    for _ in 0..2 {
        bench.own(only(WEB), Ownership::Held);
    }
    let told = [Action::Tell(Notice::GroupStaysStopped { group: WEB })];
    assert_eq!(bench.take(), told, "said once, and not ordered");
    assert_eq!(bench.groups.wanted(WEB), Ownership::Held);
    assert!(matches!(bench.groups.outcome(WEB), Some(Outcome::StartFailed { .. })));
    assert!(bench.groups.all_settled());
}

#[test]
fn a_forgiven_group_is_ordered_anew() {
    let mut bench = Bench::held(START_FAILED);
    bench.groups.forgive(bench.groups.all());
    assert_eq!(bench.groups.deadline(), None);
    bench.own(only(WEB), Ownership::Held);
    assert_eq!(bench.take(), [order(WEB, 2, Ownership::Held)]);
    bench.settle(WEB, 2, Outcome::Done);
    assert_eq!(bench.groups.outcome(WEB), Some(Outcome::Done));
}

#[test]
fn forgiving_leaves_alone_what_did_not_fail() {
    let mut bench = Bench::held(Outcome::Done);
    bench.groups.forgive(bench.groups.all());
    assert_eq!(bench.groups.wanted(WEB), Ownership::Held);
    bench.own(bench.groups.all(), Ownership::Held);
    assert_eq!(bench.take(), [order(MAIL, 2, Ownership::Held)]);
}

#[test]
fn a_group_that_does_not_stop_is_left_as_it_is() {
    let mut bench = Bench::held(Outcome::Done);
    bench.own(only(WEB), Ownership::Released);
    let _ = bench.take();
    bench.settle(WEB, 2, STOP_FAILED);
    assert_eq!(bench.take(), [Action::Tell(Notice::GroupBlocked { group: WEB })]);
    assert!(bench.groups.blocked(bench.groups.all()) && bench.groups.blocked(only(WEB)));
    assert!(!bench.groups.blocked(only(MAIL)));
    for ownership in [Ownership::Held, Ownership::Released] {
        bench.own(only(WEB), ownership);
        assert_eq!(bench.take(), [], "nothing is ordered of it");
        assert_eq!(bench.groups.wanted(WEB), ownership);
    }
    assert!(bench.groups.all_settled());
}

#[test]
fn who_asks_again_has_a_stop_that_failed_tried_again() {
    let mut bench = Bench::held(Outcome::Done);
    bench.own(only(WEB), Ownership::Released);
    bench.settle(WEB, 2, STOP_FAILED);
    let _ = bench.take();
    bench.groups.forgive(bench.groups.all());
    assert!(!bench.groups.blocked(only(WEB)));
    bench.own(only(WEB), Ownership::Released);
    assert_eq!(bench.take(), [order(WEB, 3, Ownership::Released)], "it is no level that holds");
}

#[test]
#[should_panic(expected = "a group is one of the configured")]
fn a_group_outside_the_table_is_a_bug() {
    Bench::new().settle(GroupId(2), 1, Outcome::Done);
}
