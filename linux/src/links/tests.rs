//! Links of one machine, on devices that come, go and fail.

use std::net::UdpSocket;

use latido_core::LinkState;
use latido_core::id::LinkId;
use latido_core::limits::DATAGRAM_MAX;
use latido_core::time::Duration;

use super::{FRAMES_PER_TURN, Links};
use crate::clock;
use crate::link::Link;
use crate::netlink::{Change, Network};
use crate::testbed::{Machine, cable, isolated, readable};

const PORT: u16 = 694;

/// A machine with two links to a neighbour, and the neighbour.
struct Bench {
    corman: Machine,
    rabius: Machine,
    links: Links,
    network: Network,
}

impl Bench {
    fn new() -> Self {
        let (corman, rabius) = (Machine::new(), Machine::new());
        for (name, net) in [("eth0", "192.168.2"), ("eth2", "192.168.3")] {
            cable(name, &corman, &rabius);
            corman.add_address(name, &format!("{net}.1/24"));
            rabius.add_address(name, &format!("{net}.2/24"));
        }
        let links = ["eth0", "eth2"].map(|device| Link::new(device, PORT)).into_iter().collect();
        let network = corman.run(Network::open).expect("netlink is there");
        Self { corman, rabius, links, network }
    }

    fn open(&mut self) -> std::io::Result<()> {
        let (links, network) = (&mut self.links, &mut self.network);
        self.corman.run(|| links.open(clock::now(), network))
    }

    /// What there is to tell the core `seconds` from now.
    fn change(&mut self, seconds: u32) -> Option<(LinkId, LinkState)> {
        let now = clock::now().after(Duration::from_secs(seconds));
        let (links, network) = (&mut self.links, &mut self.network);
        self.corman.run(|| links.next_change(now, network))
    }

    fn receive(&mut self) -> Option<LinkId> {
        let heard = self.links.receive(clock::now(), &mut [0; DATAGRAM_MAX]);
        heard.map(|(link, _)| link)
    }

    /// The neighbour's link over `device`.
    fn far(&self, device: &str) -> Link {
        let mut link = Link::new(device, PORT);
        self.rabius.run(|| link.open()).expect("the device is there");
        link
    }
}

#[test]
fn a_flood_on_one_link_does_not_silence_the_other() {
    isolated(|| {
        let mut bench = Bench::new();
        bench.open().expect("both devices are there");
        let (mut flood, mut quiet) = (bench.far("eth0"), bench.far("eth2"));
        for _ in 0..2 * FRAMES_PER_TURN {
            flood.send(b"flood").expect("the device is up");
        }
        quiet.send(b"beat").expect("the device is up");
        for fd in bench.links.fds() {
            assert!(readable(fd, 1_000));
        }
        let first: Vec<_> = (0..2).filter_map(|_| bench.receive()).collect();
        assert_eq!(first, [LinkId(0), LinkId(1)]);
        let rest = (0..=2 * FRAMES_PER_TURN).map_while(|_| bench.receive()).count();
        assert_eq!(rest, FRAMES_PER_TURN - 2, "a turn hears no more");
        assert!(bench.links.is_behind());
        bench.links.begin_turn();
        assert!(!bench.links.is_behind());
        assert_eq!(bench.receive(), Some(LinkId(0)));
    });
}

#[test]
fn a_link_without_a_carrier_at_the_start_is_down() {
    isolated(|| {
        let mut bench = Bench::new();
        bench.rabius.set_down("eth2");
        bench.open().expect("both devices are there");
        assert_eq!(bench.change(0), Some((LinkId(1), LinkState::Down)));
        assert_eq!(bench.change(0), None);
        bench.rabius.set_up("eth2");
        bench.links.follow(&Change::Overrun);
        assert_eq!(bench.change(0), Some((LinkId(1), LinkState::Up)), "asked anew");
        bench.rabius.set_down("eth2");
        bench.links.follow(&Change::Overrun);
        assert_eq!(bench.change(0), Some((LinkId(1), LinkState::Down)), "and so when it went");
        assert_eq!(bench.change(0), None);
    });
}

#[test]
fn a_port_that_somebody_has_is_told_at_the_start_if_no_link_is_left() {
    isolated(|| {
        let mut bench = Bench::new();
        let other = bench.corman.run(|| UdpSocket::bind(("0.0.0.0", PORT))).expect("it is free");
        let error = bench.open().expect_err("the port is taken");
        assert_eq!(
            error.to_string(),
            "eth0: UDP port 694 cannot be used: Address already in use (os error 98); \
             `ss -ulpn 'sport = :694'` shows who uses it"
        );
        drop(other);
        bench.open().expect("now it is free");
        assert_eq!(bench.change(0), None);
    });
}

#[test]
fn a_port_that_somebody_takes_later_makes_the_link_missing_until_it_is_free() {
    isolated(|| {
        let mut bench = Bench::new();
        bench.open().expect("both devices are there");
        assert_eq!((bench.change(0), bench.links.deadline()), (None, None));
        bench.links.follow(&Change::Overrun);
        let other = bench.corman.run(|| UdpSocket::bind(("0.0.0.0", PORT))).expect("it is free");
        assert_eq!(bench.change(0), Some((LinkId(0), LinkState::Missing)));
        assert_eq!(bench.change(0), Some((LinkId(1), LinkState::Missing)));
        assert_eq!(bench.change(0), None);
        assert!(bench.links.deadline().is_some(), "it is tried again");
        assert_eq!(bench.change(2), None, "and is still taken");
        drop(other);
        assert_eq!(bench.change(0), None, "not before it is due");
        assert_eq!(bench.change(4), Some((LinkId(0), LinkState::Up)));
        assert_eq!(bench.change(4), Some((LinkId(1), LinkState::Up)));
        assert_eq!(bench.links.deadline(), None);
    });
}

#[test]
fn a_device_that_is_missing_at_the_start_is_waited_for() {
    isolated(|| {
        let mut bench = Bench::new();
        bench.corman.delete_interface("eth0");
        bench.corman.delete_interface("eth2");
        bench.open().expect("devices may come later");
        assert_eq!(bench.change(0), Some((LinkId(0), LinkState::Missing)));
        assert_eq!(bench.change(0), Some((LinkId(1), LinkState::Missing)));
        cable("eth0", &bench.corman, &bench.rabius);
        assert_eq!(bench.change(0), Some((LinkId(0), LinkState::Up)));
        assert_eq!(bench.change(0), None);
    });
}

#[test]
fn that_nothing_can_be_sent_is_remembered_until_something_can() {
    isolated(|| {
        let mut bench = Bench::new();
        bench.open().expect("both devices are there");
        let mute = |links: &Links| links.places.iter().map(|place| place.mute).collect::<Vec<_>>();
        bench.links.send(b"beat");
        assert_eq!(mute(&bench.links), [false, false]);
        // More than UDP can carry.
        bench.links.send(&[0; 70_000]);
        assert_eq!(mute(&bench.links), [true, true]);
        bench.links.send(b"beat");
        assert_eq!(mute(&bench.links), [false, false]);
    });
}

#[test]
fn a_link_has_the_broadcast_address_of_its_own_device_alone() {
    isolated(|| {
        let mut bench = Bench::new();
        bench.open().expect("both devices are there");
        let destination = |links: &Links| links.places[0].link.destination_address();
        let before = destination(&bench.links);
        bench.corman.delete_address("eth0", "192.168.2.1/24");
        let [eth0, eth2] = ["eth0", "eth2"].map(|name| bench.corman.interface(name).index);
        let gone =
            |index| Change::AddressRemoved { index, ip: [192, 168, 2, 1].into(), prefix: 24 };
        bench.links.follow(&gone(eth2));
        assert_eq!(destination(&bench.links), before, "it is not asked for another's change");
        bench.links.follow(&gone(eth0));
        assert_eq!(destination(&bench.links), Some([255; 4].into()));
    });
}
