//! Each rule of a configuration, at its bound.

use super::{Config, ConfigError, GroupSettings, NodeKind, NodeSettings, Settings, Timing};
use crate::id::{GroupId, GroupSet, Key, LinkId, Name, NodeId};
use crate::time::Duration;
use crate::wire::Hold;

const TIMING: Timing = Timing::of(Duration::from_secs(2), Duration::from_secs(10));

fn pair() -> Settings {
    Settings::pair(["corman", "rabius"], NodeId(0), &["eth0", "eth2"], &["web", "mail"], TIMING)
}

fn node(name: &str, kind: NodeKind) -> NodeSettings {
    NodeSettings { name: Name::try_from(name).expect("a short name"), kind }
}

/// What becomes of the pair when `spoil` has changed it.
fn refusal(spoil: impl FnOnce(&mut Settings)) -> Option<ConfigError> {
    let mut settings = pair();
    spoil(&mut settings);
    Config::new(settings).err()
}

fn set(groups: &[u8]) -> GroupSet {
    groups.iter().copied().map(GroupId).collect()
}

#[test]
fn a_pair_has_the_defaults_and_is_accepted() {
    let settings = pair();
    assert_eq!(
        settings.nodes,
        [node("corman", NodeKind::Normal), node("rabius", NodeKind::Normal)]
    );
    assert_eq!(settings.links, ["eth0", "eth2"]);
    assert!(settings.groups.iter().all(|group| group.preferred == NodeId(0)));
    assert!(settings.auto_failback && settings.inner_signature);
    assert_eq!(settings.hopfudge, 1);
    let config = Config::new(settings).expect("a plain pair is a cluster");
    assert_eq!((config.me(), config.peer()), (NodeId(0), Some(NodeId(1))));
}

#[test]
fn initdead_follows_deadtime_by_the_three_rules_of_the_original() {
    let cases = [
        (500, 12_000),
        (5_999, 12_000),
        (6_000, 12_000),
        (6_001, 12_002),
        (10_000, 20_000),
        (10_001, 10_001),
        (30_000, 30_000),
    ];
    for (deadtime, initdead) in cases {
        let deadtime = Duration::from_millis(deadtime);
        assert_eq!(Timing::initdead_for(deadtime), Duration::from_millis(initdead), "{deadtime}");
        let timing = Timing::of(Duration::from_millis(100), deadtime);
        assert_eq!(timing.initdead, Duration::from_millis(initdead));
        assert_eq!((timing.warntime, timing.deadping), (deadtime.half(), deadtime));
        assert_eq!(timing.max_rexmit_delay, Duration::from_millis(250));
    }
}

#[test]
fn a_node_that_is_no_normal_one_is_not_listed() {
    assert_eq!(refusal(|settings| settings.me = NodeId(2)), Some(ConfigError::NotListed));
    let ping = |settings: &mut Settings| {
        settings.nodes.push(node("192.168.1.1", NodeKind::Ping)).expect("there is room");
        settings.me = NodeId(2);
    };
    assert_eq!(refusal(ping), Some(ConfigError::NotListed));
    assert_eq!(refusal(|settings| settings.me = NodeId(255)), Some(ConfigError::NotListed));
}

#[test]
fn a_third_normal_node_is_one_too_many() {
    let third = |settings: &mut Settings| {
        settings.nodes.push(node("tercera", NodeKind::Normal)).expect("there is room");
    };
    assert_eq!(refusal(third), Some(ConfigError::TooManyNodes));
}

#[test]
fn ping_nodes_stand_after_the_normal_ones() {
    let first = |settings: &mut Settings| {
        settings.nodes.insert(1, node("192.168.1.1", NodeKind::Ping)).expect("there is room");
    };
    assert_eq!(refusal(first), Some(ConfigError::NodeOrder));
}

#[test]
fn names_and_keys_are_given_once() {
    let twin = |settings: &mut Settings| settings.nodes[1] = node("corman", NodeKind::Normal);
    assert_eq!(refusal(twin), Some(ConfigError::SameName(NodeId(1))));
    let ping = |settings: &mut Settings| {
        settings.nodes.push(node("rabius", NodeKind::Ping)).expect("there is room");
    };
    assert_eq!(refusal(ping), Some(ConfigError::SameName(NodeId(2))));
    let key = |settings: &mut Settings| settings.groups[1].key = settings.groups[0].key.clone();
    assert_eq!(refusal(key), Some(ConfigError::SameKey(GroupId(1))));
}

#[test]
fn a_group_prefers_a_normal_node() {
    let stranger = |settings: &mut Settings| settings.groups[1].preferred = NodeId(2);
    assert_eq!(refusal(stranger), Some(ConfigError::NoSuchNode(GroupId(1))));
    let ping = |settings: &mut Settings| {
        settings.nodes.push(node("192.168.1.1", NodeKind::Ping)).expect("there is room");
        settings.groups[0].preferred = NodeId(2);
    };
    assert_eq!(refusal(ping), Some(ConfigError::NoSuchNode(GroupId(0))));
}

#[test]
fn no_time_is_zero() {
    let zero = Duration::ZERO;
    let cases: [fn(&mut Timing) -> &mut Duration; 3] = [
        |timing| &mut timing.keepalive,
        |timing| &mut timing.warntime,
        |timing| &mut timing.max_rexmit_delay,
    ];
    for place in cases {
        let error = refusal(|settings| *place(&mut settings.timing) = zero);
        assert_eq!(error, Some(ConfigError::ZeroTime));
    }
}

#[test]
fn deadtime_and_deadping_are_more_than_twice_keepalive() {
    let twice = Duration::from_secs(4);
    let more = Duration::from_micros(4_000_001);
    let with = |deadtime, deadping| {
        refusal(|settings| {
            settings.timing.deadtime = deadtime;
            settings.timing.deadping = deadping;
        })
    };
    assert_eq!(with(twice, more), Some(ConfigError::DeadtimeTooSmall));
    assert_eq!(with(more, twice), Some(ConfigError::DeadtimeTooSmall));
    assert_eq!(with(Duration::ZERO, Duration::ZERO), Some(ConfigError::DeadtimeTooSmall));
    assert_eq!(with(more, more), None);
}

#[test]
fn initdead_is_no_smaller_than_deadtime() {
    let with = |initdead| refusal(|settings| settings.timing.initdead = initdead);
    assert_eq!(with(Duration::from_micros(9_999_999)), Some(ConfigError::InitdeadTooSmall));
    assert_eq!(with(Duration::from_secs(10)), None);
}

#[test]
fn every_refusal_says_something_of_its_own() {
    let all = [
        ConfigError::NotListed,
        ConfigError::TooManyNodes,
        ConfigError::NodeOrder,
        ConfigError::SameName(NodeId(1)),
        ConfigError::NoSuchNode(GroupId(1)),
        ConfigError::SameKey(GroupId(1)),
        ConfigError::ZeroTime,
        ConfigError::DeadtimeTooSmall,
        ConfigError::InitdeadTooSmall,
    ];
    let texts = all.map(|error| heapless::format!(80; "{error}").expect("short sentences"));
    for (place, text) in texts.iter().enumerate() {
        assert!(!text.is_empty());
        assert!(!texts[..place].contains(text), "{text}");
    }
}

#[test]
fn local_and_foreign_groups_are_named_from_this_nodes_point_of_view() {
    for (me, local, foreign) in [(0, [0, 2], [1, 3]), (1, [1, 3], [0, 2])] {
        let mut settings = pair();
        settings.me = NodeId(me);
        settings.groups = ["a", "b", "c", "d"]
            .into_iter()
            .zip([0, 1, 0, 1])
            .map(|(key, preferred)| GroupSettings {
                preferred: NodeId(preferred),
                key: Key::try_from(key).expect("a short key"),
            })
            .collect();
        let config = Config::new(settings).expect("it holds together");
        assert_eq!(config.groups(Hold::NONE), GroupSet::EMPTY);
        assert_eq!(config.groups(Hold::LOCAL), set(&local));
        assert_eq!(config.groups(Hold::FOREIGN), set(&foreign));
        assert_eq!(config.groups(Hold::ALL), set(&[0, 1, 2, 3]));
        for group in (0..4).map(GroupId) {
            assert_eq!(config.is_local(group), local.contains(&group.0));
        }
    }
}

#[test]
fn a_single_node_has_no_other() {
    let mut settings = pair();
    settings.nodes.truncate(1);
    settings.nodes.push(node("192.168.1.1", NodeKind::Ping)).expect("there is room");
    let config = Config::new(settings).expect("one node is a cluster");
    assert_eq!(config.peer(), None);
    assert!(config.nodes(NodeKind::Normal).eq([NodeId(0)]));
    assert!(config.nodes(NodeKind::Ping).eq([NodeId(1)]));
}

#[test]
fn what_is_not_configured_is_called_by_a_question_mark() {
    let config = Config::new(pair()).expect("a plain pair is a cluster");
    assert_eq!((config.name(NodeId(1)), config.name(NodeId(2))), ("rabius", "?"));
    assert_eq!((config.link(LinkId(1)), config.link(LinkId(2))), ("eth2", "?"));
    assert_eq!((config.key(GroupId(1)), config.key(GroupId(2))), ("mail", "?"));
}
