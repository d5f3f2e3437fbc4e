//! Plays one timeline: reads its words, feeds a node, writes down what it does.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use latido_core::id::{Generation, GroupId, LinkId, NodeId, Order, Sequence};
use latido_core::limits::FRAME_MAX;
use latido_core::time::{Duration, Instant};
use latido_core::wire::{Encoding, Envelope, Hold, Info, Keys, Message, Method, Status, Step};
use latido_core::{
    Action, Actions, Command, Config, Event, Incarnation, Node, Outcome, Ownership, Settings,
    Timing,
};

const NAMES: [&str; 2] = ["corman", "rabius"];
const KEEPALIVE: u64 = 100_000;

/// Plays `text` and gives it back with what the node does.
pub(crate) fn play(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim_start().starts_with('<'));
    let setup = lines().filter_map(|line| line.strip_prefix("= "));
    let mut player = Player::new(setup);
    let mut out = String::new();
    for line in lines() {
        let line_before = line.split(" < ").next().unwrap_or(line);
        if line_before.len() != line.len() && line_before.trim().parse::<f64>().is_ok() {
            continue;
        }
        writeln!(out, "{line}").expect("a string takes everything");
        if let Some((time, what)) = line.split_once('>')
            && !line.starts_with('#')
        {
            player.happens(micros(time.trim()), what.trim(), &mut out);
        }
    }
    out
}

/// Seconds with a decimal point as microseconds.
fn micros(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part = format!("{part:0<6}");
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("no time: {text:?}"));
    number(whole) * 1_000_000 + number(&part)
}

/// One node, and the peer that speaks to it.
struct Player {
    node: Node,
    keys: Keys,
    generation: Generation,
    /// The peer's generation and the last number that it used.
    peer: (Generation, u64),
    frames: BTreeMap<u64, Vec<u8>>,
    now: u64,
    /// When the peer beats next.
    beat: u64,
}

impl Player {
    fn new<'a>(setup: impl Iterator<Item = &'a str>) -> Self {
        let (mut me, mut groups, mut failback) = (0, Vec::new(), true);
        let mut generations = (1, 0);
        for line in setup {
            let words: Vec<&str> = line.split_whitespace().collect();
            match *words.as_slice() {
                ["node", name] => me = place(name),
                ["group", key, name] => groups.push((key, place(name))),
                ["auto_failback", word] => failback = word == "on",
                ["generation", ours, peer] => generations = (number(ours), number(peer)),
                _ => panic!("not a setting: {line:?}"),
            }
        }
        let ms = Duration::from_millis;
        let mut timing = Timing::of(ms(100), ms(500));
        timing.initdead = ms(2_000);
        let keys_of: Vec<&str> = groups.iter().map(|(key, _)| *key).collect();
        let mut settings = Settings::pair(NAMES, NodeId(me), &["eth0"], &keys_of, timing);
        settings.auto_failback = failback;
        for (group, (_, preferred)) in settings.groups.iter_mut().zip(&groups) {
            group.preferred = NodeId(*preferred);
        }
        let config = Config::new(settings).expect("the settings hold together");
        let mut keys = Keys::new(1);
        keys.insert(1, Method::Sha1, b"clavesecreta").expect("there is room for a key");
        let generation = Generation(generations.0);
        let incarnation = Incarnation {
            generation,
            uuid: [me + 1; 16],
            peer_generation: Generation(generations.1),
            seed: 7,
        };
        let node = Node::new(config, keys.clone(), incarnation, Instant::ZERO);
        let peer = (Generation(1), 0);
        Self { node, keys, generation, peer, frames: BTreeMap::new(), now: 0, beat: 0 }
    }

    fn happens(&mut self, at: u64, what: &str, out: &mut String) {
        let words: Vec<&str> = what.split_whitespace().collect();
        if words.first() == Some(&"run") {
            self.run(at, words.get(1) == Some(&"beating"), out);
            return;
        }
        self.now = at;
        let now = Instant::from_micros(at);
        let actions = match *words.as_slice() {
            ["heard", ref message @ ..] => self.hear(message),
            ["again", number] => {
                let frame = self.frames.get(&self::number(number)).expect("it came before");
                self.node.handle(now, Event::Received { link: LinkId(0), frame })
            }
            _ => {
                let event = self.event(&words);
                self.node.handle(now, event)
            }
        };
        self.write(&actions, None, out);
    }

    fn event(&self, words: &[&str]) -> Event<'static> {
        match *words {
            ["tick"] => Event::Ticked { behind: false },
            ["settled", key, order, outcome] => {
                let order = u32::try_from(number(order)).expect("orders are few");
                let outcome = match outcome {
                    "done" => Outcome::Done,
                    "start-failed" => Outcome::StartFailed { resource: 0 },
                    "stop-failed" => Outcome::StopFailed { resource: 0 },
                    _ => panic!("not an outcome: {outcome:?}"),
                };
                Event::Settled { group: self.group(key), order: Order(order), outcome }
            }
            ["found", key] => Event::Found { group: self.group(key) },
            ["standby", set] => Event::Commanded(Command::Standby(hold(set))),
            ["takeover", set] => Event::Commanded(Command::Takeover(hold(set))),
            ["shutdown"] => Event::Commanded(Command::Shutdown),
            _ => panic!("not an event: {words:?}"),
        }
    }

    fn group(&self, key: &str) -> GroupId {
        let groups = &self.node.config().settings().groups;
        let place = groups.iter().position(|group| group.key == *key);
        let place = place.unwrap_or_else(|| panic!("no group {key:?}"));
        GroupId(u8::try_from(place).expect("groups are few"))
    }

    /// Ticks the node at each deadline until `until`.
    fn run(&mut self, until: u64, beating: bool, out: &mut String) {
        self.beat = self.beat.max(self.now + KEEPALIVE);
        for _ in 0..10_000 {
            let due = self.node.deadline().as_micros().max(self.now);
            if due.min(if beating { self.beat } else { u64::MAX }) > until {
                self.now = until;
                return;
            }
            let (actions, heard) = if beating && self.beat <= due {
                self.now = self.beat;
                self.beat += KEEPALIVE;
                let ours = self.generation.0.to_string();
                (self.hear(&["status", "active", "hears", &ours]), true)
            } else {
                self.now = due;
                let now = Instant::from_micros(due);
                (self.node.handle(now, Event::Ticked { behind: false }), false)
            };
            let routine = matches!(actions.as_slice(), [Action::Send(sent)]
                if matches!(sent.message, Message::Status { .. } | Message::Ack { .. }));
            if !routine || (heard && actions.is_empty()) {
                self.write(&actions, Some(self.now), out);
            }
        }
        panic!("the node asks to be ticked for ever");
    }

    /// A frame of the peer comes in.
    fn hear(&mut self, words: &[&str]) -> Actions {
        let mut words = words;
        while let [first, rest @ ..] = words {
            if let Some(number) = first.strip_prefix('#') {
                self.peer.1 = self::number(number) - 1;
            } else if let Some(generation) = first.strip_prefix("hg=") {
                self.peer = (Generation(number(generation)), 0);
            } else {
                break;
            }
            words = rest;
        }
        let message = message(words);
        let sequence = message.is_sequenced().then(|| {
            self.peer.1 += 1;
            Sequence(self.peer.1)
        });
        let me = self.node.config().me();
        let other = 1 - usize::from(me.0);
        let uuid = [2 - me.0; 16];
        let own = [me.0 + 1; 16];
        let addressed = matches!(
            message,
            Message::ReqNodes | Message::RepNodes | Message::RexmitRequest { .. }
        );
        let envelope = Envelope {
            source: NAMES[other],
            source_uuid: &uuid,
            dest: addressed.then_some((NAMES[usize::from(me.0)], Some(&own))),
            sequence,
            generation: self.peer.0,
            timestamp: 1_300_000_000,
            load: "0.00 0.01 0.05 1/99 694",
            ttl: 3,
            nodes: &NAMES,
            encoding: Encoding::Netstring { inner: true },
        };
        let mut buffer = [0; FRAME_MAX];
        let length = message.encode(&envelope, &self.keys, &mut buffer).expect("it fits");
        if let Some(Sequence(number)) = sequence {
            self.frames.insert(number, buffer[..length].to_vec());
        }
        let frame = &buffer[..length];
        let now = Instant::from_micros(self.now);
        self.node.handle(now, Event::Received { link: LinkId(0), frame })
    }

    fn write(&self, actions: &Actions, at: Option<u64>, out: &mut String) {
        let time =
            at.map_or(String::new(), |at| format!("{}.{:06}", at / 1_000_000, at % 1_000_000));
        for action in actions {
            writeln!(out, "{time:>12} < {}", self.words(action)).expect("a string takes it");
        }
    }

    fn words(&self, action: &Action) -> String {
        let config = self.node.config();
        match *action {
            Action::Send(sent) => {
                let number = sent.sequence.map_or(String::new(), |number| format!("#{number} "));
                format!("send {number}{}", say(&sent.message))
            }
            Action::Probe { node, .. } => format!("probe {}", config.name(node)),
            Action::Own { group, order, ownership } => {
                let level = match ownership {
                    Ownership::Held => "held",
                    Ownership::Released => "released",
                };
                format!("own {} {level}, order {}", config.key(group), order.0)
            }
            Action::Announce { group } => format!("announce {}", config.key(group)),
            Action::Record { node, generation } => {
                format!("record {} {generation}", config.name(node))
            }
            Action::Exit => "exit".to_owned(),
            Action::Tell(notice) => format!("\"{}\"", notice.line(config)),
        }
    }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text:?}"))
}

fn place(name: &str) -> u8 {
    let place = NAMES.iter().position(|known| *known == name);
    u8::try_from(place.unwrap_or_else(|| panic!("no node {name:?}"))).expect("nodes are few")
}

fn hold(word: &str) -> Hold {
    Hold::from_word(word).unwrap_or_else(|| panic!("not a set: {word:?}"))
}

/// A message from its words.
fn message(words: &[&str]) -> Message {
    match *words {
        ["status", word, ref rest @ ..] => {
            let statuses = [Status::Init, Status::Up, Status::Active, Status::Dead];
            let status = statuses.into_iter().find(|status| status.word() == word);
            let hears = match *rest {
                ["hears", generation] => Some(Generation(number(generation))),
                _ => None,
            };
            Message::Status {
                status: status.expect("a status is one of four"),
                deadtime: Duration::from_millis(500),
                acks: true,
                config: hears.map(|_| latido_core::id::Fingerprint(0)),
                hears,
            }
        }
        ["starting"] => Message::Starting,
        ["resource", set, ref rest @ ..] => {
            let info = match rest.last().copied() {
                Some("standby") => Info::Standby,
                Some("shutdown") => Info::Shutdown,
                Some("mach_down") => Info::MachDown,
                Some("req_our_resources()") => Info::OurResources,
                _ => Info::Absent,
            };
            let stable = if rest.contains(&"stable") {
                Some(true)
            } else {
                rest.contains(&"unstable").then_some(false)
            };
            Message::Resource { hold: hold(set), full: !rest.contains(&"add"), stable, info }
        }
        ["ask", set, step] => {
            let step = Step::from_word(step).expect("a step is one of three");
            Message::AskResources { set: hold(set), step }
        }
        ["takeover", set] => Message::TakeoverRequest { set: hold(set) },
        ["shutdone"] => Message::Shutdone,
        ["reqnodes"] => Message::ReqNodes,
        ["repnodes"] => Message::RepNodes,
        ["rexmit", first, last] => {
            Message::RexmitRequest { first: Sequence(number(first)), last: Sequence(number(last)) }
        }
        _ => panic!("not a message: {words:?}"),
    }
}

/// A message in the same words.
fn say(message: &Message) -> String {
    match *message {
        Message::Status { status, hears, .. } => {
            let hears = hears.map_or(String::new(), |hears| format!(" hears {hears}"));
            format!("status {status}{hears}")
        }
        Message::Ack { sequence } => format!("ack {sequence}"),
        Message::RexmitRequest { first, last } => format!("rexmit {first} {last}"),
        Message::Nak { sequence, .. } => format!("nak {sequence}"),
        Message::ReqNodes => "reqnodes".to_owned(),
        Message::RepNodes => "repnodes".to_owned(),
        Message::Starting => "starting".to_owned(),
        Message::Resource { hold, full, stable, info } => {
            let full = if full { "" } else { " add" };
            let stable = match stable {
                Some(true) => "stable",
                Some(false) => "unstable",
                None => "-",
            };
            let info = info.word().map_or(String::new(), |word| format!(" {word}"));
            format!("resource {hold}{full} {stable}{info}")
        }
        Message::AskResources { set, step } => format!("ask {set} {}", step.word()),
        Message::TakeoverRequest { set } => format!("takeover {set}"),
        Message::Shutdone => "shutdone".to_owned(),
        Message::Stonith { node, result } => format!("stonith {} {}", node.0, result.word()),
        Message::Other => "other".to_owned(),
    }
}
