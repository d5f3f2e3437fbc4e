//! Frames that real nodes sent, and datagrams that nobody should believe: what
//! is read from each, and that ours writes the same bytes. The frames and where
//! they come from are in `tests/frames/`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use latido_core::id::NodeId;
use latido_core::limits::DATAGRAM_MAX;
use latido_core::wire::{
    AuthError, Encoding, Envelope, Frame, Framing, Header, Keys, Kind, Message, Method,
    StonithResult, Writer, names,
};

/// File, octets, and the fields of text but `hg`, `ts`, `ld` and `ttl`.
#[rustfmt::skip]
const GOOD: [(&str, usize, &str); 43] = [
    ("status-init.bin", 307, "t=status st=init dt=2ee0 protocol=1 src=corman seq=1"),
    ("status-up.bin", 304, "t=status st=up dt=2ee0 protocol=1 src=corman seq=2"),
    ("icmp-ping-payload.bin", 192, "t=NS_st st=ping info=ping src=192.168.1.1"),
    ("reqnodes.bin", 314, "t=reqnodes dest=rabius src=corman seq=4"),
    ("ns-ackmsg.bin", 286, "t=NS_ackmsg dest=rabius ackseq=3 src=corman"),
    ("repnodes.bin", 364, "dest=corman t=repnodes nodelist=corman rabius  delnodelist=  src=rabius seq=4"),
    ("starting.bin", 264, "t=starting src=corman seq=6"),
    ("hbapi-clstat-join.bin", 359, "t=hbapi-clstat st=join from_id=ipfail to_id=ipfail src=corman info=signon client_gen=0 seq=8"),
    ("resource-none-unstable.bin", 319, "t=resource rsc_hold=none rtype=full isstable=0 src=corman seq=9"),
    ("status-active.bin", 309, "t=status st=active dt=2710 protocol=1 src=corman seq=d"),
    ("abort-giveup.bin", 377, "t=abort_giveup src=rabius dest=corman from_id=ipfail to_id=ipfail client_gen=0 seq=d"),
    ("resource-local-stable.bin", 320, "t=resource rsc_hold=local rtype=full isstable=1 src=rabius seq=11"),
    ("ip-request-resp.bin", 395, "t=ip-request-resp dest=corman ipaddr=IPaddr2::192.168.2.10/24/eth0:0 weown=yes ok=OK src=corman seq=14"),
    ("query-cstatus.bin", 355, "t=query-cstatus dest=rabius cn=ipfail from_id=497 src=corman seq=8f"),
    ("respond-cstatus.bin", 386, "t=respond-cstatus dest=corman result=OK cn=ipfail to_id=497 cs=online src=rabius seq=8e"),
    ("ask-resources-me.bin", 304, "t=ask_resources rsc_hold=all info=me src=corman seq=97"),
    ("ask-resources-other.bin", 307, "t=ask_resources rsc_hold=all info=other src=rabius seq=96"),
    ("resource-standby.bin", 339, "t=resource rsc_hold=none rtype=full isstable=0 info=standby src=corman seq=98"),
    ("ask-resources-done.bin", 306, "t=ask_resources rsc_hold=all info=done src=corman seq=99"),
    ("resource-all-stable.bin", 319, "t=resource rsc_hold=all rtype=full isstable=1 src=rabius seq=99"),
    ("hb-takeover.bin", 290, "t=hb_takeover rsc_hold=local src=corman seq=a8"),
    ("ask-resources-me-foreign.bin", 308, "t=ask_resources rsc_hold=foreign info=me src=rabius seq=a6"),
    ("resource-shutdown.bin", 341, "t=resource rsc_hold=none rtype=full isstable=0 info=shutdown src=corman seq=b9"),
    ("shutdone.bin", 281, "t=shutdone st=dead src=corman seq=ba"),
    ("resource-mach-down.bin", 310, "t=resource rsc_hold=foreign info=mach_down src=rabius seq=b9"),
    ("hbapi-clstat-leave.bin", 361, "t=hbapi-clstat st=leave from_id=ipfail to_id=ipfail src=corman info=died client_gen=0 seq=bd"),
    ("stonith-not-configured.bin", 307, "t=stonith node=corman result=n_stnth src=rabius seq=123"),
    ("num-ping-nodes-0.bin", 398, "t=num_ping_nodes src=corman num_ping=0 dest=rabius from_id=ipfail to_id=ipfail client_gen=0 seq=1f"),
    ("you-are-dead.bin", 378, "t=you_are_dead dest=corman from_id=ipfail to_id=ipfail client_gen=0 src=rabius seq=1f"),
    ("ns-rexmit.bin", 306, "t=NS_rexmit dest=corman firstseq=92 lastseq=92 src=rabius"),
    ("classic-status-init.bin", 206, "t=status st=init dt=2710 protocol=1 src=rabius seq=1"),
    ("classic-status-up.bin", 204, "t=status st=up dt=2710 protocol=1 src=rabius seq=2"),
    ("classic-reqnodes.bin", 230, "t=reqnodes dest=corman src=rabius seq=3"),
    ("classic-ns-ackmsg.bin", 204, "t=NS_ackmsg dest=corman ackseq=3 src=rabius"),
    ("classic-status-active.bin", 208, "t=status st=active dt=2710 protocol=1 src=rabius seq=4"),
    ("classic-starting.bin", 181, "t=starting src=rabius seq=5"),
    ("classic-repnodes.bin", 268, "t=repnodes dest=corman nodelist=corman rabius  delnodelist=  src=rabius seq=6"),
    ("classic-resource.bin", 218, "t=resource rsc_hold=none rtype=full isstable=0 src=rabius seq=7"),
    ("classic-ask-resources-me.bin", 208, "t=ask_resources rsc_hold=all info=me src=rabius seq=19"),
    ("classic-ask-resources-done.bin", 210, "t=ask_resources rsc_hold=all info=done src=rabius seq=1b"),
    ("ns-nak-rexmit.bin", 317, "t=NS_nak_rexmit firstseq=2 dest=rabius info=seqno too low src=corman"),
    ("crc-status-active.bin", 243, "t=status st=init dt=2ee0 protocol=1 src=corman seq=1"),
    ("msgfmt-netstring-status.bin", 253, "t=status st=init dt=2ee0 protocol=1 src=corman seq=1"),
];

/// File, and what is said of it.
const BAD: [(&str, &str); 13] = [
    ("01-empty.bin", "octet 0: neither ### nor >>> and a line feed"),
    ("02-random200.bin", "octet 0: neither ### nor >>> and a line feed"),
    ("03-classic-start-only.bin", "octet 4: no end mark"),
    ("04-classic-noequals.bin", "octet 4: a field without ="),
    ("05-classic-noauth.bin", "octet 113: no signature"),
    ("06-classic-wrongkey.bin", "the signature is not that of key 1"),
    ("07-netstring-wrongkey.bin", "the signature is not that of key 1"),
    ("08-netstring-truncated.bin", "octet 83: the length runs past the end"),
    ("09-netstring-noauth.bin", "octet 175: no signature"),
    ("11-netstring-hugelen.bin", "octet 4: the length runs past the end"),
    ("12-netstring-unknown-node-goodkey.bin", "genuine: mallory, seq 1"),
    ("14-netstring-noseq-goodkey.bin", "genuine: rabius, no seq"),
    ("18-netstring-type9.bin", "octet 7: no known field type"),
];

/// The nodes of the captures.
const NODES: [&str; 2] = ["corman", "rabius"];

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frames").join(name)
}

fn read(directory_name: &str, file: &str) -> Vec<u8> {
    fs::read(directory(directory_name).join(file)).expect("the frame can be read")
}

/// The key of the captures; those called `crc-…` were made with a checksum.
fn keys(file: &str) -> Keys {
    let mut keys = Keys::new(1);
    let entry = if file.starts_with("crc-") {
        keys.insert(1, Method::Crc, b"")
    } else {
        keys.insert(1, Method::Sha1, b"clavesecreta")
    };
    entry.expect("the key is valid");
    keys
}

fn encoding(frame: &Frame<'_>) -> Encoding {
    match frame.framing() {
        Framing::Netstring => Encoding::Netstring { inner: frame.inner().is_some() },
        Framing::Classic => Encoding::Classic,
    }
}

fn files(directory_name: &str) -> BTreeSet<String> {
    fs::read_dir(directory(directory_name))
        .expect("the directory can be read")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"))
        .collect()
}

#[test]
fn every_frame_stands_in_a_table() {
    assert_eq!(files("good"), GOOD.map(|(file, ..)| file.to_owned()).into());
    assert_eq!(files("bad"), BAD.map(|(file, _)| file.to_owned()).into());
}

#[test]
fn every_real_frame_is_genuine_and_says_what_the_table_says() {
    for (file, octets, expected) in GOOD {
        let bytes = read("good", file);
        assert_eq!(bytes.len(), octets, "{file}");
        let keys = keys(file);
        let frame = Frame::decode(&bytes, &keys).unwrap_or_else(|error| panic!("{file}: {error}"));
        let classic = file.starts_with("classic-");
        assert_eq!(frame.framing() == Framing::Classic, classic, "{file}");
        assert_eq!(frame.verify(&keys), Ok(1), "{file}");
        let inner =
            if file == "msgfmt-netstring-status.bin" { Err(AuthError::Absent) } else { Ok(1) };
        assert_eq!(frame.verify_inner(&keys), inner, "{file}");
        let hidden = [names::GENERATION, names::TIMESTAMP, names::LOAD, names::TTL];
        let texts = frame.fields().iter().filter(|field| !hidden.contains(&field.name));
        let texts: Vec<String> = texts
            .filter_map(|field| field.text().map(|text| format!("{}={text}", field.name)))
            .collect();
        assert_eq!(texts.join(" "), expected, "{file}");
    }
}

#[test]
fn every_real_frame_written_again_field_by_field_is_the_same() {
    for (file, ..) in GOOD {
        let bytes = read("good", file);
        let keys = keys(file);
        let frame = Frame::decode(&bytes, &keys).expect("genuine");
        let mut buffer = [0; DATAGRAM_MAX];
        let mut writer = Writer::new(&mut buffer, encoding(&frame), &keys).expect("room");
        for field in frame.fields() {
            match field.kind {
                Kind::Text => writer.text(field.name, field.text().expect("text")),
                Kind::Binary => writer.binary(field.name, &field.uuid().expect("a UUID")),
                other => panic!("{file} has a field of type {other:?}"),
            }
            .expect("room");
        }
        let length = writer.finish().expect("room");
        assert_eq!(buffer[..length].escape_ascii().to_string(), bytes.escape_ascii().to_string());
    }
}

#[test]
fn every_message_that_we_speak_is_written_as_the_original_writes_it() {
    let mut spoken = String::new();
    for (file, ..) in GOOD {
        let bytes = read("good", file);
        let keys = keys(file);
        let frame = Frame::decode(&bytes, &keys).expect("genuine");
        let mut message = Message::read(&frame).unwrap_or_else(|error| panic!("{file}: {error}"));
        writeln!(spoken, "{file}: {message:?}").expect("memory");
        if file == "stonith-not-configured.bin" {
            message = Message::Stonith { node: NodeId(0), result: StonithResult::NotConfigured };
        }
        // That sender was no original: it put the type before `dest`.
        if message == Message::Other || file == "classic-repnodes.bin" {
            continue;
        }
        let header = Header::read(&frame).expect("a header");
        let envelope = Envelope {
            source: header.source,
            source_uuid: &header.source_uuid.expect("real nodes have one"),
            dest: header.dest.map(|name| (name, header.dest_uuid.as_ref())),
            sequence: header.sequence,
            generation: header.generation,
            timestamp: header.timestamp,
            load: frame.text(names::LOAD).unwrap_or_default(),
            ttl: frame.text(names::TTL).expect("ttl").parse().expect("a small number"),
            nodes: &NODES,
            encoding: encoding(&frame),
        };
        let mut buffer = [0; DATAGRAM_MAX];
        let length = message.encode(&envelope, &keys, &mut buffer).expect("room");
        assert_eq!(
            buffer[..length].escape_ascii().to_string(),
            bytes.escape_ascii().to_string(),
            "{file}"
        );
    }
    expect_file!["frames/messages.txt"].assert_eq(&spoken);
}

#[test]
fn what_is_wrong_with_a_bad_frame_is_said_exactly() {
    for (file, expected) in BAD {
        let bytes = read("bad", file);
        let said = match Frame::decode(&bytes, &keys(file)) {
            Err(error) => error.to_string(),
            Ok(frame) => {
                let header = Header::read(&frame).expect("a header");
                let number = header.sequence.map_or("no seq".into(), |seq| format!("seq {seq}"));
                format!("genuine: {}, {number}", header.source)
            }
        };
        assert_eq!(said, expected, "{file}");
    }
}

/// A netstring frame ends with its last octet. The NUL behind a classic frame is
/// not part of it: without it the frame is still whole.
#[test]
fn a_real_frame_cut_short_anywhere_is_not_genuine() {
    for (file, ..) in GOOD {
        let bytes = read("good", file);
        let keys = keys(file);
        let genuine: Vec<usize> = (0..bytes.len())
            .filter(|&length| Frame::decode(&bytes[..length], &keys).is_ok())
            .collect();
        let expected =
            if file.starts_with("classic-") { vec![bytes.len() - 1] } else { Vec::new() };
        assert_eq!(genuine, expected, "{file}");
    }
}

/// As above: only the bits of the NUL behind a classic frame do not matter.
#[test]
fn a_real_frame_with_any_one_bit_turned_is_not_genuine() {
    for (file, ..) in GOOD {
        let mut bytes = read("good", file);
        let keys = keys(file);
        let mut genuine = Vec::new();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if Frame::decode(&bytes, &keys).is_ok() {
                genuine.push(bit);
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let nul = (bytes.len() - 1) * 8..bytes.len() * 8;
        let expected = if file.starts_with("classic-") { nul.collect() } else { Vec::new() };
        assert_eq!(genuine, expected, "{file}");
    }
}

#[test]
fn octets_behind_a_frame_are_ignored() {
    for (file, ..) in GOOD {
        let mut bytes = read("good", file);
        bytes.extend_from_slice(b"###\n\0 and more");
        assert!(Frame::decode(&bytes, &keys(file)).is_ok(), "{file}");
    }
}
