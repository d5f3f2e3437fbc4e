//! One machine: its clock, its disk, its groups, and a daemon while one runs.

use std::collections::VecDeque;
use std::rc::Rc;

use latido_core::id::{GroupId, LinkId, NodeId, Order};
use latido_core::{Command, LinkState, Node, Outcome};

use super::executor::Executor;
use super::hearing::Hearing;
use super::outputs::Frame;

/// Datagrams that a socket holds; more are dropped.
pub(crate) const SOCKET_MAX: usize = 64;

/// A machine.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) clock: Clock,
    pub(crate) disk: Disk,
    pub(crate) groups: Vec<Executor>,
    pub(crate) daemon: Option<Daemon>,
    /// The machine has power.
    pub(crate) powered: bool,
    /// The fault that has taken it down, and that brings it back.
    pub(crate) down_by: Option<(usize, usize)>,
    /// It is to start as soon as its daemon has ended.
    pub(crate) start_on_exit: bool,
    pub(crate) starts: u64,
}

/// A clock that started somewhere and runs a little wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) offset: u64,
    pub(crate) ppm: i64,
}

/// What survives a power cut.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) generation: u64,
    pub(crate) peer_generation: u64,
}

/// A daemon at work.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) node: Box<Node>,
    pub(crate) number: u64,
    pub(crate) started: u64,
    pub(crate) started_local: u64,
    pub(crate) paused: bool,
    pub(crate) waiting: VecDeque<Waiting>,
    /// When it wakes, in true time, and the number of that alarm.
    pub(crate) wake: Option<(u64, u64)>,
    pub(crate) hearing: Hearing,
    /// The tokens of the last echo requests.
    pub(crate) tokens: VecDeque<u64>,
    /// When each ping node has answered last, by the local clock.
    pub(crate) replied: Vec<Option<u64>>,
    /// Groups that were found running at the start.
    pub(crate) found: Vec<bool>,
    /// Groups whose failure the core was told of.
    pub(crate) failed: Vec<bool>,
}

/// What waits for a daemon's next turn.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    Frame { link: LinkId, frame: Rc<Frame>, replayed: bool },
    Garbage { link: LinkId, bytes: Rc<[u8]> },
    Settled { group: GroupId, order: Order, outcome: Outcome },
    Replied { node: NodeId, token: u64 },
    Commanded(Command),
    Device { link: LinkId, state: LinkState },
}

impl Waiting {
    /// Whether it stands in a socket, where room is limited.
    pub(crate) const fn is_datagram(&self) -> bool {
        matches!(self, Self::Frame { .. } | Self::Garbage { .. })
    }
}

impl Clock {
    /// What it shows at the true time `now`.
    pub(crate) fn local(self, now: u64) -> u64 {
        let drift = i128::from(now) * i128::from(self.ppm) / 1_000_000;
        u64::try_from(i128::from(self.offset) + i128::from(now) + drift)
            .expect("a clock shows a positive time")
    }

    /// The first true time, from `now` on, at which it shows `local` or more.
    pub(crate) fn when(self, now: u64, local: u64) -> u64 {
        let lacks = local.saturating_sub(self.local(now));
        // 200 parts in a million are less than one in 4096.
        let mut at = now + lacks - (lacks >> 12).min(lacks);
        while self.local(at) < local {
            let lacks = local - self.local(at);
            at += (lacks - (lacks >> 12)).max(1);
        }
        at
    }
}

impl Host {
    pub(crate) fn new(groups: usize, ppm: i64, offset: u64) -> Self {
        Self {
            clock: Clock { offset, ppm },
            disk: Disk::default(),
            groups: vec![Executor::default(); groups],
            daemon: None,
            powered: true,
            down_by: None,
            start_on_exit: false,
            starts: 0,
        }
    }

    /// The daemon, if it runs and is not paused.
    pub(crate) fn awake(&self) -> Option<&Daemon> {
        self.daemon.as_ref().filter(|daemon| !daemon.paused)
    }

    /// Whether its daemon hears the other node, and could act on it.
    pub(crate) fn hears(&self, now: u64, deadtime: u64) -> bool {
        self.awake().is_some_and(|daemon| daemon.hearing.hears(now, deadtime))
    }
}
