//! Whole captures of two real nodes, both links each: every datagram on the
//! heartbeat port is genuine, inside and out. Only what that needs of the pcap
//! format and of Ethernet is read here; `latido decode` has its own reader.

use std::fs;
use std::path::Path;

use latido_core::wire::{Frame, Framing, Header, Keys, Message, Method};

/// Capture, datagrams to port 694, how many of them are classic.
const CAPTURES: [(&str, usize, usize); 6] = [
    ("e01-cold-link0-eth0.pcap", 61, 0),
    ("e01-cold-link2-eth2.pcap", 61, 0),
    ("e06-crash-link0-eth0.pcap", 102, 0),
    ("e06-crash-link2-eth2.pcap", 102, 0),
    ("e21-fakepeer-classic-link0-eth0.pcap", 92, 38),
    ("e21-fakepeer-classic-link2-eth2.pcap", 92, 38),
];

/// The payloads of all UDP datagrams to port 694 over IPv4 in an Ethernet capture.
fn datagrams(capture: &[u8]) -> Vec<&[u8]> {
    assert_eq!(capture[..4], 0xa1b2_c3d4_u32.to_le_bytes(), "a little-endian pcap file");
    assert_eq!(capture[20..24], 1_u32.to_le_bytes(), "a capture of Ethernet");
    let mut found = Vec::new();
    let mut rest = &capture[24..];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().expect("four octets")) as usize;
        let (packet, next) = rest[16..].split_at(length);
        rest = next;
        if packet[12..14] != [0x08, 0x00] || packet[23] != 17 {
            continue;
        }
        let udp = &packet[14 + usize::from(packet[14] & 0xf) * 4..];
        let length = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
        if udp[2..4] == 694_u16.to_be_bytes() {
            found.push(&udp[8..length]);
        }
    }
    found
}

#[test]
fn every_captured_datagram_is_genuine() {
    let mut keys = Keys::new(1);
    keys.insert(1, Method::Sha1, b"clavesecreta").expect("a valid key");
    for (file, expected, expected_classic) in CAPTURES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(file);
        let capture = fs::read(path).expect("the capture can be read");
        let datagrams = datagrams(&capture);
        let mut classic = 0;
        for (number, datagram) in datagrams.iter().enumerate() {
            let frame = Frame::decode(datagram, &keys)
                .unwrap_or_else(|error| panic!("{file}, datagram {number}: {error}"));
            assert_eq!(frame.verify_inner(&keys), Ok(1), "{file}, datagram {number}");
            let header = Header::read(&frame).expect("a header");
            assert!(["corman", "rabius"].contains(&header.source), "{file}: {}", header.source);
            Message::read(&frame)
                .unwrap_or_else(|error| panic!("{file}, datagram {number}: {error}"));
            classic += usize::from(frame.framing() == Framing::Classic);
        }
        assert_eq!((datagrams.len(), classic), (expected, expected_classic), "{file}");
    }
}
