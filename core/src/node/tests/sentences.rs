//! Every notice has a sentence of its own.

extern crate std;

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::rig::Rig;
use crate::config::Config;
use crate::id::{Generation, GroupId, LinkId, NodeId, Sequence};
use crate::notice::{Initial, Notice, Reject, Severity};
use crate::time::Duration;
use crate::wire::{Hold, NakReason, Status};

const NODE: NodeId = NodeId(1);
const LINK: LinkId = LinkId(1);
const GROUP: GroupId = GroupId(0);
const SET: Hold = Hold::LOCAL;
const TIME: Duration = Duration::from_secs(7);

#[allow(clippy::too_many_lines, reason = "a list, one line a notice")]
fn all() -> Vec<Notice> {
    let sequence = Sequence(70);
    let mut all = std::vec![
        Notice::CommNowUp,
        Notice::LinkUp { node: NODE, link: LINK },
        Notice::LinkDead { node: NODE, link: LINK },
        Notice::PingLinkUp { node: NODE },
        Notice::PingLinkDead { node: NODE },
        Notice::DeviceMissing { link: LINK },
        Notice::DeviceDown { link: LINK },
        Notice::DeviceUp { link: LINK },
        Notice::NodeDead { node: NODE },
        Notice::NodeRestarted { node: NODE },
        Notice::Partition { node: NODE },
        Notice::PartitionInfo,
        Notice::DeadtimeTooSmall,
        Notice::LateBeat { node: NODE, interval: TIME },
        Notice::TooLateBeat { node: NODE, interval: TIME },
        Notice::Overslept { interval: TIME },
        Notice::ClockWentBack { by: TIME },
        Notice::NoStonith,
        Notice::DisksUnprotected,
        Notice::AcquiringFrom { node: NODE },
        Notice::GaveUp { node: NODE },
        Notice::NoLocalResources,
        Notice::LocalAcquired,
        Notice::LocalAcquiredNone,
        Notice::LocalTransition,
        Notice::RemoteTransition,
        Notice::TakingOver { group: GROUP },
        Notice::ForeignAcquired,
        Notice::TakeoverComplete,
        Notice::TakeoverCompleteFor { node: NODE },
        Notice::ShutdownNotice { node: NODE },
        Notice::ShutdownBegun,
        Notice::GivingUpAll,
        Notice::AllRelinquished,
        Notice::ShutdownBlocked,
        Notice::ShutdownComplete,
        Notice::WantsStandby { node: NODE, set: SET },
        Notice::CanTake { node: NODE, set: SET },
        Notice::GiveUp { set: SET },
        Notice::ReleaseCompleted { set: SET },
        Notice::StandbyCompleted { set: SET },
        Notice::AcquireFrom { node: NODE, set: SET },
        Notice::AcquireSet { set: SET },
        Notice::AcquisitionCompleted { set: SET },
        Notice::StandbyAcquired { set: SET },
        Notice::OtherCompleted { set: SET },
        Notice::OtherInFlux { node: NODE },
        Notice::LocalInFlux { node: NODE },
        Notice::StandbyBusy { node: NODE, left: TIME },
        Notice::StandbyUnanswered,
        Notice::StandbyCancelled,
        Notice::StandbyAlone,
        Notice::StandbyBlocked { set: SET },
        Notice::BothOwnLocal,
        Notice::BothOwnForeign,
        Notice::NobodyOwnsLocal,
        Notice::NobodyOwnsForeign,
        Notice::YieldForeign { node: NODE },
        Notice::LeftoverKept { group: GROUP },
        Notice::LeftoverDropped { group: GROUP },
        Notice::GroupFailed { group: GROUP },
        Notice::GroupStaysStopped { group: GROUP },
        Notice::GroupBlocked { group: GROUP },
        Notice::Lost { node: NODE, count: 3, after: Sequence(60), newest: Sequence(64) },
        Notice::LostTooMany { node: NODE },
        Notice::NothingMissing { node: NODE },
        Notice::LostForGood { node: NODE, sequence },
        Notice::ResendUnsent { asked: Sequence(90), last: sequence },
        Notice::FlowControlOff,
        Notice::ReplayAttack { node: NODE, generation: Generation(1), current: Generation(2) },
        Notice::UnprovenSender { node: NODE },
        Notice::ConfigurationDiffers { node: NODE },
        Notice::ConfigurationAgrees { node: NODE },
    ];
    for status in [Status::Init, Status::Up, Status::Active, Status::Dead, Status::Ping] {
        all.extend([Notice::LocalStatus { status }, Notice::StatusUpdate { node: NODE, status }]);
    }
    let initials = [Initial::Us, Initial::Them, Initial::MachDown, Initial::AutoFailback];
    all.extend(initials.map(|by| Notice::InitialAcquisition { by }));
    let reasons = [NakReason::TooLow, NakReason::NotFound];
    all.extend(reasons.map(|reason| Notice::CannotResend { node: NODE, sequence, reason }));
    for why in Reject::ALL {
        all.extend([Notice::Rejected { link: LINK, why }, Notice::Suppressed { why, count: 4 }]);
    }
    all
}

/// The name of a variant, from its `Debug`.
fn variant(notice: Notice) -> String {
    let debug = format!("{notice:?}");
    debug.split([' ', '{']).next().expect("a name").into()
}

#[test]
fn no_two_notices_say_the_same() {
    let config = Config::new(Rig::new().settings).expect("it holds together");
    let mut said = BTreeMap::new();
    for notice in all() {
        let text = format!("{}", notice.line(&config));
        assert!(text.len() > 10, "{notice:?} says {text:?}");
        assert!(!text.contains(['\n', '?']) || text.contains("replay"), "{notice:?}: {text:?}");
        assert!(notice.severity() >= Severity::Info);
        if let Some(other) = said.insert(text, notice) {
            panic!("{notice:?} and {other:?} say the same");
        }
    }
}

#[test]
fn the_list_of_notices_has_every_variant() {
    let source = include_str!("../../notice.rs");
    let body = source.split("pub enum Notice {").nth(1).expect("the enum is there");
    let body = body.split("\n}").next().expect("it ends");
    let declared = body.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut declared: Vec<String> =
        declared.map(|line| line.split([' ', ',', '{']).next().expect("a name").into()).collect();
    let mut listed: Vec<String> = all().into_iter().map(variant).collect();
    declared.sort();
    listed.sort();
    listed.dedup();
    assert!(declared.len() > 70);
    assert_eq!(declared, listed);
}
