//! Messages built by hand, and a kernel's.

use std::net::Ipv4Addr;

use netlink_packet_core::Emitable;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use nix::sys::socket::{setsockopt, sockopt};

use super::{Address, Change, Monitor, Network, message};
use crate::testbed::{Machine, cable, isolated, readable};

const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 10);
const BROADCAST: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 255);
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

/// The payload of a message about eth0, number 7, up with a carrier.
fn link_payload(family: AddressFamily) -> Vec<u8> {
    let mut link = LinkMessage::default();
    link.header.interface_family = family;
    link.header.index = 7;
    link.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
    link.attributes.push(LinkAttribute::IfName("eth0".to_owned()));
    link.attributes.push(LinkAttribute::Address(MAC.to_vec()));
    let mut payload = vec![0; link.buffer_len()];
    link.emit(&mut payload);
    payload
}

#[test]
fn a_link_message_tells_name_number_state_and_mac() {
    let expected =
        message::Link { index: 7, name: "eth0".to_owned(), up: true, carrier: true, mac: MAC };
    assert_eq!(message::link(&link_payload(AddressFamily::Unspec)), Some(expected));
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_taken_for_a_lost_interface() {
    assert_eq!(message::link(&link_payload(AddressFamily::Bridge)), None);
}

#[test]
fn a_truncated_message_is_ignored_and_does_not_panic() {
    let payload = link_payload(AddressFamily::Unspec);
    for length in 0..payload.len() {
        let link = message::link(&payload[..length]);
        // Once the name is whole, the fifth octet after its header, no more is needed.
        assert_eq!(link.is_some(), length >= 16 + 4 + 5, "cut at {length}");
        assert_eq!(message::address(&payload[..length]), None);
        assert_eq!(message::messages(&payload[..length]).count(), 0);
    }
}

#[test]
fn an_interface_is_found_by_its_name() {
    isolated(|| {
        let (corman, rabius) = (Machine::new(), Machine::new());
        cable("eth0", &corman, &rabius);
        let mut network = corman.run(Network::open).expect("netlink is there");
        let found = network.interface("eth0").expect("netlink answers").expect("it is there");
        assert!(found.index > 1);
        assert!(found.up);
        assert!(found.carrier);
        assert_ne!(found.mac, [0; 6]);
        rabius.set_down("eth0");
        let found = network.interface("eth0").expect("netlink answers").expect("it is there");
        assert!(found.up && !found.carrier);
        corman.set_down("eth0");
        let found = network.interface("eth0").expect("netlink answers").expect("it is there");
        assert!(!found.up && !found.carrier);
        network.set_up(found.index).expect("we are root here");
        let found = network.interface("eth0").expect("netlink answers").expect("it is there");
        assert!(found.up);
        for missing in ["eth1", "", "a-name-of-sixteen", "x"] {
            assert_eq!(network.interface(missing).expect("netlink answers"), None, "{missing}");
        }
    });
}

#[test]
fn an_address_is_added_once_and_deleted_once() {
    isolated(|| {
        let (corman, rabius) = (Machine::new(), Machine::new());
        cable("eth0", &corman, &rabius);
        let index = corman.interface("eth0").index;
        let mut network = corman.run(Network::open).expect("netlink is there");
        let ours = |network: &mut Network| -> Vec<Address> {
            let mut all = network.addresses().expect("netlink answers");
            all.retain(|address| address.index == index);
            all
        };
        assert_eq!(ours(&mut network), []);
        assert!(!network.delete_address(index, VIP, 24).expect("it is only missing"));
        for added in [true, false] {
            let outcome = network.add_address(index, VIP, 24, BROADCAST, "eth0:0");
            assert_eq!(outcome.expect("we are root here"), added);
            let expected = Address {
                index,
                ip: VIP,
                prefix: 24,
                label: "eth0:0".to_owned(),
                broadcast: Some(BROADCAST),
            };
            assert_eq!(ours(&mut network), [expected]);
        }
        // An interface that is down keeps its addresses.
        corman.set_down("eth0");
        assert_eq!(ours(&mut network).len(), 1);
        assert!(!network.delete_address(index, VIP, 25).expect("it has another prefix"));
        assert!(network.delete_address(index, VIP, 24).expect("we are root here"));
        assert!(!network.delete_address(index, VIP, 24).expect("it is only missing"));
        assert_eq!(ours(&mut network), []);

        let outcome = network.add_address(index, VIP, 32, Ipv4Addr::UNSPECIFIED, "");
        assert!(outcome.expect("we are root here"));
        let expected =
            Address { index, ip: VIP, prefix: 32, label: "eth0".to_owned(), broadcast: None };
        assert_eq!(ours(&mut network), [expected]);
    });
}

#[test]
fn orders_about_a_missing_interface_fail_with_what_is_wrong() {
    isolated(|| {
        let mut network = Network::open().expect("netlink is there");
        let outcome = network.add_address(4_000, VIP, 24, BROADCAST, "");
        let error = outcome.expect_err("there is no such interface");
        assert_eq!(error.raw_os_error(), Some(nix::libc::ENODEV));
        let error = network.set_up(4_000).expect_err("there is no such interface");
        assert_eq!(error.raw_os_error(), Some(nix::libc::ENODEV));
        assert!(!network.delete_address(4_000, VIP, 24).expect("what is not is deleted"));
        let lo = network.interface("lo").expect("netlink answers").expect("lo is there");
        let outcome = network.add_address(lo.index, VIP, 24, BROADCAST, "a-label-of-sixteen");
        let error = outcome.expect_err("the label is too long");
        assert_eq!(error.raw_os_error(), Some(nix::libc::ERANGE));
    });
}

#[test]
fn a_dump_of_many_addresses_is_read_whole() {
    isolated(|| {
        let mut network = Network::open().expect("netlink is there");
        let lo = network.interface("lo").expect("netlink answers").expect("lo is there");
        let all: Vec<Ipv4Addr> = (0..1_000).map(|n| (0x0a00_0001_u32 + n).into()).collect();
        for &ip in &all {
            let added = network.add_address(lo.index, ip, 32, Ipv4Addr::UNSPECIFIED, "");
            assert!(added.expect("we are root here"));
        }
        let found = network.addresses().expect("netlink answers");
        let found = found.iter().map(|address| address.ip).filter(|ip| ip.octets()[0] == 10);
        assert_eq!(found.collect::<Vec<_>>(), all);
    });
}

/// What happened, once it is quiet.
fn changes(monitor: &mut Monitor) -> Vec<Change> {
    let mut changes = Vec::new();
    while readable(monitor.as_fd(), 50) {
        while let Some(change) = monitor.next().expect("the monitor works") {
            changes.push(change);
        }
        assert!(changes.len() < 10_000, "it is never quiet");
    }
    changes
}

#[test]
fn the_monitor_reports_addresses_that_come_and_go() {
    isolated(|| {
        let mut monitor = Monitor::open().expect("netlink is there");
        assert_eq!(monitor.next().expect("the monitor works"), None);
        let mut network = Network::open().expect("netlink is there");
        let lo = network.interface("lo").expect("netlink answers").expect("lo is there");
        let index = lo.index;
        assert!(network.add_address(index, VIP, 24, BROADCAST, "").expect("we are root here"));
        assert_eq!(changes(&mut monitor), [Change::AddressAdded { index, ip: VIP, prefix: 24 }]);
        assert!(network.delete_address(index, VIP, 24).expect("we are root here"));
        assert_eq!(changes(&mut monitor), [Change::AddressRemoved { index, ip: VIP, prefix: 24 }]);
    });
}

#[test]
fn the_monitor_reports_interfaces_that_come_change_and_go() {
    isolated(|| {
        let (corman, rabius) = (Machine::new(), Machine::new());
        let mut monitor = corman.run(Monitor::open).expect("netlink is there");
        cable("eth0", &corman, &rabius);
        let eth0 = corman.interface("eth0").index;
        let last = |monitor: &mut Monitor| changes(monitor).pop();
        let state = |up, carrier, removed| {
            Some(Change::Link { name: "eth0".to_owned(), index: eth0, up, carrier, removed })
        };
        assert_eq!(last(&mut monitor), state(true, true, false));
        corman.set_down("eth0");
        assert_eq!(last(&mut monitor), state(false, false, false));
        corman.set_up("eth0");
        assert_eq!(last(&mut monitor), state(true, true, false));
        corman.delete_interface("eth0");
        let gone = changes(&mut monitor);
        let gone = gone.iter().filter(
            |change| matches!(change, Change::Link { removed: true, index, .. } if *index == eth0),
        );
        assert_eq!(gone.count(), 1);
    });
}

#[test]
fn lost_reports_are_an_overrun_and_later_ones_come_again() {
    isolated(|| {
        let mut monitor = Monitor::open().expect("netlink is there");
        setsockopt(&monitor.as_fd(), sockopt::RcvBuf, &4_096).expect("it can be small");
        let mut network = Network::open().expect("netlink is there");
        let lo = network.interface("lo").expect("netlink answers").expect("lo is there");
        for ip in (0..100).map(|n| (0x0a00_0001_u32 + n).into()) {
            let added = network.add_address(lo.index, ip, 32, Ipv4Addr::UNSPECIFIED, "");
            assert!(added.expect("we are root here"));
        }
        let seen = changes(&mut monitor);
        assert!(seen.len() < 100, "{} reports fitted", seen.len());
        assert_eq!(seen.iter().filter(|change| **change == Change::Overrun).count(), 1);
        assert!(network.add_address(lo.index, VIP, 24, BROADCAST, "").expect("we are root here"));
        let expected = Change::AddressAdded { index: lo.index, ip: VIP, prefix: 24 };
        assert_eq!(changes(&mut monitor), [expected]);
    });
}
