//! Echoes, built by hand and from a kernel.

use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, SockaddrIn, sendto};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Packet, Ipv4Repr};

use super::{Echo, MARK, PAYLOAD_LEN, READS_MAX, REPLY_MAX, parse, request};
use crate::testbed::{Machine, cable, isolated, readable};

const CORMAN: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 1);
const TARGET: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const IDENTIFIER: u16 = 0xbeef;
const TOKEN: u64 = 0x0123_4567_89ab_cdef;

/// An IP packet from `TARGET` that carries `icmp`.
fn packet(icmp: &Icmpv4Repr<'_>) -> Vec<u8> {
    let ip = Ipv4Repr {
        src_addr: TARGET,
        dst_addr: CORMAN,
        next_header: IpProtocol::Icmp,
        payload_len: icmp.buffer_len(),
        hop_limit: 64,
    };
    let checksums = ChecksumCapabilities::default();
    let mut octets = vec![0; ip.buffer_len() + icmp.buffer_len()];
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut octets[..]), &checksums);
    icmp.emit(&mut Icmpv4Packet::new_unchecked(&mut octets[ip.buffer_len()..]), &checksums);
    octets
}

fn payload(token: u64) -> Vec<u8> {
    [&MARK[..], &token.to_be_bytes()].concat()
}

fn reply(ident: u16, data: &[u8]) -> Vec<u8> {
    packet(&Icmpv4Repr::EchoReply { ident, seq_no: 7, data })
}

#[test]
fn a_reply_gives_its_sender_and_its_token() {
    let packet = reply(IDENTIFIER, &payload(TOKEN));
    assert_eq!(parse(&packet, IDENTIFIER), Some((TARGET, TOKEN)));
}

#[test]
fn what_is_not_an_echo_reply_to_us_is_ignored() {
    let data = payload(TOKEN);
    assert_eq!(parse(&reply(IDENTIFIER + 1, &data), IDENTIFIER), None, "another's");
    let asked = packet(&Icmpv4Repr::EchoRequest { ident: IDENTIFIER, seq_no: 7, data: &data });
    assert_eq!(parse(&asked, IDENTIFIER), None, "a request");
    assert_eq!(parse(&reply(IDENTIFIER, &data[..PAYLOAD_LEN - 1]), IDENTIFIER), None, "short");
    let long = [&data[..], b"x"].concat();
    assert_eq!(parse(&reply(IDENTIFIER, &long), IDENTIFIER), None, "long");
    let unmarked = [b'x'; PAYLOAD_LEN];
    assert_eq!(parse(&reply(IDENTIFIER, &unmarked), IDENTIFIER), None, "not our payload");
    let mut udp = reply(IDENTIFIER, &data);
    udp[9] = 17;
    assert_eq!(parse(&udp, IDENTIFIER), None, "not ICMP");
}

#[test]
fn a_damaged_reply_is_ignored() {
    let packet = reply(IDENTIFIER, &payload(TOKEN));
    for length in 0..packet.len() {
        assert_eq!(parse(&packet[..length], IDENTIFIER), None, "cut at {length}");
    }
    // The kernel has checked the IP header; the checksum of ICMP is ours to check.
    for octet in 20..packet.len() {
        let mut damaged = packet.clone();
        damaged[octet] ^= 0x10;
        assert_eq!(parse(&damaged, IDENTIFIER), None, "damaged at {octet}");
    }
}

#[test]
fn a_request_is_an_echo_request_with_our_identifier_and_the_token() {
    let octets = request(IDENTIFIER, 3, TOKEN);
    let icmp = Icmpv4Packet::new_checked(&octets[..]).expect("it is whole");
    let data = payload(TOKEN);
    assert_eq!(
        Icmpv4Repr::parse(&icmp, &ChecksumCapabilities::default()),
        Ok(Icmpv4Repr::EchoRequest { ident: IDENTIFIER, seq_no: 3, data: &data })
    );
    assert!(data.len() >= 16);
}

/// Two machines with one cable, and an echo socket on the first.
fn pair() -> (Machine, Machine, Echo) {
    let (corman, router) = (Machine::new(), Machine::new());
    cable("eth1", &corman, &router);
    corman.add_address("eth1", "192.168.1.251/24");
    router.add_address("eth1", "192.168.1.1/24");
    let echo = corman.run(Echo::open).expect("we are root here");
    (corman, router, echo)
}

/// The reply that comes within a second.
fn receive(echo: &mut Echo) -> Option<(Ipv4Addr, u64)> {
    readable(echo.as_fd(), 1_000);
    echo.receive().expect("receiving works")
}

#[test]
fn a_kernel_answers_and_the_reply_carries_the_token() {
    isolated(|| {
        let (_corman, _router, mut echo) = pair();
        assert_eq!(echo.receive().expect("receiving works"), None);
        for token in [TOKEN, 0, u64::MAX] {
            echo.send(TARGET, token).expect("there is a route");
            assert_eq!(receive(&mut echo), Some((TARGET, token)));
        }
        assert!(!readable(echo.as_fd(), 50), "each reply comes once");
    });
}

#[test]
fn the_kernel_keeps_others_replies_and_requests_from_us() {
    isolated(|| {
        let (corman, _router, mut echo) = pair();
        let other = corman.run(|| Echo::with_identifier(echo.identifier.wrapping_add(1)));
        let mut other = other.expect("we are root here");
        other.send(TARGET, TOKEN).expect("there is a route");
        assert_eq!(receive(&mut other), Some((TARGET, TOKEN)));
        // On lo a raw socket would see the request as well as the reply.
        echo.send(Ipv4Addr::LOCALHOST, TOKEN).expect("lo is up");
        assert!(readable(echo.as_fd(), 1_000));
        let mut packet = [0; REPLY_MAX];
        let length = echo.read(&mut packet).expect("reading works").expect("it is readable");
        let first = parse(&packet[..length], echo.identifier);
        assert_eq!(first, Some((Ipv4Addr::LOCALHOST, TOKEN)));
        assert_eq!(echo.read(&mut packet).expect("reading works"), None);
    });
}

#[test]
fn a_flood_of_foreign_replies_is_read_in_bounded_turns() {
    isolated(|| {
        let (_corman, _router, mut echo) = pair();
        let mut foreign = request(echo.identifier, 0, TOKEN);
        // Another payload; the checksum is made good again.
        foreign[8] ^= 0xff;
        Icmpv4Packet::new_unchecked(&mut foreign[..]).fill_checksum();
        let lo = SockaddrIn::new(127, 0, 0, 1, 0);
        for _ in 0..=READS_MAX {
            let sent = sendto(echo.socket.as_raw_fd(), &foreign, &lo, MsgFlags::empty());
            assert_eq!(sent, Ok(foreign.len()));
        }
        echo.send(Ipv4Addr::LOCALHOST, TOKEN).expect("lo is up");
        assert_eq!(receive(&mut echo), None);
        assert!(readable(echo.as_fd(), 0), "the rest is still there");
        assert_eq!(receive(&mut echo), Some((Ipv4Addr::LOCALHOST, TOKEN)));
    });
}

#[test]
fn a_target_without_a_route_is_an_error_and_a_silent_one_is_not() {
    isolated(|| {
        let (_corman, router, mut echo) = pair();
        let error = echo.send(Ipv4Addr::new(10, 9, 8, 7), TOKEN).expect_err("no route");
        assert_eq!(error.kind(), std::io::ErrorKind::NetworkUnreachable);
        router.set_down("eth1");
        // It may be lost at once, since this end has lost its carrier too.
        let _ = echo.send(TARGET, TOKEN);
        assert!(!readable(echo.as_fd(), 50));
        assert_eq!(echo.receive().expect("receiving works"), None);
    });
}
