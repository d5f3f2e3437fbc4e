//! What a seed means: the cluster, its timing, and which classes of trouble it has.
//! What goes wrong when is in `plan.rs`.

use latido_core::config::NodeSettings;
use latido_core::id::{Generation, Name, NodeId};
use latido_core::random::Random;
use latido_core::time::Duration;
use latido_core::wire::{Keys, Method};
use latido_core::{Config, Incarnation, NodeKind, Settings, Timing};

use super::plan::{Episode, episodes};

pub(crate) const MS: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000_000;

const NAMES: [&str; 2] = ["corman", "rabius"];
const LINKS: [&str; 3] = ["eth0", "eth2", "eth3"];
const PINGS: [&str; 2] = ["192.168.1.1", "192.168.1.2"];
const GROUPS: [&str; 4] = ["192.168.2.10", "192.168.2.11", "192.168.2.12", "192.168.2.13"];

/// The world of one seed.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) timing: Timing,
    pub(crate) links: usize,
    pub(crate) pings: usize,
    /// The preferred node of each group.
    pub(crate) preferred: Vec<usize>,
    pub(crate) auto_failback: bool,
    /// The longest that a script takes.
    pub(crate) script_max: u64,
    /// Of a thousand starts, so many fail.
    pub(crate) start_failures: u64,
    /// Of a thousand stops, so many fail.
    pub(crate) stop_failures: u64,
    /// An operator gives commands.
    pub(crate) commands: bool,
    sha1: bool,
    /// A broadcast comes back to its sender.
    pub(crate) hears_itself: bool,
    /// Datagrams that are read in one turn.
    pub(crate) drain: usize,
    /// How fast each clock runs, in millionths too fast.
    pub(crate) drift: [i64; 2],
    /// How late a node wakes at most.
    pub(crate) wake_latency: u64,
    /// How long a datagram takes at least.
    pub(crate) latency: u64,
    pub(crate) episodes: Vec<Episode>,
}

impl Scenario {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x6C61_7469_646F);
        let one_in = |n: u64, random: &mut Random| random.below(n) == 0;
        let fast = one_in(2, &mut random);
        let (keepalive, deadtime, initdead) =
            if fast { (100, 500, 2_000) } else { (2_000, 6_000, 10_000) };
        let mut timing =
            Timing::of(Duration::from_millis(keepalive), Duration::from_millis(deadtime));
        timing.initdead = Duration::from_millis(initdead);
        let groups = 1 + random.below(4);
        let one_sided = one_in(2, &mut random);
        let side = |place: u64| if one_sided { 0 } else { usize::from(place % 2 == 1) };
        // Rare failures come in seeds of their own, so that the rules for all other
        // seeds need no exception for them.
        let (start_failures, stop_failures) = match random.below(16) {
            0 | 1 => (100, 0),
            2 => (0, 100),
            _ => (0, 0),
        };
        let drift = |random: &mut Random| i64::try_from(random.below(401)).expect("small") - 200;
        let mut scenario = Self {
            timing,
            links: 1 + usize::from(!one_in(4, &mut random)) + usize::from(one_in(4, &mut random)),
            pings: usize::try_from(random.below(3)).expect("small"),
            preferred: (0..groups).map(side).collect(),
            auto_failback: !one_in(4, &mut random),
            script_max: [20 * MS, 200 * MS, 2 * SECOND]
                [usize::try_from(random.below(3)).expect("small")],
            start_failures,
            stop_failures,
            commands: one_in(3, &mut random),
            sha1: one_in(8, &mut random),
            hears_itself: one_in(8, &mut random),
            drain: if one_in(2, &mut random) { 8 } else { 1_000 },
            drift: [drift(&mut random), drift(&mut random)],
            wake_latency: 1 + random.below(2 * MS),
            latency: 50 + random.below(MS),
            episodes: Vec::new(),
        };
        scenario.episodes = episodes(&scenario, fast, &mut random);
        scenario
    }

    pub(crate) fn fails(&self) -> bool {
        self.start_failures + self.stop_failures > 0
    }

    pub(crate) const fn keepalive(&self) -> u64 {
        self.timing.keepalive.as_micros()
    }

    pub(crate) const fn deadtime(&self) -> u64 {
        self.timing.deadtime.as_micros()
    }

    pub(crate) const fn initdead(&self) -> u64 {
        self.timing.initdead.as_micros()
    }

    /// The configuration of node `me`.
    pub(crate) fn config(&self, me: usize, both_preferred: bool) -> Config {
        let id = |place: usize| NodeId(u8::try_from(place).expect("there are few nodes"));
        let (links, groups) = (&LINKS[..self.links], &GROUPS[..self.preferred.len()]);
        let mut settings = Settings::pair(NAMES, id(me), links, groups, self.timing);
        settings.auto_failback = self.auto_failback;
        settings.inner_signature = self.sha1;
        for (group, preferred) in settings.groups.iter_mut().zip(&self.preferred) {
            group.preferred = if both_preferred { id(me) } else { id(*preferred) };
        }
        for name in PINGS.iter().take(self.pings) {
            let name = Name::try_from(*name).expect("an address is short");
            let ping = NodeSettings { name, kind: NodeKind::Ping };
            settings.nodes.push(ping).expect("there is room for ping nodes");
        }
        Config::new(settings).expect("the settings hold together")
    }

    pub(crate) fn keys(&self) -> Keys {
        // A checksum is enough where nobody forges; it makes the simulator faster.
        let method = if self.sha1 { Method::Sha1 } else { Method::Crc };
        let mut keys = Keys::new(1);
        let secret: &[u8] = if self.sha1 { b"clavesecreta" } else { b"" };
        keys.insert(1, method, secret).expect("there is room for a key");
        keys
    }

    pub(crate) fn incarnation(me: usize, generation: u64, peer: u64, seed: u64) -> Incarnation {
        Incarnation {
            generation: Generation(generation),
            uuid: [u8::try_from(me).expect("small") + 1; 16],
            peer_generation: Generation(peer),
            seed,
        }
    }
}
