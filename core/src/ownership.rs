//! Who holds which groups: the handshake of specification 6.
//!
//! Each node tells what it holds, from its own point of view, and whether that is
//! settled (`isstable`). A node acquires its local groups once both are settled
//! and nobody else holds them. What differs from the original, and why:
//!
//! - Two fresh nodes need not wait ten seconds: when each has heard the other's
//!   `starting` and its empty report, there is nothing left to wait for.
//! - After a healed split, and whenever both claim a group, the node that the
//!   group does **not** prefer lets go; nobody restarts.
//! - A settled pair of which nobody holds a group: the preferred node takes it.
//!
//! Read first: `turn.rs`. The standby dialogue (specification 7) is in
//! `ownership/standby.rs`; deaths, splits and good-byes are in
//! `ownership/takeover.rs`.

use crate::action::{Action, push};
use crate::id::{GroupSet, NodeId, Sequence};
use crate::notice::{Initial, Notice};
use crate::order::Ownership as Level;
use crate::time::{Duration, Instant};
use crate::turn::Turn;
use crate::wire::{Hold, Info, Message, Step};

use standby::Standby;

mod standby;
mod takeover;

/// How long two fresh nodes wait for each other's reports (specification 6.2).
const LOCAL_TIMER: Duration = Duration::from_secs(10);
/// How often an automatic failback that could not be asked for is tried again.
const FAILBACK_RETRY: Duration = Duration::from_secs(1);

/// The state of the handshake (`rstate` of specification 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Communication is not up.
    Init,
    /// `starting` has been sent.
    Starting,
    /// Both nodes have sent `starting`.
    BothStarting,
    /// A report has been heard; the local timer runs.
    Received,
    /// What is held is settled.
    Stable,
    /// Everything is being released for good.
    Shutdown,
}

impl Phase {
    /// The word for it in `status`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Starting => "starting",
            Self::BothStarting => "bothstarting",
            Self::Received => "rscrcvd",
            Self::Stable => "stable",
            Self::Shutdown => "shutdown",
        }
    }
}

/// This node's part in the ownership protocol.
#[derive(Clone, Debug)]
pub(crate) struct Ownership {
    phase: Phase,
    hold: Hold,
    /// What the other node holds, from its own point of view, as far as it told.
    other: Hold,
    other_stable: bool,
    /// What both held and the other node gave up, but may not have released yet.
    let_go: GroupSet,
    /// We hold foreign groups because the other node died or left.
    needs_failback: bool,
    local_timer: Option<Instant>,
    failback_at: Option<Instant>,
    /// The first acquisition has been told.
    initial_told: bool,
    /// The other node has said `starting` in its current generation.
    starting_heard: bool,
    /// It has reported that it holds nothing and is not settled.
    empty_heard: bool,
    /// The number of its newest report: an older one that comes late is no news.
    newest_report: Sequence,
    /// The number of its newest step of a standby dialogue.
    newest_step: Sequence,
    standby: Standby,
    /// Sets of groups whose orders are being carried out, by the reason.
    acquiring_local: Option<GroupSet>,
    taking_over: Option<(GroupSet, NodeId)>,
    yielding: Option<GroupSet>,
    leaving: Option<GroupSet>,
    exit_at: Option<Instant>,
}

impl Ownership {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Init,
            hold: Hold::NONE,
            other: Hold::NONE,
            other_stable: false,
            let_go: GroupSet::EMPTY,
            needs_failback: false,
            local_timer: None,
            failback_at: None,
            initial_told: false,
            starting_heard: false,
            empty_heard: false,
            newest_report: Sequence(0),
            newest_step: Sequence(0),
            standby: Standby::Not,
            acquiring_local: None,
            taking_over: None,
            yielding: None,
            leaving: None,
            exit_at: None,
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) const fn hold(&self) -> Hold {
        self.hold
    }

    pub(crate) const fn other(&self) -> Hold {
        self.other
    }

    /// Whether a transition is under way (`rscstatus` says `transition`).
    pub(crate) const fn in_transition(&self) -> bool {
        !matches!(self.phase, Phase::Stable)
            || !matches!(self.standby, Standby::Not)
            || self.is_busy()
    }

    /// Whether orders are being carried out for a transition of our own.
    const fn is_busy(&self) -> bool {
        self.acquiring_local.is_some()
            || self.taking_over.is_some()
            || self.yielding.is_some()
            || self.leaving.is_some()
    }

    /// Whether what we hold is settled, as `isstable` tells it.
    const fn is_stable(&self) -> bool {
        matches!(self.phase, Phase::Stable)
            && matches!(self.standby, Standby::Not)
            && self.yielding.is_none()
    }

    /// Our communication is up: begin the handshake.
    pub(crate) fn communication_up(&mut self, turn: &mut Turn<'_>) {
        if self.phase == Phase::Shutdown {
            // The operator has changed his mind before it came up.
            return;
        }
        assert!(self.phase == Phase::Init, "communication comes up once");
        self.phase = Phase::Starting;
        turn.send(Message::Starting);
        if turn.peer.node.is_none() {
            // Nobody is there to agree with.
            self.local_timer_fired(turn);
            self.settle_down(turn);
        }
        if self.starting_heard && turn.peer.alive {
            self.heard_starting(turn, true);
        }
    }

    /// The other node has started anew: what it told before is void.
    pub(crate) fn peer_restarted(&mut self, turn: &mut Turn<'_>) {
        self.starting_heard = false;
        self.empty_heard = false;
        self.newest_report = Sequence(0);
        self.newest_step = Sequence(0);
        self.other = Hold::NONE;
        self.other_stable = false;
        self.cancel_standby(turn);
        if matches!(self.phase, Phase::Starting | Phase::BothStarting | Phase::Received) {
            // Its new life has not heard ours begin, and would wait for it.
            turn.send(Message::Starting);
        }
    }

    /// A message of the other node that is about ownership; others are ignored.
    pub(crate) fn heard(&mut self, turn: &mut Turn<'_>, sequence: Sequence, message: Message) {
        match message {
            Message::Starting => {
                self.starting_heard = true;
                if self.phase != Phase::Init {
                    self.heard_starting(turn, sequence > self.newest_report);
                }
            }
            // Lost on purpose: our own `starting` makes it report again.
            _ if self.phase == Phase::Init => {}
            Message::Resource { hold, full, stable, info } => {
                if sequence > self.newest_report {
                    self.newest_report = sequence;
                    let late = sequence < self.newest_step;
                    self.heard_report(turn, Report { hold, full, stable, info, late });
                }
            }
            // It has reported since that it is settled: it asks no more. (Of an original
            // that proves nothing.)
            Message::AskResources { step: Step::Me, .. }
                if turn.peer.ours && self.other_stable && sequence < self.newest_report => {}
            // A step that comes after a later one belongs to a dialogue that is over.
            Message::AskResources { .. } if sequence < self.newest_step => {}
            Message::AskResources { set, step } => {
                self.newest_step = self.newest_step.max(sequence);
                self.heard_ask(turn, set, step);
            }
            Message::TakeoverRequest { set } => {
                self.ask_standby(turn, set.seen_from_other());
            }
            Message::Shutdone => self.heard_goodbye(turn),
            Message::Status { .. }
            | Message::Ack { .. }
            | Message::RexmitRequest { .. }
            | Message::Nak { .. }
            | Message::ReqNodes
            | Message::RepNodes
            | Message::Stonith { .. }
            | Message::Other => {}
        }
        self.settle_down(turn);
    }

    /// Answers `starting`. One that was lost, and comes after later reports, is no news:
    /// it takes nothing back, but its sender still waits for the answer.
    fn heard_starting(&mut self, turn: &mut Turn<'_>, is_news: bool) {
        if self.phase == Phase::Starting {
            self.phase = Phase::BothStarting;
        }
        self.other_stable &= !is_news;
        self.report(turn, Info::Absent);
        self.end_wait(turn);
    }

    /// Two fresh nodes that have heard all there is to hear need not wait on.
    fn end_wait(&mut self, turn: &mut Turn<'_>) {
        let waiting = self.phase == Phase::Received && self.local_timer.is_some();
        if waiting && self.starting_heard && self.empty_heard {
            self.local_timer_fired(turn);
        }
    }

    fn heard_report(&mut self, turn: &mut Turn<'_>, report: Report) {
        self.note_first_report(turn.now);
        let before = self.other;
        self.other = match (report.full, report.hold) {
            (true, hold) => hold,
            (false, Hold::NONE) => Hold::NONE,
            (false, hold) => self.other.union(hold),
        };
        let let_go =
            turn.config.groups(before.seen_from_other().minus(self.other.seen_from_other()));
        let shared = let_go.iter().filter(|group| turn.groups.held().contains(*group)).collect();
        announce(turn, shared);
        self.let_go = self.let_go.union(shared);
        turn.groups.drop_leftovers(turn.config.groups(self.other.seen_from_other()), turn.actions);
        self.empty_heard |= report.is_empty();
        match report.stable {
            Some(true) => self.heard_stable(turn, report),
            Some(false) => self.other_stable = false,
            None => {}
        }
        self.end_wait(turn);
        self.resolve_conflict(turn, report);
    }

    /// The other node reports that it is settled.
    fn heard_stable(&mut self, turn: &mut Turn<'_>, report: Report) {
        if turn.peer.ours && !report.late {
            self.other_has_no_dialogue(turn);
        }
        if !self.other_stable {
            turn.tell(Notice::RemoteTransition);
            self.other_stable = true;
            // Until now the segment may have heard from the other node that it has them.
            announce(turn, core::mem::replace(&mut self.let_go, GroupSet::EMPTY));
            self.report(turn, Info::Absent);
        }
        if !matches!(self.phase, Phase::Stable | Phase::Shutdown) {
            turn.tell(Notice::RemoteTransition);
            self.local_timer = None;
            self.phase = Phase::Stable;
            self.take_local(turn);
            self.tell_initial(turn, Initial::Them);
            self.report(turn, Info::Absent);
        }
    }

    /// Nobody was settled, and the wait is over.
    fn local_timer_fired(&mut self, turn: &mut Turn<'_>) {
        self.local_timer = None;
        self.phase = Phase::Stable;
        turn.tell(Notice::LocalTransition);
        self.tell_initial(turn, Initial::Us);
        self.take_local(turn);
        self.report(turn, Info::Absent);
    }

    fn tell_initial(&mut self, turn: &mut Turn<'_>, by: Initial) {
        if !self.initial_told {
            self.initial_told = true;
            turn.tell(Notice::InitialAcquisition { by });
        }
    }

    /// Acquires the groups that prefer this node, unless the other node has them.
    fn take_local(&mut self, turn: &mut Turn<'_>) {
        if self.other.foreign || self.hold.local {
            turn.tell(Notice::LocalAcquiredNone);
            return;
        }
        self.hold.local = true;
        let local = turn.config.groups(Hold::LOCAL);
        if local.is_empty() {
            turn.tell(Notice::NoLocalResources);
        }
        turn.groups.own(local, Level::Held, turn.actions);
        self.acquiring_local = Some(local);
    }

    /// When both claim a group, the node that it does not prefer lets go.
    fn resolve_conflict(&mut self, turn: &mut Turn<'_>, report: Report) {
        if self.is_taken_back(report) {
            turn.tell(Notice::BothOwnForeign);
            self.cancel_standby(turn);
            self.yield_foreign(turn);
            self.report(turn, Info::Absent);
            return;
        }
        let moving = !matches!(self.standby, Standby::Not | Standby::Asked { .. });
        if self.phase != Phase::Stable || moving || !report.full {
            return;
        }
        if self.hold.local && report.hold.foreign {
            turn.tell(Notice::BothOwnLocal);
        }
        if self.hold.foreign && report.hold.local {
            turn.tell(Notice::BothOwnForeign);
            // Whoever claims the groups does not answer an offer of them.
            self.cancel_standby(turn);
            self.yield_foreign(turn);
            self.report(turn, Info::Absent);
        }
    }

    /// Tells what we hold.
    fn report(&mut self, turn: &mut Turn<'_>, info: Info) {
        let stable = Some(self.is_stable());
        turn.send(Message::Resource { hold: self.hold, full: true, stable, info });
        self.note_first_report(turn.now);
    }

    /// A report of either node, our own ones too, starts the local timer, once.
    fn note_first_report(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Starting | Phase::BothStarting) {
            self.phase = Phase::Received;
            self.local_timer = Some(now.after(LOCAL_TIMER));
        }
    }

    /// After every event: what has settled, and what is still to be done.
    pub(crate) fn settle_down(&mut self, turn: &mut Turn<'_>) {
        self.settle_local(turn);
        self.settle_takeover(turn);
        self.settle_standby(turn);
        self.settle_yielding(turn);
        self.settle_shutdown(turn);
        self.claim_unowned(turn);
        // There may have been nothing to acquire.
        self.settle_local(turn);
        self.fail_back(turn);
    }

    /// The groups that prefer this node have been acquired.
    fn settle_local(&mut self, turn: &mut Turn<'_>) {
        if let Some(set) = self.acquiring_local
            && turn.groups.settled(set)
        {
            self.acquiring_local = None;
            turn.tell(Notice::LocalAcquired);
            self.report(turn, Info::OurResources);
        }
    }

    /// Both are settled and nobody holds our local groups: they are ours.
    fn claim_unowned(&mut self, turn: &mut Turn<'_>) {
        let unowned = self.is_stable()
            && self.other_stable
            && turn.peer.alive
            && !self.is_busy()
            && !self.hold.local
            && !self.other.foreign;
        if unowned {
            if !turn.config.groups(Hold::LOCAL).is_empty() {
                turn.tell(Notice::NobodyOwnsLocal);
            }
            self.take_local(turn);
            self.report(turn, Info::Absent);
        }
    }

    /// Offers the other node its groups back, once it is settled.
    fn fail_back(&mut self, turn: &mut Turn<'_>) {
        let wanted = turn.config.settings().auto_failback
            && self.needs_failback
            && self.hold.foreign
            && turn.peer.alive
            && !turn.groups.blocked(turn.config.groups(Hold::FOREIGN));
        if !wanted {
            self.failback_at = None;
            return;
        }
        if self.failback_at.is_some_and(|at| at > turn.now) {
            return;
        }
        self.failback_at = None;
        if self.other_stable && self.is_stable() && !self.is_busy() {
            // Should nothing come of it, it is asked again, not at once.
            self.failback_at = Some(turn.now.after(FAILBACK_RETRY));
            self.ask_standby(turn, Hold::FOREIGN);
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) {
        if self.local_timer.is_some_and(|at| at <= turn.now) && self.phase == Phase::Received {
            self.local_timer_fired(turn);
        }
        self.tick_standby(turn);
        self.offer_failed(turn);
        self.settle_down(turn);
        if self.exit_at.is_some_and(|at| at <= turn.now) {
            self.exit_at = None;
            turn.tell(Notice::ShutdownComplete);
            push(turn.actions, Action::Exit);
        }
    }

    /// When something is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.local_timer, self.failback_at, self.standby.deadline(), self.exit_at]
            .into_iter()
            .flatten()
            .min()
    }
}

/// A `resource` message.
#[derive(Clone, Copy, Debug)]
struct Report {
    hold: Hold,
    full: bool,
    stable: Option<bool>,
    info: Info,
    /// It was sent before a step of a standby dialogue that has been heard already.
    late: bool,
}

impl Report {
    /// The report of a node that has just started (specification 6.2).
    fn is_empty(&self) -> bool {
        self.full
            && self.hold == Hold::NONE
            && self.stable == Some(false)
            && self.info == Info::Absent
    }
}

/// The other side of a standby dialogue: what this node answers.
const fn answer(set: Hold, step: Step) -> Message {
    Message::AskResources { set, step }
}

/// Tells the segment again where those of `groups` are that this node holds.
fn announce(turn: &mut Turn<'_>, groups: GroupSet) {
    for group in groups.iter().filter(|group| turn.groups.held().contains(*group)) {
        push(turn.actions, Action::Announce { group });
    }
}
