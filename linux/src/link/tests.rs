//! Links between two machines.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};
use smoltcp::wire::{EthernetAddress, EthernetFrame, Ipv4Packet, UdpPacket};

use super::{Link, is_device_absent};
use crate::netlink::Network;
use crate::testbed::{Machine, cable, isolated, readable};

const PORT: u16 = 694;

/// Two machines with two cables, eth0 in 192.168.2.0/24 and eth2 in 192.168.3.0/24.
fn pair() -> (Machine, Machine) {
    let (corman, rabius) = (Machine::new(), Machine::new());
    for (name, net) in [("eth0", "192.168.2"), ("eth2", "192.168.3")] {
        cable(name, &corman, &rabius);
        corman.add_address(name, &format!("{net}.1/24"));
        rabius.add_address(name, &format!("{net}.2/24"));
    }
    (corman, rabius)
}

fn open(machine: &Machine, device: &str) -> Link {
    let mut link = Link::new(device, PORT);
    machine.run(|| link.open()).expect("the device is there");
    link
}

/// The datagram that comes within a second.
fn receive(link: &mut Link) -> Option<Vec<u8>> {
    let mut buffer = [0; 64];
    readable(link.as_fd().expect("it is open"), 1_000);
    let length = link.receive(&mut buffer).expect("receiving works")?;
    Some(buffer[..length].to_vec())
}

fn is_silent(link: &mut Link) -> bool {
    !readable(link.as_fd().expect("it is open"), 50)
        && link.receive(&mut [0; 64]).expect("receiving works").is_none()
}

#[test]
fn a_broadcast_is_heard_on_the_device_it_was_sent_from_and_on_no_other() {
    isolated(|| {
        let (corman, rabius) = pair();
        let mut sender = open(&corman, "eth0");
        let mut same = open(&rabius, "eth0");
        let mut other = open(&rabius, "eth2");
        assert_eq!(sender.destination_address(), Some(Ipv4Addr::new(192, 168, 2, 255)));
        sender.send(b"one").expect("the device is up");
        sender.send(b"two").expect("the device is up");
        assert_eq!(receive(&mut same).as_deref(), Some(&b"one"[..]));
        assert_eq!(receive(&mut same).as_deref(), Some(&b"two"[..]));
        assert!(is_silent(&mut same));
        assert!(is_silent(&mut other));
    });
}

#[test]
fn what_leaves_is_a_low_delay_broadcast_to_the_port_from_an_ephemeral_one() {
    isolated(|| {
        let (corman, rabius) = pair();
        let mut sender = open(&corman, "eth0");
        let tap = rabius.run(|| {
            let flags = SockFlag::SOCK_NONBLOCK;
            socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthIp)
        });
        let tap = tap.expect("we are root here");
        sender.send(b"beat").expect("the device is up");
        assert!(readable(tap.as_fd(), 1_000));
        let mut octets = [0; 128];
        let length = recv(tap.as_raw_fd(), &mut octets, MsgFlags::empty()).expect("it came");
        let frame = EthernetFrame::new_checked(&octets[..length]).expect("it is whole");
        assert_eq!(frame.dst_addr(), EthernetAddress::BROADCAST);
        assert_eq!(frame.src_addr().0, corman.interface("eth0").mac);
        let ip = Ipv4Packet::new_checked(frame.payload()).expect("it is IPv4");
        assert_eq!(ip.src_addr(), Ipv4Addr::new(192, 168, 2, 1));
        assert_eq!(ip.dst_addr(), Ipv4Addr::new(192, 168, 2, 255));
        assert_eq!(ip.dscp() << 2 | ip.ecn(), nix::libc::IPTOS_LOWDELAY);
        let udp = UdpPacket::new_checked(ip.payload()).expect("it is UDP");
        assert_eq!(udp.dst_port(), PORT);
        assert!(udp.src_port() > 1_023, "{}", udp.src_port());
        assert_eq!(udp.payload(), b"beat");
    });
}

#[test]
fn a_node_hears_its_own_broadcasts_on_the_device_it_sent_from() {
    isolated(|| {
        let (corman, _rabius) = pair();
        let mut eth0 = open(&corman, "eth0");
        let mut eth2 = open(&corman, "eth2");
        eth0.send(b"mine").expect("the device is up");
        assert_eq!(receive(&mut eth0).as_deref(), Some(&b"mine"[..]));
        assert!(is_silent(&mut eth0), "once is enough");
        assert!(is_silent(&mut eth2));
    });
}

#[test]
fn an_oversized_datagram_is_reported_with_its_true_length() {
    isolated(|| {
        let (corman, rabius) = pair();
        let mut sender = open(&corman, "eth0");
        let mut receiver = open(&rabius, "eth0");
        // It goes in two fragments and is one datagram again.
        sender.send(&[b'x'; 2_000]).expect("the device is up");
        sender.send(b"").expect("the device is up");
        assert!(readable(receiver.as_fd().expect("it is open"), 1_000));
        let mut buffer = [0; 64];
        assert_eq!(receiver.receive(&mut buffer).expect("receiving works"), Some(2_000));
        assert_eq!(buffer, [b'x'; 64]);
        assert_eq!(receive(&mut receiver), Some(Vec::new()), "an empty datagram is one too");
        assert!(is_silent(&mut receiver));
    });
}

#[test]
fn two_programs_may_listen_on_the_same_port() {
    isolated(|| {
        let (corman, rabius) = pair();
        let mut sender = open(&corman, "eth0");
        let mut one = open(&rabius, "eth0");
        let mut other = open(&rabius, "eth0");
        sender.send(b"both").expect("the device is up");
        assert_eq!(receive(&mut one).as_deref(), Some(&b"both"[..]));
        assert_eq!(receive(&mut other).as_deref(), Some(&b"both"[..]));
    });
}

#[test]
fn a_missing_device_is_told_from_other_errors() {
    isolated(|| {
        for name in ["eth0", "", "a-name-of-sixteen", "lo-and-more-than"] {
            let mut link = Link::new(name, PORT);
            let error = link.open().expect_err("there is no such device");
            assert!(is_device_absent(&error), "{name}: {error}");
            assert!(!link.is_open());
            assert!(link.as_fd().is_none());
            let error = link.send(b"nobody").expect_err("a closed link does not send");
            assert!(is_device_absent(&error), "{name}: {error}");
            assert_eq!(link.receive(&mut [0; 64]).expect("it is only closed"), None);
            link.refresh().expect("there is nothing to refresh");
        }
        let denied = std::io::Error::from_raw_os_error(nix::libc::EPERM);
        assert!(!is_device_absent(&denied));
    });
}

#[test]
fn a_device_that_goes_down_and_up_keeps_its_sockets() {
    isolated(|| {
        let (corman, rabius) = pair();
        let mut sender = open(&corman, "eth0");
        let mut receiver = open(&rabius, "eth0");
        corman.set_down("eth0");
        let error = sender.send(b"lost").expect_err("the device is down");
        assert!(is_device_absent(&error), "{error}");
        corman.set_up("eth0");
        sender.send(b"found").expect("the device is up");
        assert_eq!(receive(&mut receiver).as_deref(), Some(&b"found"[..]));
    });
}

#[test]
fn a_link_is_opened_again_when_its_device_is_made_anew() {
    isolated(|| {
        let (corman, rabius) = pair();
        let mut sender = open(&corman, "eth0");
        let first = sender.index();
        assert_eq!(first, Some(corman.interface("eth0").index));
        corman.delete_interface("eth0");
        let error = sender.send(b"lost").expect_err("the device is gone");
        assert!(is_device_absent(&error), "{error}");
        let error = sender.refresh().expect_err("the device is gone");
        assert!(is_device_absent(&error), "{error}");
        assert!(sender.is_open(), "closing is the caller's decision");

        cable("eth0", &corman, &rabius);
        let error = sender.send(b"lost").expect_err("the socket belongs to the old device");
        assert!(is_device_absent(&error), "{error}");
        corman.run(|| sender.open()).expect("the device is back");
        assert_ne!(sender.index(), first);
        let mut receiver = open(&rabius, "eth0");
        sender.send(b"found").expect("the device is up");
        assert_eq!(receive(&mut receiver).as_deref(), Some(&b"found"[..]));
    });
}

#[test]
fn beats_leave_a_device_that_lost_its_address() {
    isolated(|| {
        let (corman, rabius) = pair();
        let mut sender = open(&corman, "eth0");
        let mut receiver = open(&rabius, "eth0");
        for (name, address) in [("eth0", "192.168.2.1/24"), ("eth2", "192.168.3.1/24")] {
            corman.delete_address(name, address);
            sender.refresh().expect("the device is there");
            assert_eq!(sender.destination_address(), Some(Ipv4Addr::BROADCAST));
            sender.send(b"still here").expect("the device is up");
            let heard = receive(&mut receiver);
            assert_eq!(heard.as_deref(), Some(&b"still here"[..]), "{name} lost its address");
        }
        corman.add_address("eth0", "192.168.2.1/24");
        sender.refresh().expect("the device is there");
        assert_eq!(sender.destination_address(), Some(Ipv4Addr::new(192, 168, 2, 255)));
    });
}

/// The kernel knows a network's broadcast address only while it has an address there.
#[test]
fn a_device_that_lost_its_address_hears_only_the_limited_broadcast() {
    isolated(|| {
        let (corman, rabius) = pair();
        let mut sender = open(&corman, "eth0");
        let mut receiver = open(&rabius, "eth0");
        rabius.delete_address("eth0", "192.168.2.2/24");
        sender.send(b"to the network").expect("the device is up");
        assert!(is_silent(&mut receiver));
        corman.delete_address("eth0", "192.168.2.1/24");
        sender.refresh().expect("the device is there");
        sender.send(b"to all").expect("the device is up");
        assert_eq!(receive(&mut receiver).as_deref(), Some(&b"to all"[..]));
    });
}

#[test]
fn an_address_without_a_broadcast_address_or_with_a_label_of_its_own_is_passed_over() {
    isolated(|| {
        let (corman, rabius) = (Machine::new(), Machine::new());
        cable("eth0", &corman, &rabius);
        let index = corman.interface("eth0").index;
        let mut network = corman.run(Network::open).expect("netlink is there");
        let virtual_address = Ipv4Addr::new(192, 168, 2, 10);
        let broadcast = Ipv4Addr::new(192, 168, 2, 255);
        let added = network.add_address(index, virtual_address, 24, broadcast, "eth0:0");
        assert!(added.expect("the kernel takes it"));
        let mut link = open(&corman, "eth0");
        assert_eq!(link.destination_address(), Some(Ipv4Addr::BROADCAST));
        let own = Ipv4Addr::new(192, 168, 4, 1);
        let added = network.add_address(index, own, 24, Ipv4Addr::UNSPECIFIED, "");
        assert!(added.expect("the kernel takes it"));
        link.refresh().expect("the device is there");
        assert_eq!(link.destination_address(), Some(Ipv4Addr::BROADCAST));
    });
}
