//! When the other node dies, leaves or comes back from a split, and when this one
//! leaves (specification 5.5, 5.6, 6.3, 6.4).

use crate::action::{Action, push};
use crate::notice::{Initial, Notice};
use crate::order::Ownership as Level;
use crate::time::Duration;
use crate::turn::Turn;
use crate::wire::{Hold, Info, Message, StonithResult};

use super::standby::{Standby, held_set};
use super::{Ownership, Phase};

/// How long a node that has said good-bye still answers requests for lost messages, at
/// least. Longer where a beat, which shows the loss, and two requests take longer.
const LINGER: Duration = Duration::from_secs(1);

impl Ownership {
    /// The other node is dead; `left` says that it had given its groups up before.
    pub(crate) fn peer_died(&mut self, turn: &mut Turn<'_>, left: bool) {
        let Some(peer) = turn.peer.node else { return };
        self.cancel_standby(turn);
        self.other = Hold::NONE;
        self.other_stable = true;
        self.starting_heard = false;
        self.empty_heard = false;
        if left {
            turn.tell(Notice::GaveUp { node: peer });
            turn.send(Message::Stonith { node: peer, result: StonithResult::Unneeded });
            return;
        }
        turn.tell(Notice::NoStonith);
        turn.tell(Notice::DisksUnprotected);
        turn.tell(Notice::AcquiringFrom { node: peer });
        turn.send(Message::Stonith { node: peer, result: StonithResult::NotConfigured });
    }

    /// Takes everything: the other node is dead, or has left.
    pub(crate) fn take_over(&mut self, turn: &mut Turn<'_>) {
        let Some(peer) = turn.peer.node else { return };
        if self.phase == Phase::Shutdown {
            return;
        }
        let local = turn.config.groups(Hold::LOCAL);
        if local.is_empty() {
            turn.tell(Notice::NoLocalResources);
        } else if !self.hold.local {
            self.acquiring_local = Some(local);
        }
        let foreign = turn.config.groups(Hold::FOREIGN);
        if !self.hold.foreign {
            for group in foreign.iter() {
                turn.tell(Notice::TakingOver { group });
            }
        }
        self.hold = Hold::ALL;
        self.yielding = None;
        self.local_timer = None;
        // Nobody else is left to run what failed here before.
        turn.groups.forgive(turn.groups.all());
        turn.groups.own(local.union(foreign), Level::Held, turn.actions);
        self.taking_over = Some((foreign, peer));
        self.settle_down(turn);
    }

    /// A takeover has been carried out.
    pub(super) fn settle_takeover(&mut self, turn: &mut Turn<'_>) {
        let Some((set, peer)) = self.taking_over else { return };
        if !turn.groups.settled(set) {
            return;
        }
        self.taking_over = None;
        self.needs_failback = true;
        self.phase = Phase::Stable;
        // The report of our own groups may have started it while they were acquired.
        self.local_timer = None;
        turn.tell(Notice::ForeignAcquired);
        turn.tell(Notice::TakeoverComplete);
        self.tell_initial(turn, Initial::MachDown);
        turn.tell(Notice::TakeoverCompleteFor { node: peer });
        let (hold, info) = (Hold::FOREIGN, Info::MachDown);
        turn.send(Message::Resource { hold, full: false, stable: None, info });
        if turn.peer.alive {
            self.report(turn, Info::Absent);
        }
    }

    /// The other node has released everything and goes: take what it had at once.
    pub(super) fn heard_goodbye(&mut self, turn: &mut Turn<'_>) {
        let Some(peer) = turn.peer.node else { return };
        turn.tell(Notice::ShutdownNotice { node: peer });
        self.cancel_standby(turn);
        self.other = Hold::NONE;
        self.other_stable = true;
        self.starting_heard = false;
        self.empty_heard = false;
        turn.tell(Notice::AcquiringFrom { node: peer });
        self.take_over(turn);
    }

    /// The other node was held for dead and lives: both may hold everything.
    pub(crate) fn partition_healed(&mut self, turn: &mut Turn<'_>) {
        self.cancel_standby(turn);
        self.taking_over = None;
        // Until it reports, it is taken to hold all that it can.
        self.other = Hold::ALL;
        self.other_stable = false;
        self.needs_failback = false;
        if matches!(self.phase, Phase::Init | Phase::Shutdown) {
            return;
        }
        self.local_timer = None;
        self.phase = Phase::Stable;
        self.yield_foreign(turn);
        // A report that is not settled, then one that is: the second makes the other
        // node report in its turn.
        let (hold, stable) = (self.hold, Some(false));
        turn.send(Message::Resource { hold, full: true, stable, info: Info::Absent });
        self.settle_down(turn);
    }

    /// Lets go of the groups that prefer the other node.
    pub(super) fn yield_foreign(&mut self, turn: &mut Turn<'_>) {
        let foreign = turn.config.groups(Hold::FOREIGN);
        if self.hold.foreign
            && !foreign.is_empty()
            && let Some(node) = turn.peer.node
        {
            turn.tell(Notice::YieldForeign { node });
        }
        self.hold.foreign = false;
        self.needs_failback = false;
        turn.groups.own(foreign, Level::Released, turn.actions);
        self.yielding = Some(self.yielding.unwrap_or_default().union(foreign));
    }

    /// What we let go of has been released. What does not stop is ours all the same,
    /// unless the other node has it too.
    pub(super) fn settle_yielding(&mut self, turn: &mut Turn<'_>) {
        let Some(set) = self.yielding.filter(|set| turn.groups.settled(*set)) else { return };
        self.yielding = None;
        let stuck = set.iter().filter(|group| turn.groups.is_blocked(*group)).collect();
        let kept = held_set(turn, stuck).minus(self.other.seen_from_other());
        self.hold = self.hold.union(kept);
        self.report(turn, Info::Absent);
    }

    /// The operator wants us to end. Asked again when everything has been said, we end
    /// at once; when a resource did not stop, it is tried again.
    pub(crate) fn shut_down(&mut self, turn: &mut Turn<'_>) {
        if self.exit_at.is_some() {
            push(turn.actions, Action::Exit);
            return;
        }
        turn.tell(Notice::ShutdownBegun);
        if self.phase == Phase::Shutdown {
            if self.leaving.is_none() {
                turn.groups.forgive(turn.groups.all());
                self.leave(turn);
            }
            return;
        }
        turn.tell(Notice::GivingUpAll);
        self.standby = Standby::Not;
        self.acquiring_local = None;
        self.taking_over = None;
        self.yielding = None;
        self.local_timer = None;
        self.phase = Phase::Shutdown;
        self.hold = Hold::NONE;
        self.needs_failback = false;
        let (hold, stable) = (Hold::NONE, Some(false));
        turn.send(Message::Resource { hold, full: true, stable, info: Info::Shutdown });
        self.leave(turn);
    }

    /// Releases everything.
    fn leave(&mut self, turn: &mut Turn<'_>) {
        let all = turn.groups.all();
        turn.groups.own(all, Level::Released, turn.actions);
        self.leaving = Some(all);
        self.settle_shutdown(turn);
    }

    /// Everything has been released: say good-bye, then end.
    pub(super) fn settle_shutdown(&mut self, turn: &mut Turn<'_>) {
        let Some(set) = self.leaving else { return };
        if !turn.groups.settled(set) {
            return;
        }
        self.leaving = None;
        if turn.groups.blocked(set) {
            turn.tell(Notice::ShutdownBlocked);
            return;
        }
        turn.tell(Notice::AllRelinquished);
        turn.send(Message::Shutdone);
        let timing = &turn.config.settings().timing;
        let noticed = timing.keepalive.plus(timing.max_rexmit_delay.times(2));
        let linger = if turn.peer.alive { LINGER.max(noticed) } else { Duration::ZERO };
        self.exit_at = Some(turn.now.after(linger));
    }
}
