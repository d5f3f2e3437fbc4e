//! The standby dialogue: one node hands groups to the other, in order, with both
//! awake (specification 7).
//!
//! ```text
//! giver                      taker
//!   me ───────────────────────▶        may I?
//!      ◀─────────────────── other      yes
//!   release …
//!   done ─────────────────────▶
//!                        acquire …
//!      ◀──────────────────── done
//! ```
//!
//! The set is always named from the giver's point of view.

use crate::id::{GroupSet, NodeId};
use crate::notice::{Initial, Notice};
use crate::order::Ownership as Level;
use crate::time::{Duration, Instant};
use crate::turn::Turn;
use crate::wire::{Hold, Info, Message, Step};

use super::{Ownership, Phase, Report, answer};

/// How long an answer to `me` is waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long releasing or acquiring may take before the dialogue is given up.
const WORK_WITHIN: Duration = Duration::from_secs(3_600);
/// How long an offer of a failed group waits when the nodes are busy.
const OFFER_RETRY: Duration = Duration::from_secs(1);

/// Where the dialogue stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standby {
    /// Nobody asks for anything.
    Not,
    /// We have said `me`.
    Asked { set: Hold, until: Instant },
    /// The other node has said `other`; we release.
    /// Of the set we `held` so much.
    Releasing { set: Hold, held: Hold, until: Instant },
    /// We have released and said `done`.
    Released { set: Hold, until: Instant },
    /// We have said `other`.
    Promised { set: Hold, until: Instant },
    /// The other node has said `done`; we acquire.
    Acquiring { set: Hold, until: Instant },
}

impl Standby {
    pub(super) const fn deadline(self) -> Option<Instant> {
        match self {
            Self::Not => None,
            Self::Asked { until, .. }
            | Self::Releasing { until, .. }
            | Self::Released { until, .. }
            | Self::Promised { until, .. }
            | Self::Acquiring { until, .. } => Some(until),
        }
    }
}

impl Ownership {
    /// Asks the other node to take `set`. Returns whether it was asked.
    pub(super) fn ask_standby(&mut self, turn: &mut Turn<'_>, set: Hold) -> bool {
        let me = turn.config.me();
        if let Some(until) = self.standby.deadline() {
            turn.tell(Notice::StandbyBusy { node: me, left: until.since(turn.now) });
            return false;
        }
        if !turn.peer.alive {
            turn.tell(Notice::StandbyAlone);
            return false;
        }
        if self.hold.intersection(set) == Hold::NONE {
            turn.tell(Notice::StandbyOfNothing { set });
            return false;
        }
        if !self.other_stable {
            turn.tell(Notice::OtherInFlux { node: me });
            return false;
        }
        if !self.is_stable() || self.is_busy() {
            turn.tell(Notice::LocalInFlux { node: me });
            return false;
        }
        if turn.groups.blocked(turn.config.groups(set)) {
            turn.tell(Notice::StandbyBlocked { set });
            return false;
        }
        self.other_stable = false;
        self.standby = Standby::Asked { set, until: turn.now.after(ANSWER_WITHIN) };
        turn.tell(Notice::WantsStandby { node: me, set });
        turn.send(answer(set, Step::Me));
        true
    }

    /// The operator wants the other node to take `set`.
    pub(crate) fn go_standby(&mut self, turn: &mut Turn<'_>, set: Hold) {
        self.ask_standby(turn, set);
        self.settle_down(turn);
    }

    /// Orders once more what we hold by the protocol: failures are forgiven.
    pub(crate) fn reassert(&mut self, turn: &mut Turn<'_>) {
        if self.phase == Phase::Stable && self.standby == Standby::Not {
            // Whoever asks for a move has seen to what made a group fail.
            turn.groups.forgive(turn.groups.all());
            turn.groups.own(turn.config.groups(self.hold), Level::Held, turn.actions);
        }
    }

    /// A step of the other node.
    pub(super) fn heard_ask(&mut self, turn: &mut Turn<'_>, set: Hold, step: Step) {
        let Some(peer) = turn.peer.node else { return };
        match step {
            Step::Me => self.heard_me(turn, peer, set),
            Step::Other => self.heard_other(turn, peer),
            Step::Done => self.heard_done(turn, peer),
        }
    }

    /// The other node wants to go standby.
    fn heard_me(&mut self, turn: &mut Turn<'_>, peer: NodeId, set: Hold) {
        // Both asked at once: the one whose name comes later lets the other speak, or they
        // would cancel each other for ever. (Its place in ha.cf may differ on the two.)
        let yields = turn.config.name(peer) < turn.config.name(turn.config.me());
        if matches!(self.standby, Standby::Asked { .. }) && yields {
            self.standby = Standby::Not;
            self.other_stable = true;
        }
        if let Some(until) = self.standby.deadline() {
            turn.tell(Notice::StandbyBusy { node: peer, left: until.since(turn.now) });
        } else if !self.other_stable {
            turn.tell(Notice::OtherInFlux { node: peer });
        } else if self.phase != Phase::Stable || self.is_busy() {
            turn.tell(Notice::LocalInFlux { node: peer });
        } else {
            turn.tell(Notice::WantsStandby { node: peer, set });
            self.standby = Standby::Promised { set, until: turn.now.after(WORK_WITHIN) };
            turn.send(answer(set, Step::Other));
        }
    }

    /// The other node can take what we give.
    fn heard_other(&mut self, turn: &mut Turn<'_>, peer: NodeId) {
        let Standby::Asked { set, .. } = self.standby else { return };
        turn.tell(Notice::CanTake { node: peer, set });
        turn.tell(Notice::GiveUp { set });
        let held = self.hold.intersection(set);
        self.hold = self.hold.minus(set);
        let (hold, stable) = (self.hold, Some(false));
        turn.send(Message::Resource { hold, full: true, stable, info: Info::Standby });
        turn.groups.own(turn.config.groups(set), Level::Released, turn.actions);
        self.standby = Standby::Releasing { set, held, until: turn.now.after(WORK_WITHIN) };
    }

    /// The other node has released, or acquired.
    fn heard_done(&mut self, turn: &mut Turn<'_>, peer: NodeId) {
        match self.standby {
            Standby::Promised { set, .. } => {
                turn.tell(Notice::AcquireFrom { node: peer, set });
                turn.tell(Notice::AcquireSet { set: set.seen_from_other() });
                let groups = turn.config.groups(set.seen_from_other());
                turn.groups.own(groups, Level::Held, turn.actions);
                self.standby = Standby::Acquiring { set, until: turn.now.after(WORK_WITHIN) };
            }
            Standby::Released { set, .. } => {
                turn.tell(Notice::OtherCompleted { set });
                self.standby = Standby::Not;
                self.needs_failback &= self.hold.foreign;
                self.report(turn, Info::Absent);
            }
            Standby::Not
            | Standby::Asked { .. }
            | Standby::Releasing { .. }
            | Standby::Acquiring { .. } => {}
        }
    }

    /// Goes on when the groups of the dialogue have settled.
    pub(super) fn settle_standby(&mut self, turn: &mut Turn<'_>) {
        match self.standby {
            Standby::Releasing { set, held, .. }
                if turn.groups.settled(turn.config.groups(set)) =>
            {
                self.released(turn, set, held);
            }
            Standby::Acquiring { set, .. } => {
                let taken = set.seen_from_other();
                if turn.groups.settled(turn.config.groups(taken)) {
                    self.acquired(turn, set, taken);
                }
            }
            Standby::Not
            | Standby::Asked { .. }
            | Standby::Releasing { .. }
            | Standby::Released { .. }
            | Standby::Promised { .. } => {}
        }
    }

    fn released(&mut self, turn: &mut Turn<'_>, set: Hold, held: Hold) {
        if turn.groups.blocked(turn.config.groups(set)) {
            // What does not stop here must not start there: take back what we had of it.
            turn.tell(Notice::StandbyBlocked { set });
            self.hold = self.hold.union(held);
            self.standby = Standby::Not;
            self.other_stable = true;
            turn.groups.own(turn.config.groups(held), Level::Held, turn.actions);
            self.report(turn, Info::Absent);
            return;
        }
        turn.tell(Notice::ReleaseCompleted { set });
        turn.tell(Notice::StandbyCompleted { set });
        turn.send(answer(set, Step::Done));
        self.standby = Standby::Released { set, until: turn.now.after(WORK_WITHIN) };
    }

    fn acquired(&mut self, turn: &mut Turn<'_>, set: Hold, taken: Hold) {
        turn.tell(Notice::AcquisitionCompleted { set: taken });
        turn.send(answer(set, Step::Done));
        self.hold = self.hold.union(taken);
        turn.tell(Notice::StandbyAcquired { set });
        self.tell_initial(turn, Initial::AutoFailback);
        self.standby = Standby::Not;
        self.report(turn, Info::Absent);
    }

    /// One of ours reports that it is settled: for it the dialogue is over. Whoever
    /// asked has given up, whoever promised has forgotten it or has finished. (An
    /// original may say so and still go on.)
    pub(super) fn other_has_no_dialogue(&mut self, turn: &mut Turn<'_>) {
        match self.standby {
            Standby::Not | Standby::Asked { .. } | Standby::Acquiring { .. } => return,
            Standby::Promised { .. } | Standby::Releasing { .. } => {}
            Standby::Released { .. } => self.needs_failback &= self.hold.foreign,
        }
        self.leave_dialogue(turn);
        self.other_stable = false;
    }

    /// Whether the other node holds its groups again that it had released for us: it
    /// has held us for dead while we acquire them.
    pub(super) const fn is_taken_back(&self, report: Report) -> bool {
        let Standby::Acquiring { set, .. } = self.standby else { return false };
        report.full && !report.late && set.local && report.hold.local
    }

    /// The dialogue is over. What is still being released is not settled before it is:
    /// until then nobody may claim it.
    fn leave_dialogue(&mut self, turn: &Turn<'_>) {
        if let Standby::Releasing { set, .. } = self.standby {
            let releasing = turn.config.groups(set);
            self.yielding = Some(self.yielding.unwrap_or_default().union(releasing));
        }
        self.standby = Standby::Not;
    }

    /// Ends the dialogue: the other node died or started anew.
    pub(super) fn cancel_standby(&mut self, turn: &mut Turn<'_>) {
        if let Standby::Acquiring { set, .. } = self.standby {
            // The other node has released them and we are starting them: they are ours.
            let taken = set.seen_from_other();
            self.hold = self.hold.union(taken);
            self.needs_failback |= taken.foreign;
        }
        if self.standby != Standby::Not {
            turn.tell(Notice::StandbyCancelled);
            self.leave_dialogue(turn);
        }
    }

    /// Gives up a dialogue that takes too long.
    pub(super) fn tick_standby(&mut self, turn: &mut Turn<'_>) {
        if self.standby.deadline().is_some_and(|until| until <= turn.now) {
            turn.tell(Notice::StandbyUnanswered);
            self.leave_dialogue(turn);
            self.other_stable = true;
            self.report(turn, Info::Absent);
        }
    }

    /// Offers the other node the sets whose groups failed to start here.
    pub(super) fn offer_failed(&mut self, turn: &mut Turn<'_>) {
        let due = turn.groups.offers(turn.now);
        if due.is_empty() {
            return;
        }
        let set = held_set(turn, due).intersection(self.hold);
        if set == Hold::NONE || turn.groups.blocked(turn.config.groups(set)) {
            return;
        }
        let ready = self.standby == Standby::Not
            && turn.peer.alive
            && self.other_stable
            && self.is_stable()
            && !self.is_busy();
        if !ready || !self.ask_standby(turn, set) {
            turn.groups.offer_later(due, turn.now.after(OFFER_RETRY));
        }
    }
}

/// The sets that the groups of `due` belong to.
pub(super) fn held_set(turn: &Turn<'_>, due: GroupSet) -> Hold {
    let local = due.iter().any(|group| turn.config.is_local(group));
    let foreign = due.iter().any(|group| !turn.config.is_local(group));
    Hold { local, foreign }
}
