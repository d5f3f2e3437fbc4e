//! ICMP echo to the ping nodes: one raw socket for all of them (specification 11,
//! with a token in place of a Heartbeat packet). It keeps no round and no time: who
//! asked for which token knows.

use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto, socket,
};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Packet};

/// What a payload of ours begins with; the token follows.
const MARK: [u8; 8] = *b"latido\0\0";
const PAYLOAD_LEN: usize = MARK.len() + size_of::<u64>();
const REQUEST_LEN: usize = 8 + PAYLOAD_LEN;
/// A reply with the longest IP header fits; what is longer is not ours.
const REPLY_MAX: usize = 60 + REQUEST_LEN;
/// Datagrams read in one call, so that a flood cannot hold up the heartbeat.
const READS_MAX: usize = 32;

/// The socket that asks for and hears echoes.
#[derive(Debug)]
pub(crate) struct Echo {
    socket: OwnedFd,
    identifier: u16,
    sequence: u16,
}

impl Echo {
    /// Opens the socket, with a random identifier, so that another start of ours or
    /// another program's `ping` is not mistaken for this one.
    ///
    /// # Errors
    /// Those of a raw socket: it takes `CAP_NET_RAW`.
    pub(crate) fn open() -> io::Result<Self> {
        let mut random = [0; 2];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        Self::with_identifier(u16::from_ne_bytes(random))
    }

    fn with_identifier(identifier: u16) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Inet, SockType::Raw, flags, SockProtocol::Icmp)?;
        attach_filter(socket.as_raw_fd(), identifier)?;
        Ok(Self { socket, identifier, sequence: 0 })
    }

    /// The descriptor that becomes readable when a reply has come.
    #[must_use]
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends one echo request that carries `token`.
    ///
    /// # Errors
    /// Those of `sendto`, for instance without a route to `target`: the request counts
    /// as lost.
    pub(crate) fn send(&mut self, target: Ipv4Addr, token: u64) -> io::Result<()> {
        let request = request(self.identifier, self.sequence, token);
        self.sequence = self.sequence.wrapping_add(1);
        let target = SockaddrIn::from(SocketAddrV4::new(target, 0));
        let sent = sendto(self.socket.as_raw_fd(), &request, &target, MsgFlags::MSG_DONTWAIT)?;
        assert_eq!(sent, request.len(), "a raw socket sends a packet whole or not at all");
        Ok(())
    }

    /// The next reply to a request of ours: who answered, and the token. `None` when
    /// there is none; also after 32 datagrams that were none of ours, with the
    /// descriptor still readable.
    ///
    /// # Errors
    /// Those of `recv`; the socket stays open.
    pub(crate) fn receive(&mut self) -> io::Result<Option<(Ipv4Addr, u64)>> {
        for _ in 0..READS_MAX {
            let mut packet = [0; REPLY_MAX];
            let Some(length) = self.read(&mut packet)? else {
                return Ok(None);
            };
            let reply = packet.get(..length).and_then(|packet| parse(packet, self.identifier));
            if reply.is_some() {
                return Ok(reply);
            }
        }
        Ok(None)
    }

    /// One datagram's true length, which may exceed `packet`.
    fn read(&self, packet: &mut [u8]) -> io::Result<Option<usize>> {
        let flags = MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT;
        match recv(self.socket.as_raw_fd(), packet, flags) {
            Ok(length) => Ok(Some(length)),
            Err(Errno::EAGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn request(ident: u16, seq_no: u16, token: u64) -> [u8; REQUEST_LEN] {
    let mut data = [0; PAYLOAD_LEN];
    data[..MARK.len()].copy_from_slice(&MARK);
    data[MARK.len()..].copy_from_slice(&token.to_be_bytes());
    let repr = Icmpv4Repr::EchoRequest { ident, seq_no, data: &data };
    assert_eq!(repr.buffer_len(), REQUEST_LEN);
    let mut octets = [0; REQUEST_LEN];
    repr.emit(&mut Icmpv4Packet::new_unchecked(&mut octets[..]), &ChecksumCapabilities::default());
    octets
}

/// The sender and the token of an IP packet that is an echo reply to us. The checksum
/// is checked here: the kernel hands packets to raw sockets before it looks at it.
fn parse(packet: &[u8], identifier: u16) -> Option<(Ipv4Addr, u64)> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    if ip.next_header() != IpProtocol::Icmp {
        return None;
    }
    let icmp = Icmpv4Packet::new_checked(ip.payload()).ok()?;
    let Ok(Icmpv4Repr::EchoReply { ident, data, .. }) =
        Icmpv4Repr::parse(&icmp, &ChecksumCapabilities::default())
    else {
        return None;
    };
    let token = data.strip_prefix(&MARK)?.try_into().ok()?;
    (ident == identifier).then(|| (ip.src_addr(), u64::from_be_bytes(token)))
}

/// Lets the kernel drop all ICMP but echo replies with our identifier, so that other
/// traffic wakes nobody.
fn attach_filter(fd: RawFd, identifier: u16) -> io::Result<()> {
    const LOAD_HEADER_LENGTH: u16 = 0xb1; // ldxb 4*([k]&0xf)
    const LOAD_HALF_WORD: u16 = 0x48; // ldh [x + k]
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let instruction = |code, jf, k| libc::sock_filter { code, jt: 0, jf, k };
    let mut filter = [
        instruction(LOAD_HEADER_LENGTH, 0, 0),
        instruction(LOAD_HALF_WORD, 0, 0),
        // Type and code: an echo reply's are both zero.
        instruction(JUMP_IF_EQUAL, 3, 0),
        instruction(LOAD_HALF_WORD, 0, 4),
        instruction(JUMP_IF_EQUAL, 1, u32::from(identifier)),
        instruction(RETURN, 0, u32::MAX),
        instruction(RETURN, 0, 0),
    ];
    let program = libc::sock_fprog { len: 7, filter: filter.as_mut_ptr() };
    let length = u32::try_from(size_of_val(&program)).expect("two words");
    // SAFETY: `fd` is an open socket; `program` points to as many instructions as it
    // says, and the kernel copies them before the call returns.
    let outcome = unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            length,
        )
    };
    Errno::result(outcome)?;
    Ok(())
}

#[cfg(test)]
mod tests;
