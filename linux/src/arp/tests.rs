//! The schedule of announcements, and what a neighbour sees of them.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};

use latido_core::time::{Duration, Instant};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};

use super::{ANNOUNCEMENTS_MAX, Announcer, FRAME_LEN, Schedule};
use crate::clock;
use crate::testbed::{Machine, cable, isolated, readable};

const MAC: [u8; 6] = [0x12, 0x03, 0x7d, 0x64, 0x85, 0x52];
const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 10);
const INDEX: u32 = 3;

/// What the original sends for `VIP` at `mac`, octet for octet: a request, then a reply.
fn recorded(mac: [u8; 6]) -> [Vec<u8>; 2] {
    let head = |operation| {
        [&[0xff; 6][..], &mac, &[8, 6, 0, 1, 8, 0, 6, 4, 0, operation], &mac, &[192, 168, 2, 10]]
            .concat()
    };
    [
        [&head(1)[..], &[0; 6], &[192, 168, 2, 10]].concat(),
        [&head(2)[..], &mac, &[192, 168, 2, 10]].concat(),
    ]
}

fn at(millis: u32) -> Instant {
    Instant::ZERO.after(Duration::from_millis(millis))
}

/// All that `schedule` sends when it is asked at each of its deadlines, with the time
/// in milliseconds.
fn drain(schedule: &mut Schedule) -> Vec<(u64, u32, [u8; FRAME_LEN])> {
    let mut sent = Vec::new();
    while let Some(deadline) = schedule.deadline() {
        while let Some((index, frame)) = schedule.due(deadline) {
            sent.push((deadline.as_micros() / 1_000, index, frame));
        }
    }
    sent
}

#[test]
fn ten_frames_go_out_alternately_the_first_pair_at_once() {
    let mut schedule = Schedule::default();
    assert_eq!(schedule.deadline(), None);
    schedule.start(at(0), INDEX, MAC, VIP);
    let sent = drain(&mut schedule);
    let times: Vec<u64> = sent.iter().map(|(time, _, _)| *time).collect();
    assert_eq!(times, [0, 0, 100, 200, 300, 400, 500, 600, 700, 800]);
    let recorded = recorded(MAC);
    for (number, (_, index, frame)) in sent.iter().enumerate() {
        assert_eq!(*index, INDEX);
        assert_eq!(frame[..], recorded[number % 2], "frame {number}");
    }
}

#[test]
fn nothing_goes_out_before_its_time_and_a_stall_is_not_made_up_for() {
    let mut schedule = Schedule::default();
    schedule.start(at(0), INDEX, MAC, VIP);
    assert!(schedule.due(at(0)).is_some());
    assert!(schedule.due(at(0)).is_some());
    assert_eq!(schedule.due(at(99)), None);
    assert!(schedule.due(at(5_000)).is_some());
    assert_eq!(schedule.due(at(5_000)), None);
    assert_eq!(schedule.deadline(), Some(at(5_100)));
    assert_eq!(drain(&mut schedule).len(), 7);
}

#[test]
fn a_new_announcement_of_an_address_replaces_the_old_one() {
    let mut schedule = Schedule::default();
    schedule.start(at(0), INDEX, MAC, VIP);
    assert!(schedule.due(at(0)).is_some());
    schedule.start(at(50), INDEX + 1, MAC, VIP);
    let sent = drain(&mut schedule);
    assert_eq!(sent.len(), 10);
    assert_eq!(sent[0].2[..], recorded(MAC)[0]);
    assert!(sent.iter().all(|(time, index, _)| *time >= 50 && *index == INDEX + 1));
}

#[test]
fn a_released_address_is_announced_no_more() {
    let mut schedule = Schedule::default();
    let other = Ipv4Addr::new(192, 168, 2, 11);
    schedule.start(at(0), INDEX, MAC, VIP);
    schedule.start(at(0), INDEX, MAC, other);
    schedule.cancel(VIP);
    schedule.cancel(VIP);
    let sent = drain(&mut schedule);
    assert_eq!(sent.len(), 10);
    assert!(sent.iter().all(|(_, _, frame)| frame[38..] == other.octets()));
}

#[test]
fn several_addresses_are_announced_at_once() {
    let mut schedule = Schedule::default();
    let other = Ipv4Addr::new(192, 168, 2, 11);
    schedule.start(at(0), INDEX, MAC, VIP);
    schedule.start(at(40), INDEX, MAC, other);
    let sent = drain(&mut schedule);
    assert_eq!(sent.len(), 20);
    for (ip, first) in [(VIP, 0), (other, 40)] {
        let times = sent.iter().filter(|(_, _, frame)| frame[38..] == ip.octets());
        let times: Vec<u64> = times.map(|(time, _, _)| *time - first).collect();
        assert_eq!(times, [0, 0, 100, 200, 300, 400, 500, 600, 700, 800], "{ip}");
    }
}

#[test]
fn at_the_bound_the_most_announced_address_gives_way() {
    let mut schedule = Schedule::default();
    schedule.start(at(0), INDEX, MAC, VIP);
    assert!(schedule.due(at(0)).is_some());
    let others = (0..ANNOUNCEMENTS_MAX).map(|number| {
        Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + u32::try_from(number).unwrap())
    });
    for other in others.clone() {
        schedule.start(at(0), INDEX, MAC, other);
    }
    assert_eq!(schedule.announcements.len(), ANNOUNCEMENTS_MAX);
    let sent = drain(&mut schedule);
    assert_eq!(sent.len(), 10 * ANNOUNCEMENTS_MAX);
    for other in others {
        let frames = sent.iter().filter(|(_, _, frame)| frame[38..] == other.octets());
        assert_eq!(frames.count(), 10, "{other}");
    }
}

#[test]
fn a_neighbour_sees_the_frames_octet_for_octet_a_tenth_of_a_second_apart() {
    isolated(|| {
        let (corman, client) = (Machine::new(), Machine::new());
        cable("eth0", &corman, &client);
        let all = SockFlag::SOCK_NONBLOCK;
        let seen =
            client.run(|| socket(AddressFamily::Packet, SockType::Raw, all, SockProtocol::EthAll));
        let seen = seen.expect("we are root here");
        let interface = corman.interface("eth0");
        let mut announcer = corman.run(Announcer::open).expect("we are root here");

        let mut frames = Vec::new();
        let announced = clock::now();
        announcer.announce(announced, interface.index, interface.mac, VIP).expect("it is up");
        while frames.len() < 10 {
            let left = announcer
                .deadline()
                .map_or(Duration::from_secs(1), |deadline| deadline.since(clock::now()));
            let millis = u16::try_from(left.as_millis() + 1).expect("it is not far");
            let more = readable(seen.as_fd(), millis);
            assert!(more || announcer.deadline().is_some(), "{} frames came", frames.len());
            let mut buffer = [0; 128];
            while let Ok(length) = recv(seen.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                // The machines also speak IPv6.
                if buffer[12..14] == [8, 6] {
                    frames.push((clock::now(), buffer[..length].to_vec()));
                }
            }
            announcer.advance(clock::now()).expect("it is up");
        }
        assert_eq!(announcer.deadline(), None);

        let recorded = recorded(interface.mac);
        for (number, (_, frame)) in frames.iter().enumerate() {
            assert_eq!(*frame, recorded[number % 2], "frame {number}");
        }
        let gaps: Vec<u64> =
            frames.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_millis()).collect();
        assert!(gaps[0] < 50, "the first pair goes at once: {gaps:?}");
        assert!(gaps[1..].iter().all(|gap| (50..400).contains(gap)), "{gaps:?}");
        let total = frames[9].0.since(announced).as_millis();
        assert!((800..2_000).contains(&total), "{total} ms in all");
    });
}

#[test]
fn an_announcement_on_a_device_that_is_gone_fails_and_ends() {
    isolated(|| {
        let mut announcer = Announcer::open().expect("we are root here");
        let error = announcer.announce(at(0), 4_000, MAC, VIP).expect_err("no such device");
        assert!(crate::link::is_device_absent(&error), "{error}");
        let mut failures = 0;
        while let Some(deadline) = announcer.deadline() {
            announcer.advance(deadline).expect_err("no such device");
            failures += 1;
        }
        assert_eq!(failures, 8);
    });
}
