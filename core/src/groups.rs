//! What is ordered of each group, and what came of it.
//!
//! An order is a level with a number; the edge carries out the latest and settles
//! it. A transition of the protocol waits for a set of groups: it is over when
//! the latest order of each has settled.

use crate::action::{Action, Actions, push, tell};
use crate::config::Config;
use crate::id::{GroupId, GroupSet, Order};
use crate::limits::{GROUPS_MAX, GROUPS_MAX_U8};
use crate::notice::Notice;
use crate::order::{Outcome, Ownership};
use crate::time::{Duration, Instant};

/// A group that failed to start here is offered to the other node after so long
/// (specification 9.2).
const OFFER_AFTER: Duration = Duration::from_secs(30);

/// The groups of a cluster, as this node handles them.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    states: heapless::Vec<Group, GROUPS_MAX>,
    last_order: Order,
}

/// One group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    wanted: Ownership,
    order: Order,
    /// How the latest order ended; none while it is carried out.
    outcome: Option<Outcome>,
    /// Found running at the start, and not decided about yet.
    leftover: bool,
    /// How it failed to start here, and nobody has asked to try again.
    failed: Option<Outcome>,
    /// It could not be stopped here: it is left as it is, and nobody takes it.
    blocked: bool,
    /// When the other node is asked to take it.
    offer_at: Option<Instant>,
}

impl Groups {
    pub(crate) fn new(config: &Config) -> Self {
        let group = Group {
            wanted: Ownership::Released,
            order: Order(0),
            outcome: Some(Outcome::Done),
            leftover: false,
            failed: None,
            blocked: false,
            offer_at: None,
        };
        let states = config.settings().groups.iter().map(|_| group.clone()).collect();
        Self { states, last_order: Order(0) }
    }

    /// The level that is ordered of `group`.
    pub(crate) fn wanted(&self, group: GroupId) -> Ownership {
        self.state(group).wanted
    }

    /// The number of the latest order for `group`.
    pub(crate) fn order(&self, group: GroupId) -> Order {
        self.state(group).order
    }

    /// How the latest order for `group` ended; none while it is carried out.
    pub(crate) fn outcome(&self, group: GroupId) -> Option<Outcome> {
        self.state(group).outcome
    }

    /// Orders `ownership` of every group of `set` that has another level now.
    pub(crate) fn own(&mut self, set: GroupSet, ownership: Ownership, actions: &mut Actions) {
        for group in set.iter() {
            self.own_one(group, ownership, actions);
        }
    }

    fn own_one(&mut self, group: GroupId, ownership: Ownership, actions: &mut Actions) {
        let state = self.state_mut(group);
        if state.blocked {
            state.wanted = ownership;
            return;
        }
        let stuck = matches!(state.outcome, Some(Outcome::StopFailed { .. }));
        let holds = state.wanted == ownership && !state.leftover && !stuck;
        if ownership == Ownership::Held && state.failed.is_some() {
            if !holds {
                tell(actions, Notice::GroupStaysStopped { group });
            }
            // It is ours by the protocol and stopped by its failure: nothing to carry out.
            let state = self.state_mut(group);
            state.wanted = Ownership::Held;
            state.outcome = state.failed;
            return;
        }
        if holds {
            return;
        }
        self.last_order = Order(self.last_order.0 + 1);
        let order = self.last_order;
        let state = self.state_mut(group);
        state.wanted = ownership;
        state.order = order;
        state.outcome = None;
        state.leftover = false;
        state.offer_at = None;
        push(actions, Action::Own { group, order, ownership });
    }

    /// Notes that the edge has carried out `order`. An older one is of no interest.
    pub(crate) fn settle(
        &mut self,
        now: Instant,
        group: GroupId,
        order: Order,
        outcome: Outcome,
        actions: &mut Actions,
    ) {
        let state = self.state_mut(group);
        if state.order != order || state.outcome.is_some() {
            return;
        }
        state.outcome = Some(outcome);
        match outcome {
            Outcome::Done => {}
            Outcome::StartFailed { .. } => {
                state.failed = Some(outcome);
                state.offer_at = Some(now.after(OFFER_AFTER));
                tell(actions, Notice::GroupFailed { group });
            }
            Outcome::StopFailed { .. } => {
                state.blocked = true;
                state.failed = None;
                tell(actions, Notice::GroupBlocked { group });
            }
        }
    }

    /// Whether every group of `set` has settled.
    pub(crate) fn settled(&self, set: GroupSet) -> bool {
        set.iter().all(|group| self.state(group).outcome.is_some())
    }

    /// Whether every group has settled.
    pub(crate) fn all_settled(&self) -> bool {
        self.states.iter().all(|state| state.outcome.is_some())
    }

    /// Whether a group of `set` could not be stopped.
    pub(crate) fn blocked(&self, set: GroupSet) -> bool {
        set.iter().any(|group| self.is_blocked(group))
    }

    /// Whether `group` could not be stopped.
    pub(crate) fn is_blocked(&self, group: GroupId) -> bool {
        self.state(group).blocked
    }

    /// The groups that this node is to run.
    pub(crate) fn held(&self) -> GroupSet {
        self.all().iter().filter(|group| self.state(*group).wanted == Ownership::Held).collect()
    }

    /// All groups.
    pub(crate) fn all(&self) -> GroupSet {
        (0..GROUPS_MAX_U8).map(GroupId).take(self.states.len()).collect()
    }

    /// Notes that something of `group` was found running at the start.
    pub(crate) fn found(&mut self, group: GroupId, actions: &mut Actions) {
        let state = self.state_mut(group);
        if state.order == Order(0) {
            state.leftover = true;
            tell(actions, Notice::LeftoverKept { group });
        }
    }

    /// The groups that were found running and are not decided about.
    pub(crate) fn leftovers(&self) -> GroupSet {
        self.all().iter().filter(|group| self.state(*group).leftover).collect()
    }

    /// Releases the leftovers in `set`: they are not ours to keep.
    pub(crate) fn drop_leftovers(&mut self, set: GroupSet, actions: &mut Actions) {
        for group in
            set.iter().filter(|group| self.state(*group).leftover).collect::<GroupSet>().iter()
        {
            tell(actions, Notice::LeftoverDropped { group });
            self.own_one(group, Ownership::Released, actions);
        }
    }

    /// The failed groups that are due to be offered to the other node; each is
    /// offered once.
    pub(crate) fn offers(&mut self, now: Instant) -> GroupSet {
        let mut due = GroupSet::EMPTY;
        for group in self.all().iter() {
            let state = self.state_mut(group);
            if state.offer_at.is_some_and(|at| at <= now) {
                state.offer_at = None;
                due = due.with(group);
            }
        }
        due
    }

    /// Puts an offer off until `at`: the nodes are busy.
    pub(crate) fn offer_later(&mut self, set: GroupSet, at: Instant) {
        for group in set.iter() {
            self.state_mut(group).offer_at = Some(at);
        }
    }

    /// Lets groups that failed to start, or to stop, be tried again: somebody asks for it.
    pub(crate) fn forgive(&mut self, set: GroupSet) {
        for group in set.iter() {
            let state = self.state_mut(group);
            state.blocked = false;
            if state.failed.take().is_some() {
                // What failed is stopped; the next order to hold it is a real one.
                state.wanted = Ownership::Released;
                state.outcome = Some(Outcome::Done);
                state.offer_at = None;
            }
        }
    }

    /// When the next offer is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.states.iter().filter_map(|state| state.offer_at).min()
    }

    fn state(&self, group: GroupId) -> &Group {
        self.states.get(group.index()).expect("a group is one of the configured")
    }

    fn state_mut(&mut self, group: GroupId) -> &mut Group {
        self.states.get_mut(group.index()).expect("a group is one of the configured")
    }
}

#[cfg(test)]
mod tests;
