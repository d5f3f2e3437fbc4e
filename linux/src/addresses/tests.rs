//! Service addresses in a kernel of their own.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use latido_core::id::GroupId;
use latido_core::notice::Severity;
use latido_core::procedure::{Condition, Ending, Exit, Verb};
use latido_core::time::Duration;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};

use super::{Addresses, covers, last_of};
use crate::clock;
use crate::config::load;
use crate::config::tests::Directory;
use crate::netlink::{Address, Monitor, Network};
use crate::resources::{BuiltIn, Entry, ResourceSpec};
use crate::testbed::{Machine, cable, isolated, readable};

const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 10);
const GROUP: GroupId = GroupId(0);

/// A node with one service address, and a neighbour on its cable.
struct Bench {
    corman: Machine,
    neighbour: Machine,
    addresses: Addresses,
    monitor: Monitor,
    resource: ResourceSpec,
}

impl Bench {
    /// `resource` is the word in haresources.
    fn new(resource: &str) -> Self {
        let (corman, neighbour) = (Machine::new(), Machine::new());
        cable("eth0", &corman, &neighbour);
        corman.add_address("eth0", "192.168.2.1/24");
        let directory = Directory::seed();
        directory.write("haresources", format!("corman {resource}\n"));
        let (configuration, found) = load(&directory.0, "corman");
        let configuration = configuration.unwrap_or_else(|| panic!("{found:?}"));
        let addresses = corman.run(|| Addresses::open(&configuration)).expect("we are root here");
        let monitor = corman.run(Monitor::open).expect("we are root here");
        let meant = &configuration.groups[0].resources[0];
        let resource = ResourceSpec { name: meant.name.clone(), args: meant.args.clone() };
        Self { corman, neighbour, addresses, monitor, resource }
    }

    fn call(&mut self, verb: Verb) -> Option<Ending> {
        let resource = self.resource.clone();
        self.addresses.run(clock::now(), GROUP, &resource, verb)
    }

    fn start(&mut self) {
        assert_eq!(self.call(Verb::Start), Some(Ending::Start(Exit::Success)));
    }

    fn stop(&mut self) {
        assert_eq!(self.call(Verb::Stop), Some(Ending::Stop(Exit::Success)));
    }

    /// Where the service address is now.
    fn sites(&self) -> Vec<Address> {
        let all = self.corman.run(|| Network::open()?.addresses()).expect("netlink answers");
        all.into_iter().filter(|address| address.ip == VIP).collect()
    }

    /// Hears what has changed, and puts it right.
    fn reconcile(&mut self) {
        assert!(readable(self.monitor.as_fd(), 5_000), "the kernel tells changes");
        while let Some(change) = self.monitor.next().expect("netlink answers") {
            self.addresses.note(&change);
        }
        self.addresses.reconcile(clock::now());
    }

    fn said(&mut self) -> Vec<Entry> {
        self.addresses.said().collect()
    }
}

fn entry(severity: Severity, text: &str) -> Entry {
    Entry { severity: Some(severity), text: text.to_owned() }
}

/// The neighbour's ear for ARP.
fn ear(neighbour: &Machine) -> OwnedFd {
    let flags = SockFlag::SOCK_NONBLOCK;
    let kind = SockType::Raw;
    neighbour
        .run(|| socket(AddressFamily::Packet, kind, flags, SockProtocol::EthAll))
        .expect("we are root here")
}

/// Whether a gratuitous ARP frame for the address is heard.
fn announced(ear: &OwnedFd) -> bool {
    let mut buffer = [0; 128];
    for _ in 0..1_000 {
        if !readable(ear.as_fd(), 2_000) {
            return false;
        }
        while let Ok(length) = recv(ear.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            let frame = &buffer[..length];
            if frame.len() >= 42 && frame[12..14] == [8, 6] && frame[28..32] == VIP.octets() {
                assert_eq!(frame[38..42], VIP.octets(), "gratuitous");
                return true;
            }
        }
    }
    false
}

#[test]
fn a_start_adds_the_address_with_its_label_and_announces_it() {
    isolated(|| {
        let mut bench = Bench::new("IPaddr2::192.168.2.10/24/eth0:0");
        let ear = ear(&bench.neighbour);
        assert_eq!(bench.call(Verb::Status), Some(Ending::Status(Condition::Stopped)));
        bench.start();
        assert!(announced(&ear));
        let [site] = &bench.sites()[..] else { panic!("{:?}", bench.sites()) };
        let index = bench.corman.interface("eth0").index;
        assert_eq!((site.index, site.prefix, &site.label[..]), (index, 24, "eth0:0"));
        assert_eq!(site.broadcast, Some(Ipv4Addr::new(192, 168, 2, 255)));
        assert!(bench.addresses.deadline().is_some(), "more frames follow");
        assert_eq!(bench.said(), []);
    });
}

#[test]
fn an_address_that_is_there_already_is_announced_all_the_same() {
    isolated(|| {
        let mut bench = Bench::new("192.168.2.10");
        bench.corman.add_address("eth0", "192.168.2.10/24");
        assert_eq!(bench.addresses.found().expect("netlink answers"), [GROUP]);
        let ear = ear(&bench.neighbour);
        bench.start();
        assert!(announced(&ear));
        assert_eq!(bench.sites().len(), 1);
    });
}

#[test]
fn without_a_device_the_one_with_its_subnet_is_taken() {
    isolated(|| {
        let mut bench = Bench::new("192.168.2.10");
        assert_eq!(bench.addresses.found().expect("netlink answers"), []);
        bench.start();
        let [site] = &bench.sites()[..] else { panic!("{:?}", bench.sites()) };
        let index = bench.corman.interface("eth0").index;
        assert_eq!((site.index, site.prefix, &site.label[..]), (index, 24, "eth0"));
    });
}

#[test]
fn a_stop_removes_the_address_wherever_it_is() {
    isolated(|| {
        let mut bench = Bench::new("IPaddr2::192.168.2.10/24/eth0:0");
        bench.start();
        bench.corman.add_address("lo", "192.168.2.10/31");
        assert_eq!(bench.sites().len(), 2);
        bench.stop();
        assert_eq!(bench.sites(), []);
        assert_eq!(bench.addresses.deadline(), None, "and it is announced no more");
        assert_eq!(bench.said(), [entry(Severity::Info, "IP Address 192.168.2.10 released")]);
        bench.stop();
        assert_eq!(bench.sites(), [], "a stop of what is stopped succeeds");
    });
}

#[test]
fn a_stop_leaves_the_machine_its_own_address_when_ours_is_the_first_of_the_subnet() {
    isolated(|| {
        let mut bench = Bench::new("IPaddr2::192.168.2.10/24/eth0:0");
        let off = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries";
        bench.corman.run(|| std::fs::write(off, "0")).expect("we are root here");
        bench.corman.add_address("eth0", "192.168.7.1/24");
        bench.start();
        // As after a flush: what is added again comes after ours.
        bench.corman.delete_address("eth0", "192.168.2.1/24");
        bench.reconcile();
        bench.corman.add_address("eth0", "192.168.2.1/24");
        let own = |bench: &Bench| -> Vec<Address> {
            let all = bench.corman.run(|| Network::open()?.addresses()).expect("netlink answers");
            let mut all: Vec<_> = all.into_iter().filter(|found| found.ip != VIP).collect();
            all.sort_by_key(|found| found.ip);
            all
        };
        let before = own(&bench);
        assert_eq!(before.len(), 3, "two of eth0 and one of lo");
        let _ = bench.said();
        bench.stop();
        assert_eq!((bench.sites(), own(&bench)), (vec![], before));
        let expected = [
            entry(Severity::Warning, "192.168.2.1 went with 192.168.2.10: put back"),
            entry(Severity::Info, "IP Address 192.168.2.10 released"),
        ];
        assert_eq!(bench.said(), expected);
    });
}

#[test]
fn a_held_address_that_somebody_removes_comes_back() {
    isolated(|| {
        let mut bench = Bench::new("IPaddr2::192.168.2.10/24/eth0:0");
        bench.start();
        bench.reconcile();
        assert_eq!(bench.said(), [], "our own change is no news");
        bench.corman.delete_address("eth0", "192.168.2.10/24");
        assert_eq!(bench.sites(), []);
        bench.reconcile();
        assert_eq!(bench.sites().len(), 1);
        let told = entry(Severity::Warning, "192.168.2.10 was removed: put back");
        assert_eq!(bench.said(), [told]);
    });
}

#[test]
fn a_held_address_that_cannot_be_put_back_is_told_once_and_tried_again() {
    isolated(|| {
        let mut bench = Bench::new("192.168.2.10");
        bench.start();
        bench.corman.delete_address("eth0", "192.168.2.10/24");
        bench.corman.delete_address("eth0", "192.168.2.1/24");
        bench.reconcile();
        let missing = "192.168.2.10 is missing and cannot be put back: no interface has a subnet \
                       with 192.168.2.10: name one, as in 192.168.2.10/24/eth0";
        assert_eq!(bench.said(), [entry(Severity::Warning, missing)]);

        // The frames of the start are over by the first of these.
        let now = clock::now();
        for seconds in [2, 4, 6] {
            let then = now.after(Duration::from_secs(seconds));
            bench.addresses.advance(then);
            let again = then.after(Duration::from_secs(1));
            assert_eq!(bench.addresses.deadline(), Some(again), "it is tried each second");
            assert_eq!(bench.said(), [], "and told once");
        }
        bench.corman.add_address("eth0", "192.168.2.1/24");
        bench.addresses.advance(now.after(Duration::from_secs(8)));
        assert_eq!(bench.sites().len(), 1);
        let told = entry(Severity::Warning, "192.168.2.10 was removed: put back");
        assert_eq!(bench.said(), [told]);
    });
}

#[test]
fn an_address_that_comes_is_a_reason_to_look_again_at_one_that_is_missing() {
    isolated(|| {
        let mut bench = Bench::new("192.168.2.10");
        bench.start();
        bench.corman.delete_address("eth0", "192.168.2.10/24");
        bench.corman.delete_address("eth0", "192.168.2.1/24");
        bench.reconcile();
        assert_eq!(bench.said().len(), 1);
        bench.corman.add_address("eth0", "192.168.2.1/24");
        bench.reconcile();
        assert_eq!(bench.sites().len(), 1);
        let told = entry(Severity::Warning, "192.168.2.10 was removed: put back");
        assert_eq!(bench.said(), [told]);
    });
}

#[test]
fn a_missing_address_that_somebody_else_puts_back_is_told() {
    isolated(|| {
        let mut bench = Bench::new("192.168.2.10");
        bench.start();
        bench.corman.delete_address("eth0", "192.168.2.10/24");
        bench.corman.delete_address("eth0", "192.168.2.1/24");
        bench.reconcile();
        assert_eq!(bench.said().len(), 1);
        bench.corman.add_address("eth0", "192.168.2.10/24");
        bench.reconcile();
        let text = "192.168.2.10 is back: somebody else has put it there";
        assert_eq!(bench.said(), [entry(Severity::Info, text)]);
        assert_eq!(bench.sites().len(), 1);
    });
}

#[test]
fn a_released_address_that_somebody_adds_goes() {
    isolated(|| {
        let mut bench = Bench::new("IPaddr2::192.168.2.10/24/eth0:0");
        bench.stop();
        let _ = bench.said();
        bench.corman.add_address("eth0", "192.168.2.10/24");
        bench.reconcile();
        assert_eq!(bench.sites(), []);
        let told = entry(Severity::Warning, "192.168.2.10 is not ours to have: removed");
        assert_eq!(bench.said(), [told]);
    });
}

#[test]
fn an_address_that_nothing_was_ordered_of_is_left_alone() {
    isolated(|| {
        let mut bench = Bench::new("IPaddr2::192.168.2.10/24/eth0:0");
        bench.corman.add_address("eth0", "192.168.2.10/24");
        bench.reconcile();
        assert_eq!(bench.sites().len(), 1);
        bench.corman.delete_address("eth0", "192.168.2.10/24");
        bench.reconcile();
        assert_eq!((bench.sites(), bench.said()), (vec![], vec![]));
    });
}

#[test]
fn a_device_or_subnet_that_is_missing_is_told() {
    isolated(|| {
        let device = "192.168.2.10 cannot be brought up: there is no interface eth9";
        let subnet = "10.9.9.9 cannot be brought up: no interface has a subnet with 10.9.9.9: \
                      name one, as in 10.9.9.9/24/eth0";
        for (resource, text) in [("IPaddr2::192.168.2.10/24/eth9", device), ("10.9.9.9", subnet)] {
            let mut bench = Bench::new(resource);
            assert_eq!(bench.call(Verb::Start), Some(Ending::Start(Exit::Failed { code: 1 })));
            assert_eq!(bench.said(), [entry(Severity::Error, text)]);
            bench.stop();
        }
    });
}

#[test]
fn a_resource_that_is_no_address_is_a_scripts_business() {
    isolated(|| {
        let mut bench = Bench::new("192.168.2.10");
        bench.resource = ResourceSpec { name: "apache2".to_owned(), args: Vec::new() };
        assert_eq!(bench.call(Verb::Start), None);
        bench.addresses.announce(clock::now(), GROUP);
        assert_eq!(bench.addresses.deadline(), None, "what is not held is not announced");
    });
}

#[test]
fn subnets_and_their_last_addresses() {
    let ip = |text: &str| text.parse::<Ipv4Addr>().expect("an address");
    for (member, prefix, inside) in [
        ("192.168.2.1", 24, true),
        ("192.168.3.1", 24, false),
        ("192.168.3.1", 16, true),
        ("192.168.2.10", 32, false),
        ("1.2.3.4", 0, true),
    ] {
        assert_eq!(covers(ip(member), prefix, VIP), inside, "{member}/{prefix}");
    }
    for (prefix, last) in
        [(24, "192.168.2.255"), (30, "192.168.2.11"), (31, "0.0.0.0"), (32, "0.0.0.0")]
    {
        assert_eq!(last_of(VIP, prefix), ip(last), "{prefix}");
    }
    assert_eq!(last_of(VIP, 0), ip("255.255.255.255"));
}
