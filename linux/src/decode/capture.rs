//! The heartbeat's datagrams within a pcap capture of Ethernet: UDP to port 694,
//! and echo requests whose payload is a frame (specification 2, 11). Other
//! packets are passed over, other link types refused.

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4Message, Icmpv4Packet, IpProtocol, Ipv4Packet, UdpPacket,
};

/// The port of `ha-cluster/udp`.
const PORT: u16 = 694;
/// Octets of a capture's own header.
const HEADER: usize = 24;
/// Octets before each packet.
const PACKET_HEADER: usize = 16;
/// The link type of Ethernet.
const ETHERNET: u32 = 1;

/// One packet of a capture.
pub(super) struct Packet<'a> {
    /// Its place in the capture, from 1.
    pub(super) number: usize,
    /// The datagram in it, if it is one of the heartbeat's.
    pub(super) payload: Option<&'a [u8]>,
}

/// Reads the 32 bits at an offset, in the capture's byte order.
type Word = fn(&[u8], usize) -> Option<u32>;

fn little(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

fn big(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

/// The byte order of a capture, by its magic number (with times in micro- or
/// nanoseconds); `None`: it is no capture.
fn order(bytes: &[u8]) -> Option<Word> {
    let is_magic = |word: Word| matches!(word(bytes, 0), Some(0xa1b2_c3d4 | 0xa1b2_3c4d));
    [little as Word, big as Word].into_iter().find(|&word| is_magic(word))
}

/// Whether `bytes` begin as a pcap capture does.
pub(super) fn is_capture(bytes: &[u8]) -> bool {
    order(bytes).is_some()
}

/// The packets of a capture. An error is the last thing that it gives.
pub(super) fn packets(bytes: &[u8]) -> impl Iterator<Item = Result<Packet<'_>, String>> {
    let word = order(bytes).expect("the caller has seen that it is a capture");
    let refused = match word(bytes, HEADER - 4) {
        Some(ETHERNET) => None,
        Some(other) => Some(format!("link type {other}; only Ethernet (1) can be read")),
        None => Some("the capture ends within its header".to_owned()),
    };
    let mut rest = bytes.get(HEADER..).filter(|_| refused.is_none()).unwrap_or_default();
    let mut number = 0;
    let packets = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        number += 1;
        let cut = || Some(Err(format!("the capture ends within packet {number}")));
        let length = word(rest, 8).and_then(|length| usize::try_from(length).ok());
        let data = rest.get(PACKET_HEADER..).unwrap_or_default();
        let Some((packet, next)) = length.and_then(|length| data.split_at_checked(length)) else {
            rest = &[];
            return cut();
        };
        rest = next;
        Some(Ok(Packet { number, payload: payload(packet) }))
    });
    refused.map(Err).into_iter().chain(packets)
}

/// The heartbeat's datagram in an Ethernet frame.
fn payload(packet: &[u8]) -> Option<&[u8]> {
    let ethernet = EthernetFrame::new_checked(packet).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let ip = Ipv4Packet::new_checked(&packet[EthernetFrame::<&[u8]>::header_len()..]).ok()?;
    let (start, end) = (usize::from(ip.header_len()), usize::from(ip.total_len()));
    let protocol = ip.next_header();
    let inside = &packet[EthernetFrame::<&[u8]>::header_len()..][start..end];
    match protocol {
        IpProtocol::Udp => {
            let udp = UdpPacket::new_checked(inside).ok()?;
            (udp.dst_port() == PORT).then(|| &inside[8..usize::from(udp.len())])
        }
        IpProtocol::Icmp => {
            let icmp = Icmpv4Packet::new_checked(inside).ok()?;
            let payload = &inside[icmp.header_len()..];
            let ours =
                icmp.msg_type() == Icmpv4Message::EchoRequest && payload.starts_with(b"###\n");
            ours.then_some(payload)
        }
        _ => None,
    }
}
