//! What a node is told at its start: valid by construction.
//!
//! The edge reads files into [`Settings`]; [`Config::new`] refuses what cannot
//! work. Defaults stand here once, as specification 13 gives them.

use core::fmt;

use heapless::Vec;

use crate::id::{Fingerprint, Generation, GroupId, GroupSet, Key, LinkId, Name, NodeId, Uuid};
use crate::limits::{GROUPS_MAX, LINKS_MAX, NODES_MAX, NORMAL_NODES_MAX};
use crate::time::Duration;
use crate::wire::Hold;

/// How often, how long (specification 13, 5.3). All of them are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two heartbeats.
    pub keepalive: Duration,
    /// A beat later than this is told as late.
    pub warntime: Duration,
    /// A node silent for so long is dead. More than twice `keepalive`.
    pub deadtime: Duration,
    /// The same while communication is not up yet. At least `deadtime`.
    pub initdead: Duration,
    /// The same for ping nodes. More than twice `keepalive`.
    pub deadping: Duration,
    /// Between two requests for a lost message.
    pub max_rexmit_delay: Duration,
}

impl Timing {
    /// Heartbeat 3.0.6's `keepalive`.
    pub const KEEPALIVE: Duration = Duration::from_secs(1);
    /// The shortest `keepalive`: below it beats are a flood.
    pub const KEEPALIVE_MIN: Duration = Duration::from_millis(10);
    /// The longest `deadtime`: `dt` has 32 bits of milliseconds.
    pub const DEADTIME_MAX: Duration = Duration::from_millis(u32::MAX);
    /// Heartbeat 3.0.6's `deadtime`.
    pub const DEADTIME: Duration = Duration::from_secs(30);
    /// Heartbeat 3.0.6's `max_rexmit_delay`.
    pub const MAX_REXMIT_DELAY: Duration = Duration::from_millis(250);

    /// The timing that follows from `keepalive` and `deadtime` alone:
    /// `warntime` is half of `deadtime`, `deadping` equals it, and `initdead` is
    /// [`Timing::initdead_for`] it.
    #[must_use]
    pub const fn of(keepalive: Duration, deadtime: Duration) -> Self {
        Self {
            keepalive,
            warntime: deadtime.half(),
            deadtime,
            initdead: Self::initdead_for(deadtime),
            deadping: deadtime,
            max_rexmit_delay: Self::MAX_REXMIT_DELAY,
        }
    }

    /// The original's `initdead` where ha.cf gives none: `deadtime` above 10 s,
    /// 12 s below 6 s, twice `deadtime` in between.
    #[must_use]
    pub const fn initdead_for(deadtime: Duration) -> Duration {
        let micros = deadtime.as_micros();
        if micros > 10_000_000 {
            deadtime
        } else if micros < 6_000_000 {
            Duration::from_secs(12)
        } else {
            deadtime.times(2)
        }
    }
}

/// What kind of node it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Runs the daemon and may hold groups.
    Normal,
    /// Only answers echo requests.
    Ping,
}

/// One node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// Its name, lower case; a ping node's is its address.
    pub name: Name,
    /// Its kind.
    pub kind: NodeKind,
}

/// One resource group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSettings {
    /// The node that holds it while all is well.
    pub preferred: NodeId,
    /// Its key.
    pub key: Key,
}

/// Everything that the configuration files say, as the core wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which of `nodes` this one is.
    pub me: NodeId,
    /// The normal nodes first, then the ping nodes.
    pub nodes: Vec<NodeSettings, NODES_MAX>,
    /// The heartbeat links, by device.
    pub links: Vec<Name, LINKS_MAX>,
    /// The groups, in the order of their lines.
    pub groups: Vec<GroupSettings, GROUPS_MAX>,
    /// The timing.
    pub timing: Timing,
    /// Whether a group goes back to its preferred node by itself.
    pub auto_failback: bool,
    /// Added to the number of nodes for `ttl`; the original's default is 1.
    pub hopfudge: u8,
    /// Whether netstring frames carry the inner signature too (`msgfmt classic`,
    /// the default of the original).
    pub inner_signature: bool,
    /// What tells this configuration from another.
    pub fingerprint: Fingerprint,
}

impl Settings {
    /// Two normal nodes, `names`, of which `me` is this one; all `groups` prefer the
    /// first. Everything else has its default, and there is automatic failback.
    ///
    /// # Panics
    /// If a name or a key is longer, or if there are more of them, than
    /// [`limits`](crate::limits) says.
    #[must_use]
    pub fn pair(
        names: [&str; NORMAL_NODES_MAX],
        me: NodeId,
        links: &[&str],
        groups: &[&str],
        timing: Timing,
    ) -> Self {
        let name = |name: &str| Name::try_from(name).expect("a name has at most NAME_MAX octets");
        let key = |key: &str| Key::try_from(key).expect("a key has at most KEY_MAX octets");
        Self {
            me,
            nodes: names
                .iter()
                .map(|text| NodeSettings { name: name(text), kind: NodeKind::Normal })
                .collect(),
            links: links.iter().map(|text| name(text)).collect(),
            groups: groups
                .iter()
                .map(|text| GroupSettings { preferred: NodeId(0), key: key(text) })
                .collect(),
            timing,
            auto_failback: true,
            hopfudge: 1,
            inner_signature: true,
            fingerprint: Fingerprint(0),
        }
    }
}

/// What is new at each start of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incarnation {
    /// Larger than at any start before, and on disk already.
    pub generation: Generation,
    /// The node's UUID.
    pub uuid: Uuid,
    /// The newest generation of the other node on record; older ones are replays.
    pub peer_generation: Generation,
    /// Random, for jitter and tokens.
    pub seed: u64,
}

/// Why settings are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// `me` is no normal node of the list.
    NotListed,
    /// More normal nodes than a haresources cluster has.
    TooManyNodes,
    /// A normal node stands after a ping node.
    NodeOrder,
    /// Two nodes of one name.
    SameName(NodeId),
    /// A group prefers a node that is none.
    NoSuchNode(GroupId),
    /// Two groups of one key.
    SameKey(GroupId),
    /// `keepalive`, `warntime` or `max_rexmit_delay` is zero.
    ZeroTime,
    /// `deadtime` or `deadping` is not more than twice `keepalive`.
    DeadtimeTooSmall,
    /// `initdead` is smaller than `deadtime`.
    InitdeadTooSmall,
    /// `keepalive` is smaller than [`Timing::KEEPALIVE_MIN`].
    KeepaliveTooSmall,
    /// `deadtime` is larger than a beat can tell ([`Timing::DEADTIME_MAX`]).
    DeadtimeTooLarge,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("this node is not in the list of nodes"),
            Self::TooManyNodes => {
                write!(f, "a haresources cluster has at most {NORMAL_NODES_MAX} normal nodes")
            }
            Self::NodeOrder => f.write_str("normal nodes come before ping nodes"),
            Self::SameName(node) => write!(f, "node {} has the name of another", node.0),
            Self::NoSuchNode(group) => write!(f, "group {} prefers an unknown node", group.0),
            Self::SameKey(group) => write!(f, "group {} has the key of another", group.0),
            Self::ZeroTime => f.write_str("a time is zero"),
            Self::DeadtimeTooSmall => {
                f.write_str("deadtime and deadping must be more than twice keepalive")
            }
            Self::InitdeadTooSmall => f.write_str("initdead must not be smaller than deadtime"),
            Self::KeepaliveTooSmall => {
                write!(f, "keepalive must be at least {}", Timing::KEEPALIVE_MIN)
            }
            Self::DeadtimeTooLarge => {
                write!(f, "deadtime must be at most {}", Timing::DEADTIME_MAX)
            }
        }
    }
}

impl core::error::Error for ConfigError {}

/// Settings that hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config(Settings);

impl Config {
    /// Checks `settings`.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let normal = settings.nodes.iter().filter(|node| node.kind == NodeKind::Normal).count();
        if normal > NORMAL_NODES_MAX {
            return Err(ConfigError::TooManyNodes);
        }
        if settings.nodes.iter().take(normal).any(|node| node.kind != NodeKind::Normal) {
            return Err(ConfigError::NodeOrder);
        }
        if settings.me.index() >= normal {
            return Err(ConfigError::NotListed);
        }
        if let Some(node) = repeated(settings.nodes.iter().map(|node| &node.name)) {
            return Err(ConfigError::SameName(NodeId(node)));
        }
        if let Some(group) = repeated(settings.groups.iter().map(|group| &group.key)) {
            return Err(ConfigError::SameKey(GroupId(group)));
        }
        if let Some(group) =
            settings.groups.iter().position(|group| group.preferred.index() >= normal)
        {
            return Err(ConfigError::NoSuchNode(GroupId(small(group))));
        }
        let timing = &settings.timing;
        let positive = [timing.keepalive, timing.warntime, timing.max_rexmit_delay];
        if positive.contains(&Duration::ZERO) {
            return Err(ConfigError::ZeroTime);
        }
        if timing.keepalive < Timing::KEEPALIVE_MIN {
            return Err(ConfigError::KeepaliveTooSmall);
        }
        if timing.deadtime > Timing::DEADTIME_MAX {
            return Err(ConfigError::DeadtimeTooLarge);
        }
        let least = timing.keepalive.times(2);
        if timing.deadtime <= least || timing.deadping <= least {
            return Err(ConfigError::DeadtimeTooSmall);
        }
        if timing.initdead < timing.deadtime {
            return Err(ConfigError::InitdeadTooSmall);
        }
        Ok(Self(settings))
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.0
    }

    /// This node.
    #[must_use]
    pub const fn me(&self) -> NodeId {
        self.0.me
    }

    /// The other normal node, where there is one.
    #[must_use]
    pub fn peer(&self) -> Option<NodeId> {
        self.nodes(NodeKind::Normal).find(|node| *node != self.0.me)
    }

    /// The nodes of `kind`, in order.
    pub fn nodes(&self, kind: NodeKind) -> impl Iterator<Item = NodeId> {
        let of_kind = move |(place, node): (usize, &NodeSettings)| {
            (node.kind == kind).then_some(NodeId(small(place)))
        };
        self.0.nodes.iter().enumerate().filter_map(of_kind)
    }

    /// A node's name; `?` for one that is none.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.0.nodes.get(node.index()).map_or("?", |node| node.name.as_str())
    }

    /// A link's device; `?` for one that is none.
    #[must_use]
    pub fn link(&self, link: LinkId) -> &str {
        self.0.links.get(link.index()).map_or("?", Name::as_str)
    }

    /// A group's key; `?` for one that is none.
    #[must_use]
    pub fn key(&self, group: GroupId) -> &str {
        self.0.groups.get(group.index()).map_or("?", |group| group.key.as_str())
    }

    /// The groups that `hold` means from this node's point of view.
    #[must_use]
    pub fn groups(&self, hold: Hold) -> GroupSet {
        let meant = |(place, group): (usize, &GroupSettings)| {
            let local = group.preferred == self.0.me;
            let wanted = if local { hold.local } else { hold.foreign };
            wanted.then_some(GroupId(small(place)))
        };
        self.0.groups.iter().enumerate().filter_map(meant).collect()
    }

    /// Whether `group` prefers this node.
    #[must_use]
    pub fn is_local(&self, group: GroupId) -> bool {
        self.groups(Hold::LOCAL).contains(group)
    }
}

/// The place of the first item that stood before.
fn repeated<'a, T: PartialEq + 'a>(items: impl Iterator<Item = &'a T> + Clone) -> Option<u8> {
    let again = |(place, item): &(usize, &T)| items.clone().take(*place).any(|seen| seen == *item);
    items.clone().enumerate().find(again).map(|(place, _)| small(place))
}

/// A place in a bounded table as an identifier's number.
fn small(place: usize) -> u8 {
    u8::try_from(place).expect("every table is shorter than 256")
}

#[cfg(test)]
mod tests;
