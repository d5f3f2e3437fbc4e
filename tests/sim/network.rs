//! The links: what becomes of a datagram on its way.

use latido_core::random::Random;

use super::plan::Kind;
use super::scenario::{MS, Scenario};

/// One direction of one link.
#[derive(Clone, Copy, Debug, Default)]
struct Path {
    cut: bool,
    loss: u64,
    bursts: bool,
    /// Within a burst everything is lost.
    in_burst: bool,
    duplication: bool,
    reordering: bool,
    jitter: u64,
}

/// The links of both nodes, by link and by sender.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    paths: Vec<[Path; 2]>,
    /// Devices that are gone, by link and by node.
    gone: Vec<[bool; 2]>,
    latency: u64,
    keepalive: u64,
}

/// What became of a datagram: when its copies arrive, after how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lost,
    LostInBurst,
    Cut,
    Arrives { after: u64, again: Option<u64>, reordered: bool },
}

impl Network {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            paths: vec![[Path::default(); 2]; scenario.links],
            gone: vec![[false; 2]; scenario.links],
            latency: scenario.latency,
            keepalive: scenario.keepalive(),
        }
    }

    /// Makes the network what the faults of `kinds` together make of it.
    pub(crate) fn set(&mut self, kinds: impl Iterator<Item = Kind>) {
        for paths in &mut self.paths {
            for path in paths {
                *path = Path { in_burst: path.in_burst, ..Path::default() };
            }
        }
        self.gone.iter_mut().for_each(|gone| *gone = [false; 2]);
        for kind in kinds {
            self.apply(kind);
        }
    }

    fn apply(&mut self, kind: Kind) {
        let jitter = self.keepalive / 4;
        let mut each = |change: &dyn Fn(&mut Path)| {
            self.paths.iter_mut().flatten().for_each(change);
        };
        match kind {
            Kind::Loss { permille } => each(&|path| path.loss = path.loss.max(permille)),
            Kind::Bursts => each(&|path| path.bursts = true),
            Kind::Duplication => each(&|path| path.duplication = true),
            Kind::Reordering => each(&|path| path.reordering = true),
            Kind::Jitter => each(&|path| path.jitter = jitter),
            Kind::Partition => each(&|path| path.cut = true),
            Kind::HalfPartition { from } => {
                self.paths.iter_mut().for_each(|paths| paths[from].cut = true);
            }
            Kind::LinkCut { link } => {
                self.paths[link].iter_mut().for_each(|path| path.cut = true);
            }
            Kind::OneWayCut { link, from } => self.paths[link][from].cut = true,
            Kind::LinkDevice { node, link } => {
                self.gone[link][node] = true;
                self.paths[link].iter_mut().for_each(|path| path.cut = true);
            }
            Kind::Pause { .. }
            | Kind::NodeCrash { .. }
            | Kind::DaemonCrash { .. }
            | Kind::Shutdown { .. }
            | Kind::Standby { .. }
            | Kind::Takeover { .. }
            | Kind::Replay
            | Kind::Garbage
            | Kind::PingSilence { .. } => {}
        }
    }

    /// Whether the device of `link` is there on `node`.
    pub(crate) fn has_device(&self, node: usize, link: usize) -> bool {
        !self.gone[link][node]
    }

    /// Whether anything may be lost now.
    pub(crate) fn loses(&self) -> bool {
        self.paths.iter().flatten().any(|path| path.cut || path.loss > 0 || path.bursts)
            || self.is_slow()
    }

    /// Whether anything may be late now.
    fn is_slow(&self) -> bool {
        self.paths.iter().flatten().any(|path| path.reordering || path.jitter > 0)
    }

    /// Decides what becomes of a datagram that `from` sends over `link`.
    pub(crate) fn send(&mut self, link: usize, from: usize, random: &mut Random) -> Fate {
        let (latency, keepalive) = (self.latency, self.keepalive);
        let path = &mut self.paths[link][from];
        if path.cut {
            return Fate::Cut;
        }
        if path.bursts {
            let turns = if path.in_burst { 4 } else { 20 };
            path.in_burst ^= random.below(turns) == 0;
            if path.in_burst {
                return Fate::LostInBurst;
            }
        }
        if random.below(1_000) < path.loss {
            return Fate::Lost;
        }
        let travel = |random: &mut Random| latency + random.below(latency + path.jitter + 1);
        let mut after = travel(random);
        let reordered = path.reordering && random.below(8) == 0;
        if reordered {
            after += MS + random.below(3 * keepalive);
        }
        let again = (path.duplication && random.below(3) == 0)
            .then(|| travel(random) + random.below(2 * keepalive));
        Fate::Arrives { after, again, reordered }
    }
}
