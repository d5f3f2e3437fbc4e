//! What changes about interfaces and IPv4 addresses, as rtnetlink reports it. It
//! keeps no picture of the whole: after [`Change::Overrun`] the listener reads it anew.
//!
//! The kernel may hold the report of a lost carrier back for up to a second.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use super::message;

/// Octets that may wait for us; some thousand changes.
const RECEIVE_BUFFER: usize = 1_024 * 1_024;
/// A datagram is one message, which is far shorter; a longer one is an overrun.
const DATAGRAM_MAX: usize = 32 * 1_024;
/// Datagrams that one call reads in search of a change.
const READS_MAX: usize = 64;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An interface appeared, went or changed. A renamed one is reported under its new
    /// name alone: what had the same `index` under another name is gone.
    Link {
        /// The interface's name.
        name: String,
        /// Its number.
        index: u32,
        /// Whether it is administratively up.
        up: bool,
        /// Whether it is up and has a carrier.
        carrier: bool,
        /// Whether this namespace no longer has it.
        removed: bool,
    },
    /// An interface has this IPv4 address; it may have had it before.
    AddressAdded {
        /// The interface's number.
        index: u32,
        /// The address.
        ip: Ipv4Addr,
        /// Bits of its network.
        prefix: u8,
    },
    /// An interface no longer has this IPv4 address.
    AddressRemoved {
        /// The interface's number.
        index: u32,
        /// The address.
        ip: Ipv4Addr,
        /// Bits of its network.
        prefix: u8,
    },
    /// Reports were lost: everything must be read anew.
    Overrun,
}

/// A netlink socket that listens.
#[derive(Debug)]
pub(crate) struct Monitor {
    socket: Socket,
    buffer: Box<[u8]>,
    /// The part of `buffer` that has not been looked at.
    unread: std::ops::Range<usize>,
}

impl Monitor {
    /// Listens to the network namespace of the calling thread, from now on: open this
    /// first and read the present state after, so that no change falls between.
    ///
    /// # Errors
    /// Those of `socket`, `bind` and `setsockopt`.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        // Only CAP_NET_ADMIN may go beyond net.core.rmem_max.
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
        }
        socket.bind_auto()?;
        socket.add_membership(libc::RTNLGRP_LINK)?;
        socket.add_membership(libc::RTNLGRP_IPV4_IFADDR)?;
        Ok(Self { socket, buffer: vec![0; DATAGRAM_MAX].into(), unread: 0..0 })
    }

    /// The descriptor that becomes readable when something changed. Call
    /// [`Self::next`] until it says `None`.
    #[must_use]
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next change. `None` when there is none; also after 64 datagrams without
    /// any, with the descriptor still readable.
    ///
    /// # Errors
    /// Those of `recvfrom`; an overrun is a change and no error.
    pub(crate) fn next(&mut self) -> io::Result<Option<Change>> {
        for _ in 0..READS_MAX {
            if let Some(change) = self.next_unread() {
                return Ok(Some(change));
            }
            let mut room = &mut self.buffer[..];
            match self.socket.recv_from(&mut room, libc::MSG_TRUNC) {
                Ok((length, _)) if length > self.buffer.len() => return Ok(Some(Change::Overrun)),
                // Port 0 is the kernel's; others could tell us anything.
                Ok((length, sender)) if sender.port_number() == 0 => self.unread = 0..length,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    return Ok(Some(Change::Overrun));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The next change in what was read already.
    fn next_unread(&mut self) -> Option<Change> {
        while let Some(message) = message::messages(&self.buffer[self.unread.clone()]).next() {
            let length = usize::try_from(message.length()).expect("32 bits fit");
            let change = change(&message);
            self.unread.start = self.unread.end.min(self.unread.start + length.next_multiple_of(4));
            if change.is_some() {
                return change;
            }
        }
        self.unread = 0..0;
        None
    }
}

/// What a message reports; `None` if it is none of our business.
fn change(message: &NetlinkBuffer<&[u8]>) -> Option<Change> {
    let payload = message.payload();
    match message.message_type() {
        kind @ (libc::RTM_NEWLINK | libc::RTM_DELLINK) => {
            let message::Link { index, name, up, carrier, mac: _ } = message::link(payload)?;
            let removed = kind == libc::RTM_DELLINK;
            Some(Change::Link { name, index, up, carrier, removed })
        }
        libc::RTM_NEWADDR => {
            let address = message::address(payload)?;
            let super::Address { index, ip, prefix, .. } = address;
            Some(Change::AddressAdded { index, ip, prefix })
        }
        libc::RTM_DELADDR => {
            let address = message::address(payload)?;
            let super::Address { index, ip, prefix, .. } = address;
            Some(Change::AddressRemoved { index, ip, prefix })
        }
        _ => None,
    }
}
