//! Two real nodes, a perfect wire of two links, and a clock that only we move.
//!
//! What happens is kept as lines, one a notice or an order, each with its second.
//! The wire can be cut by direction and link; scripts take no time, or until they
//! are told to end.

extern crate std;

use std::collections::VecDeque;
use std::format;
use std::string::String;
use std::vec::Vec;

use crate::action::{Action, Actions};
use crate::config::{Config, Incarnation, NodeKind, NodeSettings, Settings, Timing};
use crate::event::{Command, Event, LinkState};
use crate::id::{Generation, GroupId, LinkId, Name, NodeId, Order, Sequence};
use crate::limits::FRAME_MAX;
use crate::node::{Node, Stamp};
use crate::order::{Outcome, Ownership};
use crate::time::{Duration, Instant};
use crate::wire::{Encoding, Envelope, Frame, Header, Keys, Message, Method};

pub(super) const CORMAN: usize = 0;
pub(super) const RABIUS: usize = 1;
pub(super) const NAMES: [&str; 2] = ["corman", "rabius"];
/// The clock's start: not zero, so that nothing counts from there by chance.
const EPOCH: u64 = 1_000_000_000;
const LINKS: usize = 2;
/// Handling one instant takes fewer events than this, or the nodes talk in circles.
const EVENTS_MAX: usize = 10_000;

/// Something on its way to a node.
enum Parcel {
    Frame(usize, Vec<u8>),
    Settled(GroupId, Order, Outcome),
    Reply(NodeId, u64),
}

pub(super) struct Rig {
    pub(super) settings: Settings,
    pub(super) nodes: [Option<Node>; 2],
    pub(super) now: Instant,
    /// Frames from a node that do not arrive over a link.
    pub(super) cut: [[bool; LINKS]; 2],
    /// Frames of a message that do not arrive, so many times: the next ones sent.
    pub(super) lose: [u32; 2],
    /// Whether the ping nodes answer.
    pub(super) ping: bool,
    /// Scripts do not end by themselves.
    pub(super) slow: bool,
    /// How a group's order ends on a node, where not well.
    pub(super) broken: Vec<(usize, GroupId, Ownership)>,
    /// Both may hold a group for now.
    pub(super) split: bool,
    /// All frames of each node, for replays.
    pub(super) recorded: [Vec<Vec<u8>>; 2],
    lines: Vec<String>,
    parcels: VecDeque<(usize, Parcel)>,
    working: Vec<(usize, GroupId, Order, Ownership)>,
    levels: [[Ownership; 4]; 2],
    generations: [u64; 2],
    records: [Generation; 2],
}

pub(super) fn keys() -> Keys {
    let mut keys = Keys::new(1);
    keys.insert(1, Method::Sha1, b"clavesecreta").expect("a valid key");
    keys
}

pub(super) fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis)
}

impl Rig {
    /// Nobody is started yet. One group, `web`, prefers corman.
    pub(super) fn new() -> Self {
        Self::with(&["web"], |_| {})
    }

    /// The same with `groups`, the second of which prefers rabius, and `change`d.
    pub(super) fn with(groups: &[&str], change: impl FnOnce(&mut Settings)) -> Self {
        let timing = Timing::of(seconds(2), seconds(10));
        let mut settings = Settings::pair(NAMES, NodeId(0), &["eth0", "eth2"], groups, timing);
        if let Some(second) = settings.groups.get_mut(1) {
            second.preferred = NodeId(1);
        }
        change(&mut settings);
        Self {
            settings,
            nodes: [None, None],
            now: Instant::from_micros(EPOCH),
            cut: [[false; LINKS]; 2],
            lose: [0; 2],
            ping: true,
            slow: false,
            broken: Vec::new(),
            split: false,
            recorded: [Vec::new(), Vec::new()],
            lines: Vec::new(),
            parcels: VecDeque::new(),
            working: Vec::new(),
            levels: [[Ownership::Released; 4]; 2],
            generations: [100, 200],
            records: [Generation(0); 2],
        }
    }

    /// Both are started and settled; nothing of that is in the lines.
    pub(super) fn settled() -> Self {
        Self::new().up()
    }

    pub(super) fn up(mut self) -> Self {
        self.start(CORMAN);
        self.start(RABIUS);
        self.run(seconds(5));
        let _ = self.take();
        self
    }

    pub(super) fn ping_node(settings: &mut Settings) {
        let name = Name::try_from("192.168.1.1").expect("a short name");
        let ping = NodeSettings { name, kind: NodeKind::Ping };
        settings.nodes.push(ping).expect("there is room");
    }

    pub(super) fn start(&mut self, node: usize) {
        self.start_with(node, |_| {});
    }

    /// Starts `node` with settings of its own, in its next generation.
    pub(super) fn start_with(&mut self, node: usize, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.clone();
        settings.me = NodeId(u8::try_from(node).expect("0 or 1"));
        change(&mut settings);
        self.generations[node] += 1;
        let generation = self.generations[node];
        let incarnation = Incarnation {
            generation: Generation(generation),
            uuid: [u8::try_from(node).expect("0 or 1") + 1; 16],
            peer_generation: self.records[node],
            seed: generation,
        };
        let config = Config::new(settings).expect("the rig's settings hold together");
        assert!(self.nodes[node].is_none(), "a node that runs is not started");
        self.nodes[node] = Some(Node::new(config, keys(), incarnation, self.now));
        self.settle();
    }

    /// Kills `node`: not a word more of it, and what it ran is gone.
    pub(super) fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
        self.levels[node] = [Ownership::Released; 4];
        self.working.retain(|(at, ..)| *at != node);
        self.parcels.retain(|(to, _)| *to != node);
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        self.nodes[node].as_ref().expect("it runs")
    }

    pub(super) fn command(&mut self, node: usize, command: Command) {
        self.lines.push(self.line(node, &format!("<== {command:?}")));
        self.event(node, Event::Commanded(command));
        self.settle();
    }

    /// An event outside the wire, and nothing that follows from it yet.
    pub(super) fn event(&mut self, node: usize, event: Event<'_>) {
        let now = self.now;
        if let Some(running) = self.nodes[node].as_mut() {
            let actions = running.handle(now, event);
            self.carry_out(node, &actions);
        }
    }

    pub(super) fn link(&mut self, node: usize, link: u8, state: LinkState) {
        self.event(node, Event::LinkChanged { link: LinkId(link), state });
        self.settle();
    }

    /// Cuts or joins both links, both ways.
    pub(super) fn cut_all(&mut self, cut: bool) {
        self.cut = [[cut; LINKS]; 2];
    }

    /// Lets `time` pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now.after(time);
        for _ in 0..EVENTS_MAX {
            self.settle();
            let next = self.nodes.iter().flatten().map(Node::deadline).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            for node in [CORMAN, RABIUS] {
                let due = self.nodes[node].as_ref().is_some_and(|node| node.deadline() <= self.now);
                if due {
                    self.event(node, Event::Ticked { behind: false });
                    self.settle();
                }
            }
        }
        panic!("the nodes' deadlines do not move on");
    }

    /// Ends the scripts that run, in the order of their orders.
    pub(super) fn finish_scripts(&mut self) {
        for (node, group, order, ownership) in core::mem::take(&mut self.working) {
            self.finish(node, group, order, ownership);
        }
        self.settle();
    }

    fn finish(&mut self, node: usize, group: GroupId, order: Order, ownership: Ownership) {
        let outcome = match ownership {
            _ if !self.broken.contains(&(node, group, ownership)) => Outcome::Done,
            Ownership::Held => Outcome::StartFailed { resource: 0 },
            Ownership::Released => Outcome::StopFailed { resource: 0 },
        };
        match outcome {
            Outcome::Done => self.levels[node][group.index()] = ownership,
            Outcome::StartFailed { .. } => {
                self.levels[node][group.index()] = Ownership::Released;
            }
            Outcome::StopFailed { .. } => {}
        }
        let holders = self.levels.iter().filter(|held| held[group.index()] == Ownership::Held);
        assert!(self.split || holders.count() < 2, "{}", self.transcript());
        self.parcels.push_back((node, Parcel::Settled(group, order, outcome)));
    }

    /// Delivers what is on its way, until nothing is.
    pub(super) fn settle(&mut self) {
        for _ in 0..EVENTS_MAX {
            let Some((node, parcel)) = self.parcels.pop_front() else { return };
            match parcel {
                Parcel::Frame(link, frame) => {
                    let link = LinkId(u8::try_from(link).expect("two links"));
                    self.event(node, Event::Received { link, frame: &frame });
                }
                Parcel::Settled(group, order, outcome) => {
                    self.event(node, Event::Settled { group, order, outcome });
                }
                Parcel::Reply(from, token) => {
                    self.event(node, Event::Replied { node: from, token });
                }
            }
        }
        panic!("the nodes talk in circles:\n{}", self.transcript());
    }

    fn carry_out(&mut self, node: usize, actions: &Actions) {
        for action in actions {
            match *action {
                Action::Send(transmission) => {
                    let mut buffer = [0; FRAME_MAX];
                    let stamp =
                        Stamp { unix_seconds: 1_258_000_000, load: "0.42 0.60 0.32 6/119 37" };
                    let running = self.nodes[node].as_ref().expect("it has just acted");
                    let length = running.render(&transmission, &stamp, &mut buffer);
                    self.transmit(node, &buffer[..length]);
                }
                Action::Probe { node: target, token } => {
                    if self.ping {
                        self.parcels.push_back((node, Parcel::Reply(target, token)));
                    }
                }
                Action::Own { group, order, ownership } => {
                    let key = self.node(node).config().key(group);
                    self.lines.push(self.line(node, &format!("==> {key} {ownership:?}")));
                    self.working.retain(|(at, of, ..)| (*at, *of) != (node, group));
                    if self.slow {
                        self.working.push((node, group, order, ownership));
                    } else {
                        self.finish(node, group, order, ownership);
                    }
                }
                Action::Announce { group } => {
                    let key = self.node(node).config().key(group);
                    self.lines.push(self.line(node, &format!("==> {key} announced")));
                }
                Action::Record { generation, .. } => {
                    assert!(generation > self.records[node], "a record only grows");
                    self.records[node] = generation;
                }
                Action::Exit => {
                    self.lines.push(self.line(node, "==> exit"));
                    self.kill(node);
                    return;
                }
                Action::Tell(notice) => {
                    let text = format!("{}", notice.line(self.node(node).config()));
                    let text = format!("{}: {text}", notice.severity());
                    self.lines.push(self.line(node, &text));
                }
            }
        }
    }

    fn transmit(&mut self, from: usize, frame: &[u8]) {
        self.recorded[from].push(frame.to_vec());
        let lost = self.lose[from] > 0;
        self.lose[from] = self.lose[from].saturating_sub(1);
        for link in 0..LINKS {
            self.parcels.push_back((from, Parcel::Frame(link, frame.to_vec())));
            if !lost && !self.cut[from][link] {
                self.parcels.push_back((1 - from, Parcel::Frame(link, frame.to_vec())));
            }
        }
    }

    /// Puts a frame on the first link towards `to`.
    pub(super) fn inject(&mut self, to: usize, frame: &[u8]) {
        self.parcels.push_back((to, Parcel::Frame(0, frame.to_vec())));
        self.settle();
    }

    fn line(&self, node: usize, text: &str) -> String {
        let since = self.now.as_micros() - EPOCH;
        format!("{:.3} {} {text}", since as f64 / 1e6, NAMES[node])
    }

    /// What has happened since the last look, one line each.
    pub(super) fn take(&mut self) -> String {
        let text = self.transcript();
        self.lines.clear();
        text
    }

    fn transcript(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Which node really runs `group`; none or both are bugs of the test.
    pub(super) fn runs(&self, group: u8) -> [bool; 2] {
        [CORMAN, RABIUS].map(|node| self.levels[node][usize::from(group)] == Ownership::Held)
    }
}

/// A message as `source` would send it.
pub(super) fn frame(source: &str, generation: u64, sequence: u64, message: Message) -> Vec<u8> {
    let mut buffer = [0; FRAME_MAX];
    let envelope = Envelope {
        source,
        source_uuid: &[2; 16],
        dest: None,
        sequence: message.is_sequenced().then_some(Sequence(sequence)),
        generation: Generation(generation),
        timestamp: 1_258_000_000,
        load: "0.00 0.00 0.00 1/1 1",
        ttl: 3,
        nodes: &NAMES,
        encoding: Encoding::Netstring { inner: true },
    };
    let length = message.encode(&envelope, &keys(), &mut buffer).expect("the buffer is large");
    buffer[..length].to_vec()
}

/// What a frame says.
pub(super) fn read(frame: &[u8]) -> (Option<Sequence>, Message) {
    let frame = Frame::decode(frame, &keys()).expect("we made it");
    let header = Header::read(&frame).expect("it has a header");
    (header.sequence, Message::read(&frame).expect("it says something"))
}
