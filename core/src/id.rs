//! Names and numbers of the things in a cluster.

use core::fmt;

use crate::limits::{GROUPS_MAX_U8, KEY_MAX, NAME_MAX};

/// A node's or a link's name.
pub type Name = heapless::String<NAME_MAX>;
/// A group's key: the first resource of its line in haresources.
pub type Key = heapless::String<KEY_MAX>;
/// A node's UUID as it stands on the wire: 16 raw octets.
pub type Uuid = [u8; 16];

/// A node, by its place in the configuration (normal nodes first).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u8);

/// A heartbeat link, by its place in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u8);

/// A resource group, by its line's place in haresources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u8);

/// The number of one ownership order; a later order has a larger one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(pub u32);

/// A node's generation (`hg`): larger at every start of its daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// A message's number (`seq`), from 1 at each start of its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// What tells two configurations apart: equal for equal ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

macro_rules! index {
    ($($id:ident),*) => {$(
        impl $id {
            /// The place in the table that this number names.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}
index!(NodeId, LinkId, GroupId);

impl Sequence {
    /// The number of the message after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    /// Decimal, as the original's log writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Generation {
    /// Decimal, as the original's log writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of groups, one bit each.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct GroupSet(u32);

impl GroupSet {
    /// No group.
    pub const EMPTY: Self = Self(0);

    /// This set and `group`.
    #[must_use]
    pub const fn with(self, group: GroupId) -> Self {
        Self(self.0 | 1 << group.0)
    }

    /// This set but `group`.
    #[must_use]
    pub const fn without(self, group: GroupId) -> Self {
        Self(self.0 & !(1 << group.0))
    }

    /// Whether `group` is in it.
    #[must_use]
    pub const fn contains(self, group: GroupId) -> bool {
        self.0 & 1 << group.0 != 0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The groups in it, in the order of their lines.
    pub fn iter(self) -> impl Iterator<Item = GroupId> {
        (0..GROUPS_MAX_U8).map(GroupId).filter(move |group| self.contains(*group))
    }
}

impl fmt::Debug for GroupSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|group| group.0)).finish()
    }
}

impl FromIterator<GroupId> for GroupSet {
    fn from_iter<I: IntoIterator<Item = GroupId>>(groups: I) -> Self {
        groups.into_iter().fold(Self::EMPTY, Self::with)
    }
}
