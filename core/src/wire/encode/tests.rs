//! Any message in any envelope is read back as it was written, and fits.

extern crate std;
use std::string::String;

use super::Envelope;
use crate::id::{Fingerprint, Generation, NodeId, Sequence, Uuid};
use crate::limits::{FRAME_MAX, NAME_MAX};
use crate::time::Duration;
use crate::wire::{
    Encoding, Frame, Full, Header, Hold, Info, Keys, Message, Method, NakReason, Status, Step,
    StonithResult,
};

/// Splitmix64: the numbers of a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn flag(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// Small, middling and huge numbers alike.
    fn number(&mut self) -> u64 {
        let shift = self.below(64);
        self.next() >> shift
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.next() % u64::try_from(choices.len()).expect("a small table");
        choices[usize::try_from(index).expect("it is below the length")]
    }

    fn hold(&mut self) -> Hold {
        Hold { local: self.flag(), foreign: self.flag() }
    }

    fn uuid(&mut self) -> Uuid {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }

    fn millis(&mut self) -> Duration {
        Duration::from_millis(u32::try_from(self.next() >> 32).expect("32 bits").max(1))
    }

    fn name(&mut self) -> String {
        let length = 1 + self.below(12);
        (0..length).map(|_| char::from(self.pick(b"abcxyz019-._"))).collect()
    }
}

const KINDS: u64 = 12;

fn message(kind: u64, random: &mut Random) -> Message {
    let sequence = Sequence(random.number());
    match kind {
        0 => Message::Status {
            status: random.pick(&[
                Status::Init,
                Status::Up,
                Status::Active,
                Status::Dead,
                Status::Ping,
            ]),
            deadtime: random.millis(),
            acks: random.flag(),
            config: random.flag().then(|| Fingerprint(random.number())),
            hears: random.flag().then(|| Generation(random.number())),
        },
        1 => Message::Ack { sequence },
        2 => {
            let last = Sequence(sequence.0.saturating_add(random.below(300)));
            Message::RexmitRequest { first: sequence, last }
        }
        3 => Message::Nak {
            sequence,
            reason: random.pick(&[NakReason::TooLow, NakReason::NotFound]),
        },
        4 => Message::ReqNodes,
        5 => Message::RepNodes,
        6 => Message::Starting,
        7 => Message::Resource {
            hold: random.hold(),
            full: random.flag(),
            stable: random.pick(&[None, Some(false), Some(true)]),
            info: random.pick(&[
                Info::Absent,
                Info::Standby,
                Info::Shutdown,
                Info::OurResources,
                Info::MachDown,
                Info::Other,
            ]),
        },
        8 => Message::AskResources {
            set: random.hold(),
            step: random.pick(&[Step::Me, Step::Other, Step::Done]),
        },
        9 => Message::TakeoverRequest { set: random.hold() },
        10 => Message::Shutdone,
        11 => Message::Stonith {
            node: NodeId(u8::from(random.flag())),
            result: random.pick(&[StonithResult::NotConfigured, StonithResult::Unneeded]),
        },
        _ => unreachable!("there are {KINDS} kinds of messages to send"),
    }
}

const ENCODINGS: [Encoding; 3] =
    [Encoding::Netstring { inner: true }, Encoding::Netstring { inner: false }, Encoding::Classic];

fn keys() -> [Keys; 3] {
    [(Method::Crc, &b""[..]), (Method::Md5, b"clave"), (Method::Sha1, &[b'k'; 100])].map(
        |(method, secret)| {
            let mut keys = Keys::new(15);
            keys.insert(15, method, secret).expect("valid");
            keys
        },
    )
}

#[test]
fn whatever_is_sent_is_read_back() {
    let mut random = Random(1);
    let all_keys = keys();
    for round in 0..20_000 {
        let message = message(round % KINDS, &mut random);
        let keys = &all_keys[usize::try_from(random.below(3)).expect("small")];
        let names = [random.name(), random.name(), random.name()];
        let (source_uuid, dest_uuid) = (random.uuid(), random.uuid());
        let dest_uuid = random.flag().then_some(&dest_uuid);
        let sequence = Sequence(random.number().max(1));
        let envelope = Envelope {
            source: &names[0],
            source_uuid: &source_uuid,
            dest: random.flag().then_some((&names[1], dest_uuid)),
            sequence: message.is_sequenced().then_some(sequence),
            generation: Generation(random.number().max(1)),
            timestamp: u32::try_from(random.next() >> 32).expect("32 bits").max(1),
            load: &names[2],
            ttl: u8::try_from(random.below(256)).expect("8 bits"),
            nodes: &[&names[0], &names[1]],
            encoding: random.pick(&ENCODINGS),
        };
        let mut buffer = [0xff; FRAME_MAX];
        let length = message.encode(&envelope, keys, &mut buffer).expect("it fits");
        let frame = Frame::decode(&buffer[..length], keys)
            .unwrap_or_else(|error| panic!("round {round}, {message:?}: {error}"));
        if envelope.encoding != (Encoding::Netstring { inner: false }) {
            assert_eq!(frame.verify_inner(keys), Ok(15), "round {round}, {message:?}");
        }
        let expected = match message {
            Message::Stonith { node, result } => {
                assert_eq!(frame.text("node"), Some(names[node.index()].as_str()));
                assert_eq!(frame.text("result"), Some(result.word()));
                Message::Other
            }
            other => other,
        };
        assert_eq!(Message::read(&frame), Ok(expected), "round {round}");
        let header = Header::read(&frame).expect("a header");
        let dest = envelope.dest;
        assert_eq!(
            (header.source, header.source_uuid, header.dest, header.dest_uuid),
            (
                envelope.source,
                Some(source_uuid),
                dest.map(|(name, _)| name),
                dest.and_then(|(_, uuid)| uuid.copied())
            )
        );
        assert_eq!(
            (header.sequence, header.generation, header.timestamp),
            (envelope.sequence, envelope.generation, envelope.timestamp)
        );
        assert_eq!(frame.decimal("ttl"), Some(envelope.ttl.into()));
        let load = message.is_sequenced().then_some(envelope.load);
        assert_eq!(frame.text("ld"), load, "only messages that count have it");
    }
}

#[test]
fn the_largest_message_fits_the_transmit_buffer_and_no_shorter_one() {
    let name: String = core::iter::repeat_n('n', NAME_MAX).collect();
    let mut random = Random(2);
    for encoding in ENCODINGS {
        for kind in 0..KINDS {
            let message = message(kind, &mut random);
            let envelope = Envelope {
                source: &name,
                source_uuid: &[0xff; 16],
                dest: Some((&name, Some(&[0xff; 16]))),
                sequence: message.is_sequenced().then_some(Sequence(u64::MAX)),
                generation: Generation(u64::MAX),
                timestamp: u32::MAX,
                load: "1000.00 1000.00 1000.00 4194304/4194304 4194304",
                ttl: u8::MAX,
                nodes: &[&name, &name],
                encoding,
            };
            let keys = &keys()[2];
            let mut buffer = [0; FRAME_MAX];
            let length = message.encode(&envelope, keys, &mut buffer).expect("it fits");
            for short in 0..length {
                let error = message.encode(&envelope, keys, &mut buffer[..short]);
                assert_eq!(error, Err(Full), "{short} of {length} octets");
            }
        }
    }
}

#[test]
#[should_panic(expected = "a message has a number exactly if its type counts")]
fn a_beat_without_a_number_is_a_bug() {
    let envelope = Envelope {
        source: "corman",
        source_uuid: &[0; 16],
        dest: None,
        sequence: None,
        generation: Generation(1),
        timestamp: 1,
        load: "",
        ttl: 2,
        nodes: &["corman"],
        encoding: Encoding::Classic,
    };
    let _ = Message::Starting.encode(&envelope, &keys()[0], &mut [0; FRAME_MAX]);
}
