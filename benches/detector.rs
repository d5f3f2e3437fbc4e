//! What a heartbeat costs: to write one and to take one in, to let a tick pass with 2 to 32
//! nodes, and to turn a forged datagram away.
//!
//! `cargo bench --bench detector`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use latido_core::config::NodeSettings;
use latido_core::id::{Generation, LinkId, NodeId};
use latido_core::limits::{FRAME_MAX, NODES_MAX};
use latido_core::notice::Reject;
use latido_core::time::{Duration, Instant};
use latido_core::wire::{Keys, Method, Status};
use latido_core::{Action, Config, Event, Incarnation, Node, NodeKind, Settings, Stamp, Timing};

const KEEPALIVE: Duration = Duration::from_millis(100);
const STAMP: Stamp<'_> = Stamp { unix_seconds: 1_784_295_465, load: "0.00 0.01 0.05 1/99 999" };
const START: Instant = Instant::from_micros(1_000_000);

fn node(me: u8, nodes: usize, secret: &[u8]) -> Node {
    let timing = Timing::of(KEEPALIVE, Duration::from_millis(500));
    let names = ["corman", "rabius"];
    let mut settings = Settings::pair(names, NodeId(me), &["eth0", "eth2"], &["apache2"], timing);
    for place in settings.nodes.len()..nodes {
        let name = format!("192.168.1.{place}").as_str().try_into().expect("it is short");
        settings.nodes.push(NodeSettings { name, kind: NodeKind::Ping }).expect("there is room");
    }
    let mut keys = Keys::new(1);
    keys.insert(1, Method::Sha1, secret).expect("the key is valid");
    let own = Generation(u64::from(me) + 1);
    let other = Generation(u64::from(1 - me) + 1);
    let seed = u64::from(me);
    let incarnation =
        Incarnation { generation: own, uuid: [me + 1; 16], peer_generation: other, seed };
    Node::new(Config::new(settings).expect("the settings hold together"), keys, incarnation, START)
}

/// Two nodes, each with its own clockwork, that hear each other at once.
struct Pair {
    nodes: [Node; 2],
    now: Instant,
    buffer: [u8; FRAME_MAX],
}

impl Pair {
    /// Two nodes of `nodes` that have settled who holds what.
    fn settled(nodes: usize) -> Self {
        let pair = [node(0, nodes, b"clavesecreta"), node(1, nodes, b"clavesecreta")];
        let mut pair = Self { nodes: pair, now: START, buffer: [0; FRAME_MAX] };
        for _ in 0..400 {
            pair.exchange();
        }
        for node in &pair.nodes {
            assert_eq!(node.status(), Status::Active);
            assert!(!node.in_transition());
        }
        pair
    }

    /// One keepalive of both: tick, render, verify, decode, handle, answers included.
    fn exchange(&mut self) {
        self.now = self.now.after(KEEPALIVE);
        for from in [0, 1] {
            let actions = self.nodes[from].handle(self.now, Event::Ticked { behind: false });
            self.carry_out(from, &actions);
        }
    }

    fn carry_out(&mut self, from: usize, actions: &latido_core::Actions) {
        for action in actions {
            match *action {
                Action::Send(transmission) => {
                    let mut buffer = self.buffer;
                    let length = self.nodes[from].render(&transmission, &STAMP, &mut buffer);
                    let event = Event::Received { link: LinkId(0), frame: &buffer[..length] };
                    let answers = self.nodes[1 - from].handle(self.now, event);
                    self.carry_out(1 - from, &answers);
                }
                Action::Own { group, order, .. } => {
                    let outcome = latido_core::Outcome::Done;
                    let event = Event::Settled { group, order, outcome };
                    let more = self.nodes[from].handle(self.now, event);
                    self.carry_out(from, &more);
                }
                Action::Probe { node, token } => {
                    let event = Event::Replied { node, token };
                    let _ = self.nodes[from].handle(self.now, event);
                }
                Action::Announce { .. }
                | Action::Record { .. }
                | Action::Exit
                | Action::Tell(_) => {}
            }
        }
    }

    /// The next heartbeat of the second node, ready to be sent.
    fn next_beat(&mut self) -> (latido_core::Transmission, usize) {
        self.now = self.now.after(KEEPALIVE);
        let actions = self.nodes[1].handle(self.now, Event::Ticked { behind: false });
        let sent = actions.iter().find_map(|action| match action {
            Action::Send(transmission) => Some(*transmission),
            _ => None,
        });
        let beat = sent.expect("a keepalive brings a heartbeat");
        (beat, self.nodes[1].render(&beat, &STAMP, &mut self.buffer))
    }
}

/// Sizes of a cluster with its ping nodes.
const SIZES: [usize; 5] = [2, 4, 8, 16, NODES_MAX];

fn heartbeat(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("heartbeat");
    let mut pair = Pair::settled(2);
    let (beat, _) = pair.next_beat();
    group.bench_function("render", |bencher| {
        let mut buffer = [0; FRAME_MAX];
        bencher.iter(|| pair.nodes[1].render(black_box(&beat), &STAMP, &mut buffer));
    });
    for nodes in SIZES {
        let pair = &mut Pair::settled(nodes);
        group.bench_function(BenchmarkId::new("receive", nodes), |bencher| {
            bencher.iter_batched_ref(
                || {
                    let (_, length) = pair.next_beat();
                    let octets = pair.buffer[..length].to_vec();
                    // The copy has not heard this beat; it is not what is measured.
                    (pair.nodes[0].clone(), octets, pair.now)
                },
                |(node, octets, now)| {
                    let event = Event::Received { link: LinkId(0), frame: black_box(octets) };
                    node.handle(*now, event)
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn tick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tick");
    for nodes in SIZES {
        let pair = &mut Pair::settled(nodes);
        group.bench_function(BenchmarkId::new("nothing_due", nodes), |bencher| {
            let now = pair.now;
            let node = &mut pair.nodes[0];
            bencher.iter(|| node.handle(now, black_box(Event::Ticked { behind: false })));
        });
        // What the edge asks before every sleep.
        group.bench_function(BenchmarkId::new("deadline", nodes), |bencher| {
            bencher.iter(|| black_box(&pair.nodes[0]).deadline());
        });
        // The heartbeats of both, echo requests and their answers included.
        group.bench_function(BenchmarkId::new("exchange", nodes), |bencher| {
            bencher.iter(|| pair.exchange());
        });
    }
    group.finish();
}

fn flood(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reject");
    group.throughput(Throughput::Elements(1));
    let mut pair = Pair::settled(2);
    let forger = node(1, 2, b"another key");
    let (beat, _) = pair.next_beat();
    let mut buffer = [0; FRAME_MAX];
    let length = forger.render(&beat, &STAMP, &mut buffer);
    let (now, node) = (pair.now, &mut pair.nodes[0]);
    for (name, frame) in [
        ("forged", &buffer[..length]),
        ("truncated", &buffer[..length / 2]),
        ("random", &[0x5A; 512][..]),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let event = Event::Received { link: LinkId(0), frame: black_box(frame) };
                node.handle(now, event)
            });
        });
    }
    assert!(node.rejected(Reject::Unauthenticated) > 0);
    assert!(node.rejected(Reject::Malformed) > 0);
    group.finish();
}

criterion_group!(benches, heartbeat, tick, flood);
criterion_main!(benches);
