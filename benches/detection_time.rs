//! How soon a death is noticed, and how often a living node is taken for dead, against loss:
//! two nodes in virtual time, keepalive 100 ms and deadtime 500 ms, one link and two.
//!
//! Loss is per datagram and link, independent, from a fixed seed: the table is the same on every
//! machine, and is compared with `benches/detection_time.txt`.
//! `UPDATE_EXPECT=1 cargo bench --bench detection_time` writes it anew.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use latido_core::id::{Generation, LinkId, NodeId};
use latido_core::limits::FRAME_MAX;
use latido_core::notice::Notice;
use latido_core::random::Random;
use latido_core::time::{Duration, Instant};
use latido_core::wire::{Keys, Method, Status};
use latido_core::{Action, Actions, Config, Event, Incarnation, Node, Settings, Stamp, Timing};

const KEEPALIVE: Duration = Duration::from_millis(100);
const DEADTIME: Duration = Duration::from_millis(500);
/// Losses in percent.
const LOSSES: [u64; 8] = [0, 1, 5, 10, 20, 30, 40, 50];
/// Deaths tried for one line of the table.
const DEATHS: u64 = 201;
/// Simulated time without a death for one line of the table.
const HOURS: u32 = 2;
const STAMP: Stamp<'_> = Stamp { unix_seconds: 1_784_295_465, load: "" };
const NAMES: [&str; 2] = ["corman", "rabius"];

/// Two nodes and the links between them.
struct World {
    nodes: [Node; 2],
    now: Instant,
    links: u8,
    loss: u64,
    random: Random,
    /// How often a node was taken for dead.
    deaths: u64,
}

impl World {
    /// Both have settled who holds what; only then does anything get lost.
    fn settled(links: u8, loss: u64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let start = Instant::from_micros(1_000_000);
        let nodes = [0, 1].map(|me| node(me, links, random.next(), start));
        let mut world = Self { nodes, now: start, links, loss: 0, random, deaths: 0 };
        // The second starts at another phase of the beat.
        let phase = world.random.below(KEEPALIVE.as_micros());
        world.wake(0);
        world.now = world.now.after(Duration::from_micros(phase));
        world.wake(1);
        world.run(Duration::from_secs(5));
        for node in &world.nodes {
            assert_eq!(node.status(), Status::Active);
            assert!(!node.in_transition());
        }
        world.loss = loss;
        world.deaths = 0;
        world
    }

    fn run(&mut self, duration: Duration) {
        let until = self.now.after(duration);
        loop {
            let due = [0, 1].map(|node| self.nodes[node].deadline());
            let next = usize::from(due[1] < due[0]);
            if due[next] > until {
                break;
            }
            self.now = due[next].max(self.now);
            self.wake(next);
        }
        self.now = until;
    }

    fn wake(&mut self, node: usize) {
        let actions = self.nodes[node].handle(self.now, Event::Ticked { behind: false });
        self.carry_out(node, &actions);
    }

    fn carry_out(&mut self, from: usize, actions: &Actions) {
        for action in actions {
            match *action {
                Action::Send(transmission) => {
                    let mut buffer = [0; FRAME_MAX];
                    let length = self.nodes[from].render(&transmission, &STAMP, &mut buffer);
                    for link in (0..self.links).map(LinkId) {
                        if self.random.below(100) < self.loss {
                            continue;
                        }
                        let event = Event::Received { link, frame: &buffer[..length] };
                        let answers = self.nodes[1 - from].handle(self.now, event);
                        self.carry_out(1 - from, &answers);
                    }
                }
                Action::Own { group, order, .. } => {
                    let outcome = latido_core::Outcome::Done;
                    let event = Event::Settled { group, order, outcome };
                    let more = self.nodes[from].handle(self.now, event);
                    self.carry_out(from, &more);
                }
                Action::Tell(Notice::NodeDead { .. }) => self.deaths += 1,
                Action::Probe { .. }
                | Action::Announce { .. }
                | Action::Record { .. }
                | Action::Exit
                | Action::Tell(_) => {}
            }
        }
    }

    /// Kills the second node at a random phase; how long it takes the first to say so.
    fn kill(&mut self) -> Duration {
        let phase = self.random.below(10 * KEEPALIVE.as_micros());
        self.run(Duration::from_micros(phase));
        let died = self.now;
        let survivor = &mut self.nodes[0];
        // A node that is wrongly dead at this instant has been noticed already.
        let already = survivor.nodes().nth(1).is_some_and(|peer| peer.status == Status::Dead);
        if already {
            return Duration::ZERO;
        }
        for _ in 0..1_000 {
            let now = survivor.deadline().max(died);
            let actions = survivor.handle(now, Event::Ticked { behind: false });
            let dead = |action: &Action| matches!(action, Action::Tell(Notice::NodeDead { .. }));
            if actions.iter().any(dead) {
                return now.since(died);
            }
        }
        panic!("a silent node was never declared dead");
    }
}

fn node(me: u8, links: u8, seed: u64, now: Instant) -> Node {
    let timing = Timing::of(KEEPALIVE, DEADTIME);
    let devices = &["eth0", "eth2"][..usize::from(links)];
    let settings = Settings::pair(NAMES, NodeId(me), devices, &["apache2"], timing);
    let mut keys = Keys::new(1);
    // What is measured does not depend on the method, and this one is quick.
    keys.insert(1, Method::Crc, b"").expect("the key is valid");
    let (generation, peer_generation) = (Generation(1), Generation(1));
    let incarnation = Incarnation { generation, uuid: [me + 1; 16], peer_generation, seed };
    Node::new(Config::new(settings).expect("the settings hold together"), keys, incarnation, now)
}

/// One line of the table.
fn line(links: u8, loss: u64) -> String {
    let seed = u64::from(links) * 1_000 + loss;
    let mut latencies: Vec<Duration> = (0..DEATHS)
        .map(|death| World::settled(links, loss, seed * 1_000 + death).kill())
        .filter(|latency| *latency > Duration::ZERO)
        .collect();
    latencies.sort();
    // Nobody is declared dead before the deadline: at best the last beat was this instant.
    let earliest = *latencies.first().expect("most deaths are those of living nodes");
    assert!(loss > 0 || earliest.plus(KEEPALIVE) >= DEADTIME, "{earliest} after the death");
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_millis();
    let mut alive = World::settled(links, loss, seed);
    alive.run(Duration::from_secs(3_600).times(HOURS));
    // Each of the two may be wrong about the other.
    let wrong = alive.deaths * 100 / u64::from(HOURS) / 2;
    format!(
        "{links:>5} {loss:>5} % {:>8} {:>8} {:>8} {:>11}.{:02}",
        at(50),
        at(99),
        at(100),
        wrong / 100,
        wrong % 100
    )
}

fn main() -> ExitCode {
    let mut table = String::from(
        "keepalive 100 ms, deadtime 500 ms: milliseconds from a death until it is declared,\n\
         and how often an hour a node takes the other, which lives, for dead\n\n\
         links    loss   median      p99      max  wrong an hour\n",
    );
    for links in [1, 2] {
        for loss in LOSSES {
            writeln!(table, "{}", line(links, loss)).expect("memory");
        }
    }
    print!("{table}");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/detection_time.txt");
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(golden, table).expect("the table can be written");
        return ExitCode::SUCCESS;
    }
    if fs::read_to_string(golden).is_ok_and(|expected| expected == table) {
        return ExitCode::SUCCESS;
    }
    eprintln!("this differs from benches/detection_time.txt; UPDATE_EXPECT=1 writes it anew");
    ExitCode::FAILURE
}
