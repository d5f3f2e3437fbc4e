//! What there is to say: one enum, one English sentence each.
//!
//! The sentences are the original's log lines, so that scripts and people that
//! read its log read ours. A notice holds numbers only; [`Notice::line`] gives it
//! the names. Where the original has no such line the sentence is our own.

use core::fmt;

use crate::config::Config;
use crate::id::{Generation, GroupId, LinkId, NodeId, Sequence};
use crate::time::Duration;
use crate::wire::{Hold, NakReason, Status};

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Business as usual.
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
    /// The service is at risk.
    Critical,
}

impl fmt::Display for Severity {
    /// As it stands before the text of a log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "WARN",
            Self::Error => "ERROR",
            Self::Critical => "CRIT",
        })
    }
}

/// Why a datagram was not believed. One counter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reject {
    /// It is no frame.
    Malformed,
    /// Its signature does not hold, or there is none.
    Unauthenticated,
    /// A field that it must have is missing or senseless.
    Incomplete,
    /// Its source is no node of this cluster.
    UnknownNode,
    /// Its generation is older than one seen before.
    Replayed,
    /// It may be a recording: its sender has not shown that it hears us.
    Unproven,
    /// It bears our own name and is none of ours.
    Ourselves,
    /// It asks for messages that cannot be sent again.
    Unanswerable,
}

impl Reject {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::Unauthenticated,
        Self::Incomplete,
        Self::UnknownNode,
        Self::Replayed,
        Self::Unproven,
        Self::Ourselves,
        Self::Unanswerable,
    ];

    /// Its name in `status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Incomplete => "incomplete",
            Self::UnknownNode => "unknown_node",
            Self::Replayed => "replayed",
            Self::Unproven => "unproven",
            Self::Ourselves => "ourselves",
            Self::Unanswerable => "unanswerable",
        }
    }
}

/// Who said it, in the original's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The daemon itself.
    Heartbeat,
    /// The script that takes a dead node's groups.
    MachDown,
}

/// One thing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the sentence of each variant is its documentation")]
pub enum Notice {
    LocalStatus { status: Status },
    CommNowUp,
    LinkUp { node: NodeId, link: LinkId },
    LinkDead { node: NodeId, link: LinkId },
    PingLinkUp { node: NodeId },
    PingLinkDead { node: NodeId },
    DeviceMissing { link: LinkId },
    DeviceDown { link: LinkId },
    DeviceUp { link: LinkId },
    StatusUpdate { node: NodeId, status: Status },
    NodeDead { node: NodeId },
    NodeRestarted { node: NodeId },
    Partition { node: NodeId },
    PartitionInfo,
    DeadtimeTooSmall,
    LateBeat { node: NodeId, interval: Duration },
    TooLateBeat { node: NodeId, interval: Duration },
    Overslept { interval: Duration },
    ClockWentBack { by: Duration },
    NoStonith,
    DisksUnprotected,
    AcquiringFrom { node: NodeId },
    GaveUp { node: NodeId },
    NoLocalResources,
    LocalAcquired,
    LocalAcquiredNone,
    LocalTransition,
    RemoteTransition,
    InitialAcquisition { by: Initial },
    TakingOver { group: GroupId },
    ForeignAcquired,
    TakeoverComplete,
    TakeoverCompleteFor { node: NodeId },
    ShutdownNotice { node: NodeId },
    ShutdownBegun,
    GivingUpAll,
    AllRelinquished,
    ShutdownBlocked,
    ShutdownComplete,
    WantsStandby { node: NodeId, set: Hold },
    CanTake { node: NodeId, set: Hold },
    GiveUp { set: Hold },
    ReleaseCompleted { set: Hold },
    StandbyCompleted { set: Hold },
    AcquireFrom { node: NodeId, set: Hold },
    AcquireSet { set: Hold },
    AcquisitionCompleted { set: Hold },
    StandbyAcquired { set: Hold },
    OtherCompleted { set: Hold },
    OtherInFlux { node: NodeId },
    LocalInFlux { node: NodeId },
    StandbyBusy { node: NodeId, left: Duration },
    StandbyUnanswered,
    StandbyCancelled,
    StandbyAlone,
    StandbyBlocked { set: Hold },
    StandbyOfNothing { set: Hold },
    BothOwnLocal,
    BothOwnForeign,
    NobodyOwnsLocal,
    NobodyOwnsForeign,
    YieldForeign { node: NodeId },
    LeftoverKept { group: GroupId },
    LeftoverDropped { group: GroupId },
    GroupFailed { group: GroupId },
    GroupStaysStopped { group: GroupId },
    GroupBlocked { group: GroupId },
    Lost { node: NodeId, count: u64, after: Sequence, newest: Sequence },
    LostTooMany { node: NodeId },
    NothingMissing { node: NodeId },
    LostForGood { node: NodeId, sequence: Sequence },
    CannotResend { node: NodeId, sequence: Sequence, reason: NakReason },
    ResendUnsent { asked: Sequence, last: Sequence },
    FlowControlOff,
    ReplayAttack { node: NodeId, generation: Generation, current: Generation },
    UnprovenSender { node: NodeId },
    Rejected { link: LinkId, why: Reject },
    Suppressed { why: Reject, count: u32 },
    ConfigurationDiffers { node: NodeId },
    ConfigurationAgrees { node: NodeId },
}

/// What ended the first acquisition (the original's word for it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initial {
    /// Our own timer, or the handshake between two fresh nodes.
    Us,
    /// The other node was settled already.
    Them,
    /// The other node was dead.
    MachDown,
    /// The other node gave our groups back.
    AutoFailback,
}

impl Notice {
    /// How much it matters.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "a table, one line a notice")]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Partition { .. } | Self::TooLateBeat { .. } | Self::GroupBlocked { .. } => {
                Severity::Critical
            }
            Self::ShutdownBlocked
            | Self::StandbyBlocked { .. }
            | Self::BothOwnLocal
            | Self::BothOwnForeign
            | Self::NobodyOwnsLocal
            | Self::NobodyOwnsForeign
            | Self::GroupFailed { .. }
            | Self::GroupStaysStopped { .. }
            | Self::LostTooMany { .. }
            | Self::LostForGood { .. }
            | Self::CannotResend { .. }
            | Self::ReplayAttack { .. }
            | Self::ConfigurationDiffers { .. }
            | Self::Overslept { .. } => Severity::Error,
            Self::NodeDead { .. }
            | Self::DeviceMissing { .. }
            | Self::DeviceDown { .. }
            | Self::DeadtimeTooSmall
            | Self::LateBeat { .. }
            | Self::ClockWentBack { .. }
            | Self::NoStonith
            | Self::DisksUnprotected
            | Self::OtherInFlux { .. }
            | Self::LocalInFlux { .. }
            | Self::StandbyBusy { .. }
            | Self::StandbyUnanswered
            | Self::StandbyAlone
            | Self::StandbyOfNothing { .. }
            | Self::YieldForeign { .. }
            | Self::LeftoverDropped { .. }
            | Self::Lost { .. }
            | Self::ResendUnsent { .. }
            | Self::UnprovenSender { .. }
            | Self::Rejected { .. }
            | Self::Suppressed { .. } => Severity::Warning,
            Self::LocalStatus { .. }
            | Self::CommNowUp
            | Self::LinkUp { .. }
            | Self::LinkDead { .. }
            | Self::PingLinkUp { .. }
            | Self::PingLinkDead { .. }
            | Self::DeviceUp { .. }
            | Self::StatusUpdate { .. }
            | Self::NodeRestarted { .. }
            | Self::PartitionInfo
            | Self::AcquiringFrom { .. }
            | Self::GaveUp { .. }
            | Self::NoLocalResources
            | Self::LocalAcquired
            | Self::LocalAcquiredNone
            | Self::LocalTransition
            | Self::RemoteTransition
            | Self::InitialAcquisition { .. }
            | Self::TakingOver { .. }
            | Self::ForeignAcquired
            | Self::TakeoverComplete
            | Self::TakeoverCompleteFor { .. }
            | Self::ShutdownNotice { .. }
            | Self::ShutdownBegun
            | Self::GivingUpAll
            | Self::AllRelinquished
            | Self::ShutdownComplete
            | Self::WantsStandby { .. }
            | Self::CanTake { .. }
            | Self::GiveUp { .. }
            | Self::ReleaseCompleted { .. }
            | Self::StandbyCompleted { .. }
            | Self::AcquireFrom { .. }
            | Self::AcquireSet { .. }
            | Self::AcquisitionCompleted { .. }
            | Self::StandbyAcquired { .. }
            | Self::OtherCompleted { .. }
            | Self::StandbyCancelled
            | Self::LeftoverKept { .. }
            | Self::NothingMissing { .. }
            | Self::FlowControlOff
            | Self::ConfigurationAgrees { .. } => Severity::Info,
        }
    }

    /// Whether it tells of a packet that was not believed (`log_badpack`).
    #[must_use]
    pub const fn is_about_a_bad_packet(self) -> bool {
        matches!(
            self,
            Self::Rejected { .. }
                | Self::Suppressed { .. }
                | Self::ReplayAttack { .. }
                | Self::UnprovenSender { .. }
        )
    }

    /// Who says it.
    #[must_use]
    pub const fn program(self) -> Program {
        match self {
            Self::TakingOver { .. } | Self::ForeignAcquired | Self::TakeoverCompleteFor { .. } => {
                Program::MachDown
            }
            _ => Program::Heartbeat,
        }
    }

    /// The notice with the names of `config`, ready to be written.
    #[must_use]
    pub const fn line(self, config: &Config) -> Line<'_> {
        Line { notice: self, config }
    }
}

/// A notice and the names that it needs.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    notice: Notice,
    config: &'a Config,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sentence::write(f, self.notice, self.config)
    }
}

mod sentence;
