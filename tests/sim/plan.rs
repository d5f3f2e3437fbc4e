//! What goes wrong when: episodes of trouble, each with a time of quiet after it.

use latido_core::random::Random;
use latido_core::wire::Hold;

use super::scenario::{MS, SECOND, Scenario};

/// Some faults, then none: the cluster must come to rest.
#[derive(Clone, Debug)]
pub(crate) struct Episode {
    /// From here on the network is clean, and nothing new goes wrong.
    pub(crate) quiet: u64,
    pub(crate) ends: u64,
    pub(crate) faults: Vec<Fault>,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) begins: u64,
    pub(crate) ends: u64,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Loss { permille: u64 },
    Bursts,
    Duplication,
    Reordering,
    Jitter,
    LinkCut { link: usize },
    OneWayCut { link: usize, from: usize },
    Partition,
    HalfPartition { from: usize },
    LinkDevice { node: usize, link: usize },
    Pause { node: usize },
    NodeCrash { node: usize },
    DaemonCrash { node: usize },
    Shutdown { node: usize },
    Standby { node: usize, set: Hold },
    Takeover { node: usize, set: Hold },
    Replay,
    Garbage,
    PingSilence { ping: usize },
}

/// How long nodes wait for a report or an answer, by the specification (6.2, 7).
pub(crate) const ANSWER: u64 = 10 * SECOND;

/// The time from the end of all faults to exactly one holder of each group, of
/// nodes that have been up for long: the promise, and what scripts take. There may
/// be one order to be finished, one to be undone, one to release and one to start.
pub(crate) fn settling_time(scenario: &Scenario) -> u64 {
    scenario.deadtime() + 2 * scenario.keepalive() + SECOND + 4 * scenario.script_max
}

/// The time from there to the preferred node: an offer that was just made to a node
/// that could not answer is waited for in vain, then repeated every second.
pub(crate) fn failback_time(scenario: &Scenario) -> u64 {
    ANSWER + SECOND + scenario.keepalive() + 2 * scenario.script_max + SECOND
}

pub(crate) fn episodes(scenario: &Scenario, fast: bool, random: &mut Random) -> Vec<Episode> {
    let (least, trouble) =
        if fast { (60 * SECOND, 12 * SECOND) } else { (600 * SECOND, 100 * SECOND) };
    let calm = settling_time(scenario) + failback_time(scenario) + scenario.initdead() + ANSWER;
    let mut now = 0;
    let mut episodes = Vec::new();
    while now < least {
        let (begins, quiet) = (now, now + trouble / 4 + random.below(trouble));
        let ends = quiet + calm + 2 * SECOND;
        let mut faults: Vec<Fault> =
            (0..=random.below(6)).map(|_| fault(scenario, random, (begins, quiet, ends))).collect();
        faults.sort_by_key(|fault| fault.begins);
        episodes.push(Episode { quiet, ends, faults });
        now = ends;
    }
    episodes
}

fn fault(
    scenario: &Scenario,
    random: &mut Random,
    (begins, quiet, ends): (u64, u64, u64),
) -> Fault {
    let kind = kind(scenario, random);
    let at = begins + random.below(quiet - begins);
    let deadtime = scenario.deadtime();
    let lasts = match random.below(4) {
        0 => 1 + random.below(deadtime),
        1 => deadtime + random.below(2 * scenario.keepalive()),
        2 => deadtime + random.below(4 * deadtime),
        _ => quiet - at,
    };
    let mut until = (at + lasts).clamp(at + 1, quiet.max(at + 1));
    let outlasts = match kind {
        // A node may stay away, and whoever plays frames back does not stop.
        Kind::NodeCrash { .. } | Kind::DaemonCrash { .. } | Kind::Shutdown { .. } => {
            random.below(4) == 0
        }
        Kind::Replay | Kind::Garbage => random.below(2) == 0,
        _ => false,
    };
    if outlasts {
        until = ends + MS;
    }
    Fault { kind, begins: at, ends: until }
}

fn kind(scenario: &Scenario, random: &mut Random) -> Kind {
    let mut below = |n: usize| usize::try_from(random.below(n as u64)).expect("small");
    let (node, link) = (below(2), below(scenario.links));
    let set = [Hold::ALL, Hold::LOCAL, Hold::FOREIGN][below(3)];
    let permille = [10, 100, 300, 500][below(4)];
    let ping = below(2);
    let operator = if scenario.commands { 4 } else { 0 };
    match below(22 + operator) {
        0 | 1 => Kind::Loss { permille },
        2 => Kind::Bursts,
        3 => Kind::Duplication,
        4 => Kind::Reordering,
        5 => Kind::Jitter,
        6 => Kind::LinkCut { link },
        7 => Kind::OneWayCut { link, from: node },
        8 | 9 => Kind::Partition,
        10 | 11 => Kind::HalfPartition { from: node },
        12 => Kind::LinkDevice { node, link },
        13 | 14 => Kind::Pause { node },
        15 | 16 => Kind::NodeCrash { node },
        17 => Kind::DaemonCrash { node },
        18 => Kind::Shutdown { node },
        19 => Kind::Replay,
        20 => Kind::Garbage,
        21 => Kind::PingSilence { ping },
        22 | 23 => Kind::Standby { node, set },
        _ => Kind::Takeover { node, set },
    }
}
