//! The English of every notice; nobody else writes it.

use core::fmt;

use super::{Initial, Notice, Reject};
use crate::config::Config;
use crate::id::NodeId;
use crate::wire::NakReason;

/// Writes the sentence of `notice`: three tables, by what it is about.
pub(super) fn write(f: &mut fmt::Formatter<'_>, notice: Notice, config: &Config) -> fmt::Result {
    match membership(f, notice, config) {
        Some(written) => written,
        None => match ownership(f, notice, config) {
            Some(written) => written,
            None => traffic(f, notice, config),
        },
    }
}

/// Nodes, links and clocks.
fn membership(f: &mut fmt::Formatter<'_>, notice: Notice, config: &Config) -> Option<fmt::Result> {
    let name = |node: NodeId| config.name(node);
    Some(match notice {
        Notice::LocalStatus { status } => write!(f, "Local status now set to: '{status}'"),
        Notice::CommNowUp => f.write_str("Comm_now_up(): updating status to active"),
        Notice::LinkUp { node, link } => {
            write!(f, "Link {}:{} up.", name(node), config.link(link))
        }
        Notice::LinkDead { node, link } => {
            write!(f, "Link {}:{} dead.", name(node), config.link(link))
        }
        Notice::PingLinkUp { node } => write!(f, "Link {0}:{0} up.", name(node)),
        Notice::PingLinkDead { node } => write!(f, "Link {0}:{0} dead.", name(node)),
        Notice::DeviceMissing { link } => {
            write!(f, "There is no device {}; it is used when it comes.", config.link(link))
        }
        Notice::DeviceDown { link } => {
            write!(f, "Device {} has no carrier or is down.", config.link(link))
        }
        Notice::DeviceUp { link } => write!(f, "Device {} is up.", config.link(link)),
        Notice::StatusUpdate { node, status } => {
            write!(f, "Status update for node {}: status {status}", name(node))
        }
        Notice::NodeDead { node } => write!(f, "node {}: is dead", name(node)),
        Notice::NodeRestarted { node } => write!(f, "Heartbeat restart on node {}", name(node)),
        Notice::Partition { node } => {
            write!(f, "Cluster node {} returning after partition.", name(node))
        }
        Notice::PartitionInfo => f.write_str(
            "Both nodes may have held the same groups; the node that a group prefers keeps it.",
        ),
        Notice::DeadtimeTooSmall => f.write_str("Deadtime value may be too small."),
        Notice::LateBeat { node, interval } => {
            write!(f, "Late heartbeat: Node {}: interval {interval}", name(node))
        }
        Notice::TooLateBeat { node, interval } => {
            write!(f, "Late heartbeat: Node {}: interval {interval} (> deadtime)", name(node))
        }
        Notice::Overslept { interval } => write!(
            f,
            "This process stood still for {interval}; the other node may have taken over."
        ),
        Notice::ClockWentBack { by } => {
            write!(f, "The monotonic clock went back by {by}; time stands still until it is past.")
        }
        Notice::NoStonith => f.write_str("No STONITH device configured."),
        Notice::DisksUnprotected => f.write_str("Shared disks are not protected."),
        Notice::AcquiringFrom { node } => {
            write!(f, "Resources being acquired from {}.", name(node))
        }
        Notice::GaveUp { node } => write!(f, "Dead node {} gave up resources.", name(node)),
        Notice::FlowControlOff => {
            f.write_str("flow control disabled due to different version heartbeat")
        }
        Notice::ConfigurationDiffers { node } => write!(
            f,
            "ha.cf or haresources on {} differ from ours: they must be the same on both nodes.",
            name(node)
        ),
        Notice::ConfigurationAgrees { node } => {
            write!(f, "ha.cf and haresources on {} are the same as ours now.", name(node))
        }
        _ => return None,
    })
}

/// Who holds what.
#[allow(clippy::too_many_lines, reason = "a table of sentences, one arm a notice")]
fn ownership(f: &mut fmt::Formatter<'_>, notice: Notice, config: &Config) -> Option<fmt::Result> {
    let name = |node: NodeId| config.name(node);
    Some(match notice {
        Notice::NoLocalResources => write!(
            f,
            "No local resources [/usr/share/heartbeat/ResourceManager listkeys {}] to acquire.",
            config.name(config.me())
        ),
        Notice::LocalAcquired => f.write_str("Local Resource acquisition completed."),
        Notice::LocalAcquiredNone => f.write_str("Local Resource acquisition completed. (none)"),
        Notice::LocalTransition => f.write_str("local resource transition completed."),
        Notice::RemoteTransition => f.write_str("remote resource transition completed."),
        Notice::InitialAcquisition { by } => {
            write!(f, "Initial resource acquisition complete ({})", initial(by))
        }
        Notice::TakingOver { group } => {
            write!(f, "Taking over resource group {}", config.key(group))
        }
        Notice::ForeignAcquired => {
            f.write_str("/usr/share/heartbeat/mach_down: nice_failback: foreign resources acquired")
        }
        Notice::TakeoverComplete => f.write_str("mach_down takeover complete."),
        Notice::TakeoverCompleteFor { node } => {
            write!(f, "mach_down takeover complete for node {}.", name(node))
        }
        Notice::ShutdownNotice { node } => {
            write!(f, "Received shutdown notice from '{}'.", name(node))
        }
        Notice::ShutdownBegun => f.write_str("Heartbeat shutdown in progress."),
        Notice::GivingUpAll => f.write_str("Giving up all HA resources."),
        Notice::AllRelinquished => f.write_str("All HA resources relinquished."),
        Notice::ShutdownBlocked => f.write_str(
            "A resource does not stop, so nothing is handed over; asked again, it is tried again.",
        ),
        Notice::ShutdownComplete => {
            write!(f, "{} Heartbeat shutdown complete.", config.name(config.me()))
        }
        Notice::WantsStandby { node, set } => {
            write!(f, "{} wants to go standby [{set}]", name(node))
        }
        Notice::CanTake { node, set } => {
            write!(f, "standby: {} can take our {set} resources", name(node))
        }
        Notice::GiveUp { set } => write!(f, "give up {set} HA resources (standby)."),
        Notice::ReleaseCompleted { set } => {
            write!(f, "{set} HA resource release completed (standby).")
        }
        Notice::StandbyCompleted { set } => write!(f, "Local standby process completed [{set}]."),
        Notice::AcquireFrom { node, set } => {
            write!(f, "standby: acquire [{set}] resources from {}", name(node))
        }
        Notice::AcquireSet { set } => write!(f, "acquire {set} HA resources (standby)."),
        Notice::AcquisitionCompleted { set } => {
            write!(f, "{set} HA resource acquisition completed (standby).")
        }
        Notice::StandbyAcquired { set } => {
            write!(f, "Standby resource acquisition done [{set}].")
        }
        Notice::OtherCompleted { set } => {
            write!(f, "Other node completed standby takeover of {set} resources.")
        }
        Notice::OtherInFlux { node } => {
            write!(f, "standby message [me] from {} ignored.  Other side is in flux.", name(node))
        }
        Notice::LocalInFlux { node } => {
            write!(f, "standby message [me] from {} ignored.  local resources in flux.", name(node))
        }
        Notice::StandbyBusy { node, left } => write!(
            f,
            "Standby in progress- new request from {} ignored [{} seconds left]",
            name(node),
            left.as_secs()
        ),
        Notice::StandbyUnanswered => {
            f.write_str("No reply to standby request.  Standby request cancelled.")
        }
        Notice::StandbyCancelled => f.write_str("Cancelling pending standby operation"),
        Notice::StandbyAlone => {
            f.write_str("standby request ignored: there is no other node that could take over.")
        }
        Notice::StandbyOfNothing { set } => {
            write!(f, "standby request ignored: of our {set} resources we hold none.")
        }
        Notice::StandbyBlocked { set } => write!(
            f,
            "standby cancelled: a resource of our {set} resources does not stop; we keep them."
        ),
        Notice::BothOwnLocal => f.write_str("Both machines own our resources!"),
        Notice::BothOwnForeign => f.write_str("Both machines own foreign resources!"),
        Notice::NobodyOwnsLocal => f.write_str("No one owns our local resources!"),
        Notice::NobodyOwnsForeign => f.write_str("No one owns foreign resources!"),
        Notice::YieldForeign { node } => {
            write!(f, "{} holds its groups: we release ours of them.", name(node))
        }
        Notice::LeftoverKept { group } => write!(
            f,
            "Something of group {} runs already; it is kept until the nodes have agreed.",
            config.key(group)
        ),
        Notice::LeftoverDropped { group } => {
            write!(f, "What ran of group {} is not ours to run: released.", config.key(group))
        }
        Notice::GroupFailed { group } => write!(
            f,
            "Group {} did not start here; in thirty seconds the other node is asked to take it.",
            config.key(group)
        ),
        Notice::GroupStaysStopped { group } => write!(
            f,
            "Group {} failed here before and stays stopped until a takeover is commanded.",
            config.key(group)
        ),
        Notice::GroupBlocked { group } => write!(
            f,
            "Group {} does not stop here, so it must not start on the other node.",
            config.key(group)
        ),
        _ => return None,
    })
}

/// Packets.
fn traffic(f: &mut fmt::Formatter<'_>, notice: Notice, config: &Config) -> fmt::Result {
    let name = |node: NodeId| config.name(node);
    match notice {
        Notice::Lost { node, count, after, newest } => {
            write!(f, "{count} lost packet(s) for [{}] [{after}:{newest}]", name(node))
        }
        Notice::LostTooMany { node } => {
            write!(f, "lost a lot of packets! They are not asked for again: node {}", name(node))
        }
        Notice::NothingMissing { node } => write!(f, "No pkts missing from {}!", name(node)),
        Notice::LostForGood { node, sequence } => {
            write!(f, "Irretrievably lost packet: node {} seq {sequence}", name(node))
        }
        Notice::CannotResend { node, sequence, reason } => {
            write!(f, "Cannot rexmit pkt {sequence} for {}: {}", name(node), nak(reason))
        }
        Notice::ResendUnsent { asked, last } => {
            write!(f, "Rexmit of seq {asked} requested. {last} is max.")
        }
        Notice::ReplayAttack { node, generation, current } => write!(
            f,
            "should_drop_message: attempted replay attack [{}]? [gen = {generation}, curgen = {current}]",
            name(node)
        ),
        Notice::UnprovenSender { node } => write!(
            f,
            "A packet of {} does not show that it hears us: not believed until one does.",
            name(node)
        ),
        Notice::Rejected { link, why } => {
            write!(f, "packet on {} dropped: {}", config.link(link), reject(why))
        }
        Notice::Suppressed { why, count } => {
            write!(f, "{count} more packet(s) dropped: {}", reject(why))
        }
        other => unreachable!("{other:?} stands in no table of sentences"),
    }
}

const fn initial(by: Initial) -> &'static str {
    match by {
        Initial::Us => "T_RESOURCES(us)",
        Initial::Them => "T_RESOURCES(them)",
        Initial::MachDown => "mach_down",
        Initial::AutoFailback => "auto_failback",
    }
}

const fn nak(reason: NakReason) -> &'static str {
    match reason {
        NakReason::TooLow => "seqno too low",
        NakReason::NotFound => "seqno not found",
    }
}

const fn reject(why: Reject) -> &'static str {
    match why {
        Reject::Malformed => "it is not a heartbeat frame",
        Reject::Unauthenticated => "failed authentication",
        Reject::Incomplete => "a field is missing or senseless",
        Reject::UnknownNode => "bad node in message: its source is no node of ha.cf",
        Reject::Replayed => "attempted replay: its generation is over",
        Reject::Unproven => "it may be a recording: it does not show that its sender hears us",
        Reject::Ourselves => "it bears our own name and is none of ours",
        Reject::Unanswerable => "it asks for messages that cannot be sent again",
    }
}
