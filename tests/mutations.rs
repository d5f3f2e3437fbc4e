//! Datagrams that nobody should believe, a million of them: mutated, forged, recorded, garbage,
//! oversized. A node counts them, says so now and then, and is otherwise as if none had come.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use latido_core::config::NodeSettings;
use latido_core::id::{Generation, LinkId, NodeId, Sequence};
use latido_core::limits::{DATAGRAM_MAX, FRAME_MAX};
use latido_core::notice::Reject;
use latido_core::random::Random;
use latido_core::time::{Duration, Instant};
use latido_core::wire::{Encoding, Envelope, Frame, Hold, Info, Keys, Message, Method, Status};
use latido_core::{
    Action, Actions, Config, Event, Incarnation, Node, NodeKind, Settings, Stamp, Timing,
};

const NAMES: [&str; 2] = ["corman", "rabius"];
const CORMAN: NodeId = NodeId(0);
const RABIUS: NodeId = NodeId(1);
/// Generations of the two that talk.
const MINE: Generation = Generation(0x6A5A_3000);
const THEIRS: Generation = Generation(0x6A5A_3100);
/// Mutated datagrams.
const MUTATIONS: u64 = 1_000_000;
/// Mutations between two looks at the whole node, whose comparison costs more than the datagram.
const LOOK_EVERY: u64 = 64;
/// Notices that a kind may make in a minute, the count of the hidden ones included.
const TOLD_PER_MINUTE: u64 = 2;

fn keys(secret: &[u8]) -> Keys {
    let mut keys = Keys::new(1);
    keys.insert(1, Method::Sha1, secret).expect("the key is valid");
    keys
}

fn config(me: NodeId) -> Config {
    let timing = Timing::of(Duration::from_millis(100), Duration::from_millis(500));
    let mut settings = Settings::pair(NAMES, me, &["eth0", "eth2"], &["IPaddr2::x"], timing);
    let name = "192.168.1.1".try_into().expect("it is short");
    settings.nodes.push(NodeSettings { name, kind: NodeKind::Ping }).expect("there is room");
    Config::new(settings).expect("the settings hold together")
}

fn node(me: NodeId, generation: Generation, peer_generation: Generation, now: Instant) -> Node {
    let uuid = [me.0 + 1; 16];
    let incarnation = Incarnation { generation, uuid, peer_generation, seed: generation.0 };
    Node::new(config(me), keys(b"clavesecreta"), incarnation, now)
}

/// A frame of rabius, signed.
struct Letter<'a> {
    message: Message,
    sequence: u64,
    generation: Generation,
    source: &'a str,
    keys: &'a Keys,
    encoding: Encoding,
}

impl Letter<'_> {
    fn octets(&self) -> Vec<u8> {
        let envelope = Envelope {
            source: self.source,
            source_uuid: &[2; 16],
            dest: None,
            sequence: self.message.is_sequenced().then_some(Sequence(self.sequence)),
            generation: self.generation,
            timestamp: 1_784_295_465,
            load: "0.00 0.01 0.05 1/99 999",
            ttl: 4,
            nodes: &NAMES,
            encoding: self.encoding,
        };
        let mut buffer = vec![0; FRAME_MAX];
        let length = self.message.encode(&envelope, self.keys, &mut buffer).expect("room");
        buffer.truncate(length);
        buffer
    }
}

fn beat(hears: Generation) -> Message {
    Message::Status {
        status: Status::Active,
        deadtime: Duration::from_millis(500),
        acks: true,
        config: None,
        hears: Some(hears),
    }
}

/// What rabius may say, each of which would do something if it were believed.
fn messages(hears: Generation) -> Vec<Message> {
    let resource = |hold, stable, info| Message::Resource { hold, full: true, stable, info };
    vec![
        beat(hears),
        Message::ReqNodes,
        Message::RepNodes,
        Message::Starting,
        resource(Hold::NONE, Some(false), Info::Absent),
        resource(Hold::ALL, Some(true), Info::Absent),
        resource(Hold::NONE, Some(false), Info::Shutdown),
        Message::AskResources { set: Hold::ALL, step: latido_core::wire::Step::Me },
        Message::TakeoverRequest { set: Hold::ALL },
        Message::Ack { sequence: Sequence(3) },
        Message::RexmitRequest { first: Sequence(1), last: Sequence(40) },
        Message::Nak { sequence: Sequence(7), reason: latido_core::wire::NakReason::TooLow },
        Message::Shutdone,
    ]
}

/// Everything that can be seen of a node but its counters, and when it wants to be woken.
fn fingerprint(node: &Node) -> String {
    let mut text = String::new();
    for view in node.nodes() {
        let links: Vec<_> = node.links(view.node).collect();
        write!(text, "{view:?} {links:?} ").expect("memory");
    }
    let groups: Vec<_> = node.groups().collect();
    let holds = (node.hold(), node.other_hold(), node.phase(), node.in_transition());
    let rest = (node.status(), node.deadline(), node.configuration_differs());
    write!(text, "{groups:?} {holds:?} {rest:?}").expect("memory");
    text
}

fn rejected(node: &Node) -> u64 {
    Reject::ALL.iter().map(|why| node.rejected(*why)).sum()
}

/// Whether a line shows what could be a digest: eight hexadecimal digits in a row of which
/// some are letters, some not.
fn shows_a_digest(line: &str) -> bool {
    let mixed = |word: &str| {
        word.len() >= 8
            && word.bytes().any(|octet| octet.is_ascii_digit())
            && word.bytes().any(|octet| octet.is_ascii_alphabetic())
    };
    line.split(|letter: char| !letter.is_ascii_hexdigit()).any(mixed)
}

/// Delivers what one of the two sends to the other at once, and lets every order succeed.
fn carry_out(pair: &mut [Node; 2], from: usize, now: Instant, actions: &Actions) {
    let stamp = Stamp { unix_seconds: 1_784_295_465, load: "0.00 0.01 0.05 1/99 999" };
    for action in actions {
        match *action {
            Action::Send(transmission) => {
                let mut buffer = [0; FRAME_MAX];
                let length = pair[from].render(&transmission, &stamp, &mut buffer);
                let frame = &buffer[..length];
                let event = Event::Received { link: LinkId(0), frame };
                let answers = pair[1 - from].handle(now, event);
                carry_out(pair, 1 - from, now, &answers);
            }
            Action::Own { group, order, .. } => {
                let outcome = latido_core::Outcome::Done;
                let more = pair[from].handle(now, Event::Settled { group, order, outcome });
                carry_out(pair, from, now, &more);
            }
            Action::Probe { .. }
            | Action::Announce { .. }
            | Action::Record { .. }
            | Action::Exit
            | Action::Tell(_) => {}
        }
    }
}

/// A node that is fed what it must not believe.
struct Victim {
    node: Node,
    now: Instant,
    fed: u64,
    told: u64,
}

impl Victim {
    /// corman, active, with rabius alive beside it; everything is settled.
    fn settled() -> Self {
        let mut now = Instant::from_micros(1_000_000);
        let mut pair = [node(CORMAN, MINE, THEIRS, now), node(RABIUS, THEIRS, MINE, now)];
        // Longer than a start takes, initdead included.
        for _ in 0..300 {
            for from in [0, 1] {
                let actions = pair[from].handle(now, Event::Ticked { behind: false });
                carry_out(&mut pair, from, now, &actions);
            }
            now = now.after(Duration::from_millis(50));
        }
        for node in &pair {
            assert_eq!(node.status(), Status::Active);
            assert!(!node.in_transition(), "{}", fingerprint(node));
            let unproven = node.rejected(Reject::Unproven);
            assert!(unproven <= 2, "only the first beats are too early to be believed");
            assert_eq!(rejected(node), unproven);
        }
        let [corman, _] = pair;
        assert_eq!((corman.hold(), corman.other_hold()), (Hold::LOCAL, Hold::LOCAL));
        let peer = corman.nodes().nth(1).expect("there is rabius");
        assert_eq!((peer.status, peer.generation), (Status::Active, Some(THEIRS)));
        Self { node: corman, now, fed: 0, told: 0 }
    }

    /// Feeds what is not to be believed: it is counted, and nothing but notices comes of it.
    fn feed(&mut self, frame: &[u8]) {
        let before = rejected(&self.node);
        let link = LinkId(u8::from(self.fed % 2 == 1));
        let actions = self.node.handle(self.now, Event::Received { link, frame });
        self.fed += 1;
        assert_eq!(rejected(&self.node), before + 1, "not counted: {}", frame.escape_ascii());
        for action in &actions {
            let Action::Tell(notice) = action else {
                panic!("{action:?} came of {}", frame.escape_ascii());
            };
            let line = notice.line(self.node.config()).to_string();
            assert!(!shows_a_digest(&line), "{line}");
            self.told += 1;
        }
    }
}

fn read(directory: &str) -> Vec<(String, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frames").join(directory);
    let mut files: Vec<_> = fs::read_dir(path)
        .expect("the directory can be read")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a plain name");
            (name, fs::read(entry.path()).expect("the frame can be read"))
        })
        .collect();
    files.sort();
    files
}

/// Frames that would be believed, as mutations begin with them.
fn genuine() -> Vec<Vec<u8>> {
    let keys = keys(b"clavesecreta");
    let encodings = [
        Encoding::Netstring { inner: true },
        Encoding::Netstring { inner: false },
        Encoding::Classic,
    ];
    let mut frames = Vec::new();
    for encoding in encodings {
        for message in messages(MINE) {
            let (sequence, generation, source) = (500, THEIRS, "rabius");
            let letter = Letter { message, sequence, generation, source, keys: &keys, encoding };
            frames.push(letter.octets());
        }
    }
    frames.extend(read("good").into_iter().map(|(_, octets)| octets));
    frames
}

/// One octet or more of `frame` becomes another, goes, comes, or is another frame's.
fn mutate(frame: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut place = |length: usize| {
        usize::try_from(random.below(length.max(1) as u64)).expect("a place in a datagram")
    };
    let mut mutant = frame.to_vec();
    match place(8) {
        0 | 1 => {
            for _ in 0..=place(4) {
                let at = place(mutant.len());
                mutant[at] ^= 1 << place(8);
            }
        }
        2 => mutant.truncate(place(frame.len())),
        3 => {
            let at = place(mutant.len());
            mutant.insert(at, u8::try_from(place(256)).expect("below 256"));
        }
        4 => {
            let at = place(mutant.len());
            mutant.remove(at);
        }
        5 => {
            // The head of one, the tail of another.
            let other = &others[place(others.len())];
            mutant.truncate(place(frame.len()));
            mutant.extend_from_slice(&other[place(other.len())..]);
        }
        6 => {
            // A piece of another written over it.
            let other = &others[place(others.len())];
            let (at, from) = (place(mutant.len()), place(other.len()));
            let length = place(24).min(mutant.len() - at).min(other.len() - from);
            mutant[at..at + length].copy_from_slice(&other[from..from + length]);
        }
        _ => {
            let (at, end) = (place(mutant.len()), place(mutant.len()));
            mutant[at.min(end)..at.max(end)].reverse();
        }
    }
    mutant
}

#[test]
fn a_million_mutations_of_genuine_frames_change_nothing() {
    let mut victim = Victim::settled();
    let keys = keys(b"clavesecreta");
    let frames = genuine();
    let untouched = fingerprint(&victim.node);
    let mut random = Random::new(694);
    let mut survivors = 0_u64;
    while victim.fed < MUTATIONS {
        let index = usize::try_from(random.below(frames.len() as u64)).expect("few frames");
        let mutant = mutate(&frames[index], &frames, &mut random);
        if Frame::decode(&mutant, &keys).is_ok() {
            // Octets behind a frame are no part of it, and some mutations undo themselves.
            survivors += 1;
            continue;
        }
        victim.feed(&mutant);
        if victim.fed.is_multiple_of(LOOK_EVERY) {
            assert_eq!(fingerprint(&victim.node), untouched);
        }
    }
    assert_eq!(fingerprint(&victim.node), untouched);
    assert_eq!(rejected(&victim.node) - victim.node.rejected(Reject::Unproven), MUTATIONS);
    // Most of the mutations were mutations, and both doors were tried.
    assert!(survivors < MUTATIONS / 20, "{survivors} mutations changed nothing");
    assert!(victim.node.rejected(Reject::Malformed) > MUTATIONS / 10);
    assert!(victim.node.rejected(Reject::Unauthenticated) > MUTATIONS / 10);
    // All of it came at one instant: one notice a kind.
    assert_eq!(victim.told, 2);
}

#[test]
fn no_recorded_garbage_changes_anything() {
    let mut victim = Victim::settled();
    let untouched = fingerprint(&victim.node);
    for (file, octets) in read("bad") {
        victim.feed(&octets);
        assert_eq!(fingerprint(&victim.node), untouched, "{file}");
    }
    assert_eq!(victim.fed, 13);
}

#[test]
fn a_datagram_beyond_the_bound_changes_nothing_even_if_a_genuine_frame_begins_it() {
    let mut victim = Victim::settled();
    let untouched = fingerprint(&victim.node);
    for frame in genuine() {
        let mut oversized = frame.clone();
        oversized.resize(DATAGRAM_MAX + 1, 0);
        victim.feed(&oversized);
        oversized.resize(65_507, b'x');
        victim.feed(&oversized);
    }
    assert_eq!(fingerprint(&victim.node), untouched);
    assert_eq!(victim.node.rejected(Reject::Malformed), victim.fed);
}

#[test]
fn what_another_key_has_signed_changes_nothing() {
    let mut victim = Victim::settled();
    let untouched = fingerprint(&victim.node);
    let wrong = keys(b"clavesecretb");
    let mut numbered = Keys::new(7);
    numbered.insert(7, Method::Crc, b"").expect("the key is valid");
    for keys in [&wrong, &numbered] {
        for encoding in [Encoding::Netstring { inner: true }, Encoding::Classic] {
            for message in messages(MINE) {
                let (sequence, generation, source) = (500, THEIRS, "rabius");
                let letter = Letter { message, sequence, generation, source, keys, encoding };
                victim.feed(&letter.octets());
            }
        }
    }
    assert_eq!(fingerprint(&victim.node), untouched);
    assert_eq!(victim.node.rejected(Reject::Unauthenticated), victim.fed);
}

#[test]
fn strangers_and_our_own_earlier_lives_change_nothing_though_they_have_the_key() {
    let mut victim = Victim::settled();
    let untouched = fingerprint(&victim.node);
    let keys = keys(b"clavesecreta");
    let strangers = [("mallory", THEIRS), ("", THEIRS), ("corman", Generation(MINE.0 - 1))];
    for (source, generation) in strangers {
        for message in messages(MINE) {
            let encoding = Encoding::Netstring { inner: true };
            let letter =
                Letter { message, sequence: 500, generation, source, keys: &keys, encoding };
            victim.feed(&letter.octets());
        }
    }
    assert_eq!(fingerprint(&victim.node), untouched);
    let kinds = messages(MINE).len() as u64;
    assert_eq!(victim.node.rejected(Reject::UnknownNode), 2 * kinds);
    assert_eq!(victim.node.rejected(Reject::Ourselves), kinds);
}

#[test]
fn a_recording_of_an_earlier_life_of_the_other_node_changes_nothing() {
    let mut victim = Victim::settled();
    let untouched = fingerprint(&victim.node);
    let keys = keys(b"clavesecreta");
    for generation in [Generation(1), Generation(2), Generation(THEIRS.0 - 1)] {
        for message in messages(MINE) {
            let (sequence, encoding) = (500, Encoding::Classic);
            let letter =
                Letter { message, sequence, generation, source: "rabius", keys: &keys, encoding };
            victim.feed(&letter.octets());
        }
    }
    assert_eq!(fingerprint(&victim.node), untouched);
    assert_eq!(victim.node.rejected(Reject::Replayed), victim.fed);
}

/// What rabius really sent while corman's earlier life listened.
fn recording() -> Vec<Vec<u8>> {
    let started = Instant::from_micros(1_000_000);
    let mut rabius = node(RABIUS, THEIRS, Generation(0), started);
    let corman = {
        let keys = keys(b"clavesecreta");
        let message = beat(THEIRS);
        let (encoding, source) = (Encoding::Netstring { inner: true }, "corman");
        let letter =
            Letter { message, sequence: 1, generation: MINE, source, keys: &keys, encoding };
        letter.octets()
    };
    let stamp = Stamp { unix_seconds: 1_784_295_465, load: "0.00 0.01 0.05 1/99 999" };
    let (mut now, mut frames) = (started, Vec::new());
    let mut keep = |node: &Node, actions: &Actions| {
        for action in actions {
            if let Action::Send(transmission) = action {
                let mut buffer = vec![0; FRAME_MAX];
                let length = node.render(transmission, &stamp, &mut buffer);
                frames.push(buffer[..length].to_vec());
            }
        }
    };
    for round in 0..300 {
        now = now.after(Duration::from_millis(100));
        let actions = rabius.handle(now, Event::Ticked { behind: false });
        keep(&rabius, &actions);
        if round == 0 {
            let event = Event::Received { link: LinkId(0), frame: &corman };
            let actions = rabius.handle(now, event);
            keep(&rabius, &actions);
        }
    }
    assert!(frames.len() > 300);
    frames
}

#[test]
fn a_restarted_node_does_not_believe_a_recording_of_a_node_that_is_silent() {
    let frames = recording();
    let restarted = Generation(MINE.0 + 1);
    let now = Instant::from_micros(9_000_000);
    let mut victim = Victim { node: node(CORMAN, restarted, THEIRS, now), now, fed: 0, told: 0 };
    let mut alone = node(CORMAN, restarted, THEIRS, now);
    // All that a recording does: its generation is told back, once.
    let _ = alone.handle(now, Event::Received { link: LinkId(0), frame: &frames[0] });
    // The recording is played for as long as a start takes, one beat a keepalive.
    let mut sent = 0_usize;
    for frame in frames.iter().cycle().take(600) {
        let peer = victim.node.nodes().nth(1).expect("there is rabius");
        assert!(matches!(peer.status, Status::Init | Status::Dead), "{peer:?}");
        assert_eq!((peer.heard_at, peer.generation), (None, None));
        victim.feed(frame);
        victim.now = victim.now.after(Duration::from_millis(100));
        let event = Event::Ticked { behind: false };
        let actions = victim.node.handle(victim.now, event);
        // It does exactly what it would do, had nothing else come.
        assert_eq!(actions, alone.handle(victim.now, event));
        sent += actions.iter().filter(|action| matches!(action, Action::Send(_))).count();
    }
    assert_eq!(victim.node.rejected(Reject::Unproven), 600);
    assert!(sent >= 600, "it went on beating");
    assert!(victim.told <= TOLD_PER_MINUTE && fingerprint(&victim.node) == fingerprint(&alone));
    assert_eq!(victim.node.status(), Status::Active, "the other node was taken for dead");
}

#[test]
fn a_flood_is_told_once_a_minute_and_kind() {
    let mut victim = Victim::settled();
    let frames = genuine();
    let mut random = Random::new(1);
    let minutes = 10_u64;
    let start = victim.now;
    while victim.now < start.after(Duration::from_secs(60).times(10)) {
        for frame in frames.iter().take(20) {
            let mut mutant = mutate(frame, &frames, &mut random);
            mutant.truncate(mutant.len().saturating_sub(1).min(900));
            if Frame::decode(&mutant, &keys(b"clavesecreta")).is_err() {
                victim.feed(&mutant);
            }
        }
        victim.now = victim.now.after(Duration::from_millis(50));
    }
    assert!(victim.fed > 200_000);
    // Two kinds, each once at the start of a minute with the number of those not told.
    assert!(victim.told <= 2 * TOLD_PER_MINUTE * (minutes + 1), "{} lines", victim.told);
    assert!(victim.told >= 2 * minutes, "{} lines", victim.told);
}
