//! Gratuitous ARP: tells a segment which MAC address an IPv4 address is at now
//! (specification 9.5). It neither adds nor checks the address.

use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use latido_core::limits::GROUPS_MAX;
use latido_core::time::{Duration, Instant};
use nix::libc;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike, sendto, socket,
};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr,
};

/// Frames for one address.
const FRAMES: u8 = 10;
/// From one frame to the next, but the first two, which go together.
const INTERVAL: Duration = Duration::from_millis(100);
/// Addresses announced at once. At the bound the one with the fewest frames left
/// gives way: most of its neighbours have heard it.
const ANNOUNCEMENTS_MAX: usize = GROUPS_MAX * 2;
/// An Ethernet header and an ARP packet for IPv4; the device pads it.
const FRAME_LEN: usize = 42;

/// Announces addresses on devices, several at once.
#[derive(Debug)]
pub(crate) struct Announcer {
    socket: OwnedFd,
    schedule: Schedule,
}

impl Announcer {
    /// An announcer with nothing to say.
    ///
    /// # Errors
    /// Those of a packet socket: it takes `CAP_NET_RAW`.
    pub(crate) fn open() -> io::Result<Self> {
        // Protocol 0 (none): this socket sends and never receives.
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        Ok(Self { socket, schedule: Schedule::default() })
    }

    /// Begins to announce that `ip` is at `mac` on the device with number `index`, and
    /// sends the first pair at once. An address that is being announced starts again.
    ///
    /// # Errors
    /// Those of [`Self::advance`].
    pub(crate) fn announce(
        &mut self,
        now: Instant,
        index: u32,
        mac: [u8; 6],
        ip: Ipv4Addr,
    ) -> io::Result<()> {
        self.schedule.start(now, index, mac, ip);
        self.advance(now)
    }

    /// Says no more about `ip`: it was released.
    pub(crate) fn cancel(&mut self, ip: Ipv4Addr) {
        self.schedule.cancel(ip);
    }

    /// When [`Self::advance`] has a frame to send next.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.schedule.deadline()
    }

    /// Sends what is due.
    ///
    /// # Errors
    /// The first failure to send; the other frames were tried too. A frame that
    /// failed counts as sent, so a device that went away ends its announcements.
    pub(crate) fn advance(&mut self, now: Instant) -> io::Result<()> {
        let mut outcome = Ok(());
        while let Some((index, frame)) = self.schedule.due(now) {
            outcome = outcome.and(self.send(index, &frame));
        }
        outcome
    }

    fn send(&self, index: u32, frame: &[u8]) -> io::Result<()> {
        let destination = link_address(index);
        let fd = self.socket.as_raw_fd();
        let sent = sendto(fd, frame, &destination, MsgFlags::MSG_DONTWAIT)?;
        assert_eq!(sent, frame.len(), "a packet socket sends a frame whole or not at all");
        Ok(())
    }
}

/// Everyone on the segment of the device with number `index`.
fn link_address(index: u32) -> LinkAddr {
    // SAFETY: `sockaddr_ll` is plain old data; all zeroes is a valid value of it.
    let mut raw: libc::sockaddr_ll = unsafe { mem::zeroed() };
    raw.sll_family = u16::try_from(libc::AF_PACKET).expect("AF_PACKET is 17");
    raw.sll_protocol = u16::from(EthernetProtocol::Arp).to_be();
    raw.sll_ifindex = index.cast_signed();
    raw.sll_halen = 6;
    raw.sll_addr[..6].copy_from_slice(EthernetAddress::BROADCAST.as_bytes());
    let length = u32::try_from(size_of_val(&raw)).expect("a sockaddr_ll has 20 octets");
    // SAFETY: the pointer is to a whole `sockaddr_ll` with its family set, and
    // `from_raw` copies it.
    unsafe { LinkAddr::from_raw((&raw const raw).cast(), Some(length)) }
        .expect("the family is AF_PACKET and the length is its own")
}

/// Which frame is due when; it reads no clock and sends nothing.
#[derive(Debug, Default)]
struct Schedule {
    announcements: heapless::Vec<Announcement, ANNOUNCEMENTS_MAX>,
}

#[derive(Debug)]
struct Announcement {
    index: u32,
    mac: EthernetAddress,
    ip: Ipv4Addr,
    sent: u8,
    due: Instant,
}

impl Schedule {
    fn start(&mut self, now: Instant, index: u32, mac: [u8; 6], ip: Ipv4Addr) {
        self.cancel(ip);
        if self.announcements.is_full() {
            let announcements = self.announcements.iter().enumerate();
            let (most, _) = announcements
                .max_by_key(|(_, announcement)| announcement.sent)
                .expect("a full table is not empty");
            self.announcements.swap_remove(most);
        }
        let mac = EthernetAddress(mac);
        self.announcements
            .push(Announcement { index, mac, ip, sent: 0, due: now })
            .expect("room was made above");
    }

    fn cancel(&mut self, ip: Ipv4Addr) {
        self.announcements.retain(|announcement| announcement.ip != ip);
    }

    fn deadline(&self) -> Option<Instant> {
        self.announcements.iter().map(|announcement| announcement.due).min()
    }

    /// Takes one frame that is due, and the number of the device that it leaves by.
    /// After a stall one frame goes, not all that were missed: the rest keep their
    /// distance from it.
    fn due(&mut self, now: Instant) -> Option<(u32, [u8; FRAME_LEN])> {
        let position =
            self.announcements.iter().position(|announcement| announcement.due <= now)?;
        let announcement = &mut self.announcements[position];
        let index = announcement.index;
        let frame = announcement.frame();
        announcement.sent += 1;
        if announcement.sent > 1 {
            announcement.due = now.after(INTERVAL);
        }
        if announcement.sent == FRAMES {
            self.announcements.swap_remove(position);
        }
        Some((index, frame))
    }
}

impl Announcement {
    /// Alternately a request and a reply, since some hosts learn only from the one
    /// and some only from the other.
    fn frame(&self) -> [u8; FRAME_LEN] {
        let (operation, target_hardware_addr) = if self.sent.is_multiple_of(2) {
            (ArpOperation::Request, EthernetAddress([0; 6]))
        } else {
            (ArpOperation::Reply, self.mac)
        };
        let ethernet = EthernetRepr {
            src_addr: self.mac,
            dst_addr: EthernetAddress::BROADCAST,
            ethertype: EthernetProtocol::Arp,
        };
        let arp = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: self.mac,
            source_protocol_addr: self.ip,
            target_hardware_addr,
            target_protocol_addr: self.ip,
        };
        assert_eq!(ethernet.buffer_len() + arp.buffer_len(), FRAME_LEN);
        let mut octets = [0; FRAME_LEN];
        let mut frame = EthernetFrame::new_unchecked(&mut octets[..]);
        ethernet.emit(&mut frame);
        arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
        octets
    }
}

#[cfg(test)]
mod tests;
