//! A node and a world that does to it whatever the input says: time in any steps, datagrams of
//! any octets, genuine frames of the other node that say anything, orders that end in any way.
//! Nothing panics, nothing that is not genuine changes anything, and every turn is bounded.
#![no_main]

use latido_core::id::{Fingerprint, Generation, GroupId, LinkId, NodeId, Order, Sequence};
use latido_core::limits::FRAME_MAX;
use latido_core::node::{GroupView, LinkView, NodeView};
use latido_core::notice::Reject;
use latido_core::time::{Duration, Instant};
use latido_core::wire::{
    Encoding, Envelope, Frame, Header, Hold, Info, Keys, Message, Method, NakReason, Status, Step,
    Writer,
};
use latido_core::{
    Action, Actions, Command, Config, Event, Incarnation, LinkState, Node, NodeKind, Outcome,
    Ownership, Phase, Settings, Stamp, Timing,
};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 2] = ["corman", "rabius"];
const LINKS: u8 = 2;
const GROUPS: [&str; 3] = ["IPaddr2::192.168.2.10", "apache2", "drbddisk::data"];
const MINE: Generation = Generation(1_000);
const THEIRS: u64 = 2_000;
/// Ticks at one instant that may be needed until nothing is due any more.
const TICKS_MAX: usize = 64;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let mut world = World::new(input.octet());
    while !input.0.is_empty() && !world.ended {
        world.step(&mut input);
    }
});

/// The octets of the input; zeroes when there are no more.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.octet(), self.octet()])
    }

    fn long(&mut self) -> u64 {
        u64::from_le_bytes([(); 8].map(|()| self.octet()))
    }

    fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    fn hold(&mut self) -> Hold {
        let bits = self.octet();
        Hold { local: bits & 1 != 0, foreign: bits & 2 != 0 }
    }

    fn sequence(&mut self, near: u64) -> Sequence {
        Sequence(match self.octet() % 8 {
            0..=3 => near,
            4 => near.saturating_sub(u64::from(self.octet())),
            5 => near.saturating_add(u64::from(self.octet())),
            6 => near.saturating_add(u64::from(self.short())),
            _ => self.long(),
        })
    }

    fn word<const N: usize>(&mut self, words: [&'static str; N]) -> &'static str {
        words[usize::from(self.octet()) % N]
    }
}

/// Everything that a status would show, and when the node wants to be woken.
#[derive(PartialEq, Debug)]
struct Views {
    nodes: Vec<NodeView>,
    links: Vec<LinkView>,
    groups: Vec<GroupView>,
    protocol: (Status, Phase, Hold, Hold, bool, Option<bool>),
    deadline: Instant,
}

impl Views {
    fn of(node: &Node) -> Self {
        Self {
            nodes: node.nodes().collect(),
            links: node.nodes().flat_map(|view| node.links(view.node)).collect(),
            groups: node.groups().collect(),
            protocol: (
                node.status(),
                node.phase(),
                node.hold(),
                node.other_hold(),
                node.in_transition(),
                node.configuration_differs(),
            ),
            deadline: node.deadline(),
        }
    }
}

struct World {
    node: Node,
    keys: Keys,
    now: Instant,
    generation: u64,
    sequence: u64,
    orders: Vec<(GroupId, Order, Ownership)>,
    token: u64,
    ended: bool,
}

impl World {
    fn new(kind: u8) -> Self {
        let mut keys = Keys::new(1);
        keys.insert(1, Method::Crc, b"").expect("the key is valid");
        let timing = if kind & 1 == 0 {
            Timing::of(Duration::from_millis(100), Duration::from_millis(500))
        } else {
            Timing::of(Duration::from_secs(2), Duration::from_secs(10))
        };
        let me = NodeId(kind >> 1 & 1);
        let mut settings = Settings::pair(NAMES, me, &["eth0", "eth2"], &GROUPS, timing);
        settings.auto_failback = kind & 4 == 0;
        settings.groups[1].preferred = NodeId(kind >> 3 & 1);
        if kind & 16 != 0 {
            let ping = latido_core::config::NodeSettings {
                name: "192.168.1.1".try_into().expect("it is short"),
                kind: NodeKind::Ping,
            };
            settings.nodes.push(ping).expect("there is room");
        }
        let incarnation = Incarnation {
            generation: MINE,
            uuid: [me.0 + 1; 16],
            peer_generation: Generation(if kind & 32 == 0 { 0 } else { THEIRS }),
            seed: u64::from(kind),
        };
        let config = Config::new(settings).expect("the settings hold together");
        let now = Instant::from_micros(1_000_000);
        let mut world = Self {
            node: Node::new(config, keys.clone(), incarnation, now),
            keys,
            now,
            generation: THEIRS,
            sequence: 1,
            orders: Vec::new(),
            token: 0,
            ended: false,
        };
        if kind & 64 != 0 {
            world.handle(Event::Found { group: GroupId(0) });
        }
        world
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.octet() % 16 {
            0 | 10 => self.pass(Duration::from_millis(u32::from(input.octet()))),
            1 => {
                let count = usize::from(input.short());
                let octets = input.take(count);
                self.receive(LinkId(0), octets);
            }
            2 | 3 | 11..=13 => self.genuine_message(input),
            4 => self.genuine_fields(input),
            5 => self.settle(input),
            6 => {
                let command = match input.octet() % 4 {
                    0 => Command::Standby(input.hold()),
                    1 => Command::Takeover(input.hold()),
                    2 => Command::Standby(Hold::ALL),
                    _ => Command::Shutdown,
                };
                self.handle(Event::Commanded(command));
            }
            7 => {
                let link = LinkId(input.octet() % LINKS);
                let states = [LinkState::Up, LinkState::Down, LinkState::Missing];
                let state = states[usize::from(input.octet()) % states.len()];
                self.handle(Event::LinkChanged { link, state });
            }
            8 => {
                let token = if input.flag() { self.token } else { input.long() };
                let node = NodeId(input.octet() % 3);
                self.handle(Event::Replied { node, token });
            }
            9 => self.handle(Event::Ticked { behind: input.flag() }),
            14 => self.pass(Duration::from_millis(u32::from(input.short() % 16_384))),
            _ => {
                // A clock that goes back.
                let past = Instant::from_micros(self.now.as_micros() / 2);
                let actions = self.node.handle(past, Event::Ticked { behind: false });
                self.execute(&actions);
            }
        }
    }

    /// Lets time pass as the edge does: woken at every deadline.
    fn pass(&mut self, duration: Duration) {
        let until = self.now.after(duration);
        let mut stays = 0;
        while self.node.deadline() <= until && !self.ended {
            let next = self.node.deadline().max(self.now);
            stays = if next == self.now { stays + 1 } else { 0 };
            assert!(stays < TICKS_MAX, "the node wants to be woken at {next:?} for ever");
            self.now = next;
            self.handle(Event::Ticked { behind: false });
        }
        self.now = until;
    }

    fn handle(&mut self, event: Event<'_>) {
        let actions = self.node.handle(self.now, event);
        self.execute(&actions);
    }

    /// A datagram that may be anything: not a genuine one, and it changes nothing.
    fn receive(&mut self, link: LinkId, octets: &[u8]) {
        let believed = Frame::decode(octets, &self.keys).is_ok();
        let rejected = Reject::ALL.map(|why| self.node.rejected(why));
        let before = Views::of(&self.node);
        let actions = self.node.handle(self.now, Event::Received { link, frame: octets });
        if !believed {
            assert!(actions.iter().all(|action| matches!(action, Action::Tell(_))));
            assert_eq!(Views::of(&self.node), before);
            let after = Reject::ALL.map(|why| self.node.rejected(why));
            assert_eq!(after.iter().sum::<u64>(), rejected.iter().sum::<u64>() + 1);
        }
        self.execute(&actions);
    }

    fn execute(&mut self, actions: &Actions) {
        for action in actions {
            match *action {
                Action::Send(transmission) => {
                    let stamp =
                        Stamp { unix_seconds: 1_700_000_000, load: "0.00 0.01 0.05 1/99 9" };
                    let mut buffer = [0; FRAME_MAX];
                    let length = self.node.render(&transmission, &stamp, &mut buffer);
                    let frame = Frame::decode(&buffer[..length], &self.keys).expect("genuine");
                    let header = Header::read(&frame).expect("ours have a header");
                    assert_eq!(header.sequence, transmission.sequence);
                }
                Action::Probe { token, .. } => self.token = token,
                Action::Own { group, order, ownership } => {
                    self.orders.retain(|(other, ..)| *other != group);
                    self.orders.push((group, order, ownership));
                }
                Action::Tell(notice) => {
                    assert!(!notice.line(self.node.config()).to_string().is_empty());
                }
                Action::Exit => self.ended = true,
                Action::Announce { .. } | Action::Record { .. } => {}
            }
        }
    }

    /// The right order's end, or that of one that is over. What the edge cannot say is not
    /// tried: a start that fails answers an order to hold, a stop that fails any.
    fn settle(&mut self, input: &mut Input<'_>) {
        let Some(&(group, order, ownership)) =
            self.orders.get(usize::from(input.octet()) % self.orders.len().max(1))
        else {
            return;
        };
        let order = if input.octet() % 4 == 0 { Order(order.0.saturating_sub(1)) } else { order };
        let outcome = match (input.octet() % 4, ownership) {
            (0, Ownership::Held) => Outcome::StartFailed { resource: input.octet() },
            (1, _) => Outcome::StopFailed { resource: input.octet() },
            _ => Outcome::Done,
        };
        self.handle(Event::Settled { group, order, outcome });
    }

    fn message(&mut self, input: &mut Input<'_>) -> Message {
        let heard = self.node.nodes().nth(self.node.config().me().index());
        let sent = heard.and_then(|view| view.sequence).map_or(0, |sequence| sequence.0);
        let infos =
            [Info::Absent, Info::Standby, Info::Shutdown, Info::OurResources, Info::MachDown];
        let steps = [Step::Me, Step::Other, Step::Done];
        match input.octet() % 16 {
            0 => Message::Ack { sequence: input.sequence(sent) },
            1 => {
                let first = input.sequence(sent);
                let last = first.0.saturating_add(u64::from(input.octet()));
                Message::RexmitRequest { first, last: Sequence(last) }
            }
            2 => {
                Message::Nak { sequence: input.sequence(self.sequence), reason: NakReason::TooLow }
            }
            3 => Message::ReqNodes,
            4 => Message::RepNodes,
            5 => Message::Starting,
            6 | 7 => Message::Resource {
                hold: input.hold(),
                full: input.flag(),
                stable: [None, Some(false), Some(true)][usize::from(input.octet()) % 3],
                info: infos[usize::from(input.octet()) % infos.len()],
            },
            8 | 9 => {
                let step = steps[usize::from(input.octet()) % steps.len()];
                Message::AskResources { set: input.hold(), step }
            }
            10 => Message::TakeoverRequest { set: input.hold() },
            11 => Message::Shutdone,
            _ => Message::Status {
                status: [Status::Active, Status::Up, Status::Init, Status::Dead, Status::Ping]
                    [usize::from(input.octet()) % 5],
                deadtime: Duration::from_millis(u32::from(input.short()) + 1),
                acks: input.octet() % 8 != 0,
                config: input.flag().then_some(Fingerprint(u64::from(input.octet() % 2))),
                hears: match input.octet() % 4 {
                    0 => None,
                    1 => Some(Generation(MINE.0 - 1)),
                    _ => Some(MINE),
                },
            },
        }
    }

    /// A message of the other node, as it would sign it.
    fn genuine_message(&mut self, input: &mut Input<'_>) {
        let message = self.message(input);
        let (me, other) = (self.node.config().me().index(), 1 - self.node.config().me().index());
        self.generation = match input.octet() % 32 {
            0 => self.generation.saturating_add(1),
            1 => self.generation.saturating_sub(1),
            2 => input.long(),
            _ => self.generation,
        };
        let sequence = message.is_sequenced().then(|| input.sequence(self.sequence));
        if let Some(sequence) = sequence {
            self.sequence = sequence.0.saturating_add(1);
        }
        let dest = match input.octet() % 8 {
            0 => Some((NAMES[other], None)),
            1 | 2 => Some((NAMES[me], None)),
            _ => None,
        };
        let envelope = Envelope {
            source: NAMES[other],
            source_uuid: &[2 - u8::try_from(me).expect("there are two"); 16],
            dest,
            sequence: sequence.map(|sequence| Sequence(sequence.0.max(1))),
            generation: Generation(self.generation),
            timestamp: 1_700_000_000,
            load: "",
            ttl: 3,
            nodes: &NAMES,
            encoding: if input.octet() % 8 == 0 {
                Encoding::Classic
            } else {
                Encoding::Netstring { inner: input.flag() }
            },
        };
        let mut buffer = [0; FRAME_MAX];
        let length = message.encode(&envelope, &self.keys, &mut buffer).expect("there is room");
        let link = LinkId(input.octet() % LINKS);
        self.handle(Event::Received { link, frame: &buffer[..length] });
    }

    /// Fields that nobody's program would write, signed with the right key.
    fn genuine_fields(&mut self, input: &mut Input<'_>) {
        let mut buffer = [0; 2 * FRAME_MAX];
        let encoding =
            if input.flag() { Encoding::Classic } else { Encoding::Netstring { inner: false } };
        let mut writer = Writer::new(&mut buffer, encoding, &self.keys).expect("there is room");
        let source = input.word(["corman", "rabius", "RABIUS", "mallory", ""]);
        let generation = format!("{:x}", self.generation);
        let names = [
            "t", "src", "hg", "ts", "seq", "st", "dt", "protocol", "ltconf", "lthear", "ackseq",
            "firstseq", "lastseq", "info", "rsc_hold", "rtype", "isstable", "dest", "nodelist",
        ];
        let kinds = [
            "status",
            "NS_ackmsg",
            "NS_rexmit",
            "NS_nak_rexmit",
            "reqnodes",
            "starting",
            "resource",
            "ask_resources",
            "hb_takeover",
            "shutdone",
            "ip-request",
            "",
        ];
        let mut fits = writer.text("t", input.word(kinds)).is_ok();
        fits &= writer.text("src", source).is_ok();
        fits &= writer.text("hg", &generation).is_ok();
        fits &= writer.text("ts", "1").is_ok();
        for _ in 0..input.octet() % 16 {
            let name = input.word(names);
            let count = usize::from(input.octet() % 32);
            let value = String::from_utf8_lossy(input.take(count));
            fits &= match input.octet() % 4 {
                0 => writer.binary(name, value.as_bytes()).is_ok(),
                1 => writer
                    .text(name, input.word(["0", "1", "all", "active", "ffffffffffffffff"]))
                    .is_ok(),
                _ => writer.text(name, &value).is_ok(),
            };
        }
        if let (true, Ok(length)) = (fits, writer.finish()) {
            self.handle(Event::Received { link: LinkId(0), frame: &buffer[..length] });
        }
    }
}
