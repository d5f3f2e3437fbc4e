//! Any octets, as a datagram and as a configuration file: nothing panics, and what was read
//! can be written again and reads the same.
#![no_main]

use latido_core::grammar::{self, Comments, Dialect, Units};
use latido_core::limits::{DATAGRAM_MAX, WORDS_MAX};
use latido_core::wire::{
    Encoding, Envelope, Field, Frame, Framing, Header, Info, Keys, Kind, Message, Method, Writer,
    names,
};
use latido_firmware::settings::Settings;
use libfuzzer_sys::fuzz_target;

/// Room for a datagram that was at its bound before it was signed anew.
const ROOM: usize = 2 * DATAGRAM_MAX;

fuzz_target!(|data: &[u8]| {
    datagram(data);
    if let Ok(text) = str::from_utf8(data) {
        configuration(text);
    }
});

fn keys() -> Keys {
    let mut keys = Keys::new(1);
    keys.insert(1, Method::Sha1, b"clavesecreta").expect("the key is valid");
    keys.insert(2, Method::Crc, b"").expect("the key is valid");
    keys
}

fn datagram(data: &[u8]) {
    let Ok(frame) = Frame::parse(data) else { return };
    let keys = keys();
    let _ = (frame.verify(&keys), frame.verify_inner(&keys));
    for field in frame.fields() {
        let mut buffer = [0; DATAGRAM_MAX];
        let _ = (field.binary(&mut buffer), field.uuid(), field.hex(), field.decimal());
        let _ = field.characters().count();
    }
    write_again(&frame, &keys);
    if let (Ok(header), Ok(message)) = (Header::read(&frame), Message::read(&frame)) {
        say_again(&header, message, &keys);
    }
}

/// Field by field: the copy is genuine and has the same fields.
fn write_again(frame: &Frame<'_>, keys: &Keys) {
    let encoding = match frame.framing() {
        Framing::Netstring => Encoding::Netstring { inner: frame.inner().is_some() },
        Framing::Classic => Encoding::Classic,
    };
    let mut buffer = [0; ROOM];
    let mut writer = Writer::new(&mut buffer, encoding, keys).expect("there is room");
    for field in frame.fields() {
        let mut octets = [0; DATAGRAM_MAX];
        match (field.kind, field.text(), field.binary(&mut octets)) {
            (Kind::Text, Some(text), _) => writer.text(field.name, text),
            (Kind::Binary, _, Some(octets)) => writer.binary(field.name, octets),
            // Ours writes no other types, and text that is none only reads.
            _ => return,
        }
        .expect("there is room");
    }
    let length = writer.finish().expect("there is room");
    if length > DATAGRAM_MAX {
        return;
    }
    let copy = Frame::parse(&buffer[..length]).expect("ours are well formed");
    assert_eq!(copy.verify(keys), Ok(1));
    let same = |(field, other): (&Field<'_>, &Field<'_>)| {
        field.name == other.name && field.kind == other.kind && field.raw == other.raw
    };
    assert_eq!(copy.fields().len(), frame.fields().len());
    assert!(copy.fields().iter().zip(frame.fields()).all(same), "{frame:?} became {copy:?}");
    if frame.inner().is_some() || frame.framing() == Framing::Classic {
        assert_eq!(copy.verify_inner(keys), Ok(1));
    }
}

/// As a message: it means the same.
fn say_again(header: &Header<'_>, message: Message, keys: &Keys) {
    // What is not understood is not said either.
    let opaque = matches!(message, Message::Other | Message::Resource { info: Info::Other, .. });
    if opaque || message.is_sequenced() != header.sequence.is_some() {
        return;
    }
    let envelope = Envelope {
        source: header.source,
        source_uuid: &header.source_uuid.unwrap_or_default(),
        dest: header.dest.map(|name| (name, header.dest_uuid.as_ref())),
        sequence: header.sequence,
        generation: header.generation,
        timestamp: header.timestamp,
        load: "0.00 0.00 0.00 1/1 1",
        ttl: 3,
        nodes: &["corman", "rabius"],
        encoding: Encoding::Netstring { inner: true },
    };
    let mut buffer = [0; ROOM];
    let length = message.encode(&envelope, keys, &mut buffer).expect("there is room");
    if length > DATAGRAM_MAX {
        return;
    }
    let frame = Frame::decode(&buffer[..length], keys).expect("ours are genuine");
    assert_eq!(Message::read(&frame), Ok(message));
    let again = Header::read(&frame).expect("ours have a header");
    assert_eq!((again.source, again.dest), (header.source, header.dest));
    assert_eq!(again.sequence, header.sequence);
    assert_eq!((again.generation, again.timestamp), (header.generation, header.timestamp));
    assert!(frame.field(names::TTL).is_some());
}

fn configuration(text: &str) {
    let odd = Dialect { commas: true, joins: true, comments: Comments::BetweenWords };
    for dialect in [Dialect::HA_CF, Dialect::HARESOURCES, Dialect::AUTHKEYS, odd] {
        for line in grammar::lines(text, dialect) {
            let Ok(line) = line else { continue };
            assert!(!line.words.is_empty() && line.words.len() <= WORDS_MAX);
            for word in &line.words {
                assert_eq!(&text[word.start..word.start + word.text.len()], word.text);
                assert!(!word.text.is_empty() && word.line >= line.number && word.column > 0);
                let _ = grammar::duration(word.text, Units::HaCf);
                let _ = grammar::duration(word.text, Units::LatidoCf);
                let _ = grammar::boolean(word.text);
            }
        }
    }
    match Settings::read(text) {
        Ok(settings) => assert!(usize::from(settings.probe.need) <= settings.targets.len()),
        Err(mistake) => assert!(!mistake.to_string().is_empty()),
    }
}
