//! Taking a datagram apart: what is believed of it, and who hears of it.

use super::Node;
use crate::action::{Action, Actions, push, tell};
use crate::config::NodeKind;
use crate::detector::Lateness;
use crate::history::Lookup;
use crate::id::{Fingerprint, Generation, LinkId, NodeId, Sequence, Uuid};
use crate::limits::REXMIT_BURST_MAX;
use crate::membership::Belief;
use crate::notice::{Notice, Reject};
use crate::ownership::Ownership;
use crate::reception::{Arrival, Gap};
use crate::time::{Duration, Instant};
use crate::wire::{DecodeError, Frame, Header, Message, Status};

/// A packet of the other node whose signature holds, on its way in.
#[derive(Clone, Copy)]
struct Packet {
    link: LinkId,
    uuid: Option<Uuid>,
    node: NodeId,
    generation: Generation,
    sequence: Option<Sequence>,
    /// It is for us, or for everybody.
    addressed: bool,
    message: Message,
}

impl Node {
    pub(super) fn received(
        &mut self,
        now: Instant,
        link: LinkId,
        datagram: &[u8],
        actions: &mut Actions,
    ) {
        assert!(link.index() < self.config.settings().links.len(), "a link is a configured one");
        match self.open(link, datagram) {
            Ok(Origin::Peer(packet)) => self.heard_peer(now, packet, actions),
            Ok(Origin::Ourselves) => {
                if self.membership.hear_own_link(link) {
                    tell(actions, Notice::LinkUp { node: self.config.me(), link });
                }
            }
            Err(why) => self.rejects.note(now, why, Notice::Rejected { link, why }, actions),
        }
    }

    /// Checks the signature and reads what there is.
    fn open(&self, link: LinkId, datagram: &[u8]) -> Result<Origin, Reject> {
        let frame = Frame::decode(datagram, &self.keys).map_err(|error| match error {
            DecodeError::Parse(_) => Reject::Malformed,
            DecodeError::Auth(_) => Reject::Unauthenticated,
        })?;
        let header = Header::read(&frame).map_err(|_| Reject::Incomplete)?;
        let node = self.identify(&header).ok_or(Reject::UnknownNode)?;
        let generation = header.generation;
        if node == self.config.me() {
            let ours = generation == self.incarnation.generation;
            return if ours { Ok(Origin::Ourselves) } else { Err(Reject::Ourselves) };
        }
        let message = match Message::read(&frame) {
            Ok(message) => message,
            // Its number must count all the same, or it is asked for again for ever.
            Err(_) if header.sequence.is_some() => Message::Other,
            Err(_) => return Err(Reject::Incomplete),
        };
        let addressed = match (header.dest_uuid, header.dest) {
            (Some(uuid), _) => uuid == self.incarnation.uuid,
            (None, Some(name)) => name.eq_ignore_ascii_case(self.config.name(self.config.me())),
            (None, None) => true,
        };
        let sequence = header.sequence.filter(|sequence| *sequence != Sequence(0));
        // Only the types NS_* come without a number. Nothing of any other is believed then,
        // its generation least of all: one too large would shut its sender out.
        let numbered = message.is_sequenced() && message != Message::Other;
        if numbered && sequence.is_none() {
            return Err(Reject::Incomplete);
        }
        let uuid = header.source_uuid;
        Ok(Origin::Peer(Packet { link, uuid, node, generation, sequence, addressed, message }))
    }

    /// The node that sent it: by its name, since a UUID may be new to us.
    fn identify(&self, header: &Header<'_>) -> Option<NodeId> {
        let named = |node: &NodeId| header.source.eq_ignore_ascii_case(self.config.name(*node));
        self.config.nodes(NodeKind::Normal).find(named)
    }

    /// A packet of the other node: is it believed, is it new, and what does it say?
    fn heard_peer(&mut self, now: Instant, packet: Packet, actions: &mut Actions) {
        let (newest, heard) = (self.membership.other.newest, self.membership.other.heard);
        let mine = self.incarnation.generation;
        let belief = self.membership.judge(packet.generation, mine, &packet.message);
        if packet.generation > newest {
            let (node, generation) = (packet.node, packet.generation);
            push(actions, Action::Record { node, generation });
        }
        if self.membership.other.heard > heard && self.membership.status != Status::Init {
            // It must hear that we hear it, or it will not believe us.
            self.beat(actions);
        }
        match belief {
            Belief::Known => {}
            Belief::NewLife => self.begin_life(now, &packet, actions),
            Belief::Replayed => {
                let (node, generation) = (packet.node, packet.generation);
                let notice = Notice::ReplayAttack { node, generation, current: newest };
                self.rejects.note(now, Reject::Replayed, notice, actions);
                return;
            }
            Belief::Unproven { worth_telling: true } => {
                let notice = Notice::UnprovenSender { node: packet.node };
                self.rejects.note(now, Reject::Unproven, notice, actions);
                return;
            }
            Belief::Unproven { worth_telling: false } => {
                self.rejects.count_only(Reject::Unproven);
                return;
            }
        }
        if packet.uuid.is_some() {
            self.membership.other.uuid = packet.uuid;
        }
        match packet.sequence {
            Some(sequence) if packet.message.is_sequenced() => {
                self.heard_sequenced(now, packet, sequence, actions);
            }
            Some(_) | None => {
                self.refresh_link(now, packet.node, packet.link, actions);
                if packet.addressed {
                    self.heard_service(now, packet, actions);
                }
            }
        }
    }

    fn begin_life(&mut self, now: Instant, packet: &Packet, actions: &mut Actions) {
        let active = matches!(packet.message, Message::Status { status: Status::Active, .. });
        if self.membership.begin_life(packet.generation, active) {
            tell(actions, Notice::NodeRestarted { node: packet.node });
        }
        self.history.forget_acknowledgements();
        self.ownership_turn(now, actions, Ownership::peer_restarted);
    }

    fn heard_sequenced(
        &mut self,
        now: Instant,
        packet: Packet,
        sequence: Sequence,
        actions: &mut Actions,
    ) {
        let delay = self.config.settings().timing.max_rexmit_delay;
        let reception = &mut self.membership.other.reception;
        let arrival = reception.note(now, sequence, delay, &mut self.random);
        let acknowledgement = reception.acknowledgement(sequence, arrival);
        let newest = reception.last().unwrap_or(sequence);
        match arrival {
            Arrival::Old => return,
            Arrival::Duplicate => {
                self.refresh_link(now, packet.node, packet.link, actions);
                return;
            }
            Arrival::New(gap) => tell_gap(packet.node, gap, newest, actions),
        }
        self.refresh_link(now, packet.node, packet.link, actions);
        let acks = match packet.message {
            Message::Status { acks, .. } => acks,
            _ => self.membership.other.acks,
        };
        if let Some(sequence) = acknowledgement.filter(|_| acks) {
            self.send(Some(packet.node), Message::Ack { sequence }, actions);
        }
        if packet.addressed {
            // A beat that comes late says nothing about the present.
            let is_newest = sequence == newest;
            self.deliver(now, packet, sequence, is_newest, actions);
        }
    }

    fn refresh_link(&mut self, now: Instant, node: NodeId, link: LinkId, actions: &mut Actions) {
        if self.membership.detector_mut(node).hear_link(now, link) {
            tell(actions, Notice::LinkUp { node, link });
        }
    }

    /// A new message for us.
    fn deliver(
        &mut self,
        now: Instant,
        packet: Packet,
        sequence: Sequence,
        is_newest: bool,
        actions: &mut Actions,
    ) {
        match packet.message {
            Message::Status { status, deadtime, acks, config, hears } => {
                // Death is judged by silence: who says that it is dead speaks.
                let lives = matches!(status, Status::Init | Status::Up | Status::Active);
                if is_newest && lives {
                    let ours = hears.is_some();
                    self.heard_beat(now, packet.node, (status, deadtime), actions);
                    self.note_features(packet.node, acks, ours, config, actions);
                }
            }
            Message::ReqNodes => self.send(Some(packet.node), Message::RepNodes, actions),
            Message::RepNodes => self.membership.nodes_known = true,
            Message::Shutdone => {
                self.membership.other.left = true;
                self.ownership_turn(now, actions, |ownership, turn| {
                    ownership.heard(turn, sequence, packet.message);
                });
            }
            Message::Starting
            | Message::Resource { .. }
            | Message::AskResources { .. }
            | Message::TakeoverRequest { .. } => {
                if self.membership.other_alive() {
                    self.ownership_turn(now, actions, |ownership, turn| {
                        ownership.heard(turn, sequence, packet.message);
                    });
                }
            }
            Message::Ack { .. }
            | Message::RexmitRequest { .. }
            | Message::Nak { .. }
            | Message::Stonith { .. }
            | Message::Other => {}
        }
    }

    /// The heartbeat itself.
    fn heard_beat(
        &mut self,
        now: Instant,
        node: NodeId,
        (status, advertised): (Status, Duration),
        actions: &mut Actions,
    ) {
        let timing = self.config.settings().timing;
        // What a node that has said good-bye held is ours already.
        let healed =
            self.membership.detector(node).status() == Status::Dead && !self.membership.other.left;
        let deadtime = advertised.max(timing.deadtime);
        let detector = self.membership.detector_mut(node);
        let (lateness, changed) = detector.hear(now, status, deadtime, timing.warntime);
        match lateness {
            Lateness::Timely => {}
            Lateness::Late(interval) => tell(actions, Notice::LateBeat { node, interval }),
            Lateness::TooLate(interval) => tell(actions, Notice::TooLateBeat { node, interval }),
        }
        if healed {
            tell(actions, Notice::Partition { node });
            tell(actions, Notice::PartitionInfo);
            tell(actions, Notice::DeadtimeTooSmall);
        }
        if changed {
            tell(actions, Notice::StatusUpdate { node, status });
        }
        if healed {
            self.ownership_turn(now, actions, Ownership::partition_healed);
        }
    }

    /// What a beat tells of its sender beside that it lives.
    fn note_features(
        &mut self,
        node: NodeId,
        acks: bool,
        ours: bool,
        config: Option<Fingerprint>,
        actions: &mut Actions,
    ) {
        let own = self.config.settings().fingerprint;
        let other = &mut self.membership.other;
        if other.acks && !acks {
            tell(actions, Notice::FlowControlOff);
        }
        other.acks = acks;
        other.ours = ours;
        if other.config != config {
            match config {
                Some(theirs) if theirs != own => {
                    tell(actions, Notice::ConfigurationDiffers { node });
                }
                Some(_) if other.config.is_some() => {
                    tell(actions, Notice::ConfigurationAgrees { node });
                }
                Some(_) | None => {}
            }
            other.config = config;
        }
    }

    /// The messages that keep the others flowing: `NS_*`.
    fn heard_service(&mut self, now: Instant, packet: Packet, actions: &mut Actions) {
        let node = packet.node;
        match packet.message {
            Message::Ack { sequence } => self.history.acknowledge(sequence),
            Message::RexmitRequest { first, last } => {
                self.send_again(now, node, (first, last), actions);
            }
            Message::Nak { sequence, .. } => {
                if self.membership.other.reception.give_up(sequence) {
                    tell(actions, Notice::LostForGood { node, sequence });
                }
            }
            Message::Status { .. }
            | Message::ReqNodes
            | Message::RepNodes
            | Message::Starting
            | Message::Resource { .. }
            | Message::AskResources { .. }
            | Message::TakeoverRequest { .. }
            | Message::Shutdone
            | Message::Stonith { .. }
            | Message::Other => {}
        }
    }

    /// Answers a request for lost messages, at most [`REXMIT_BURST_MAX`] of them.
    fn send_again(
        &mut self,
        now: Instant,
        node: NodeId,
        (first, last): (Sequence, Sequence),
        actions: &mut Actions,
    ) {
        let wanted = (first.0..=last.0).take(REXMIT_BURST_MAX).map(Sequence);
        for sequence in wanted {
            match self.history.look_up(sequence) {
                Lookup::Kept(transmission) => {
                    if self.history.may_resend(now, sequence) {
                        push(actions, Action::Send(transmission));
                    }
                }
                Lookup::Gone(reason) => {
                    let notice = Notice::CannotResend { node, sequence, reason };
                    self.rejects.note(now, Reject::Unanswerable, notice, actions);
                    if self.history.may_refuse(now) {
                        self.send(Some(node), Message::Nak { sequence, reason }, actions);
                    }
                }
                Lookup::Acknowledged => {}
                Lookup::Unsent => {
                    let last = self.history.last();
                    let notice = Notice::ResendUnsent { asked: sequence, last };
                    self.rejects.note(now, Reject::Unanswerable, notice, actions);
                    break;
                }
            }
        }
    }
}

/// Who sent a datagram that is authentic.
enum Origin {
    Ourselves,
    Peer(Packet),
}

fn tell_gap(node: NodeId, gap: Gap, newest: Sequence, actions: &mut Actions) {
    match gap {
        Gap::None | Gap::Filled => {}
        Gap::Lost { after, count } => {
            tell(actions, Notice::Lost { node, count, after, newest });
        }
        Gap::GivenUp { after, count } => {
            tell(actions, Notice::Lost { node, count, after, newest });
            tell(actions, Notice::LostTooMany { node });
        }
        Gap::Closed => tell(actions, Notice::NothingMissing { node }),
    }
}
