//! The kernel's interfaces and IPv4 addresses through rtnetlink: what they are, and
//! changing them. [`Network`] asks and waits for each answer, a short time at most;
//! [`Monitor`] says what changed. Neither decides anything.

pub(crate) mod message;
pub(crate) mod monitor;
pub(crate) mod request;

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;
use nix::libc;

pub(crate) use monitor::{Change, Monitor};
use request::Requests;

/// A dump that addresses changed under is asked for again this often at most.
const DUMPS_MAX: usize = 5;

/// A network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Its number, new whenever the interface is made anew.
    pub(crate) index: u32,
    /// Whether it is administratively up.
    pub(crate) up: bool,
    /// Whether it is up and has a carrier.
    pub(crate) carrier: bool,
    /// Its MAC address; zero where it has none of six octets.
    pub(crate) mac: [u8; 6],
}

/// An IPv4 address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The interface's number.
    pub(crate) index: u32,
    /// The address itself.
    pub(crate) ip: Ipv4Addr,
    /// Bits of its network, 0 to 32.
    pub(crate) prefix: u8,
    /// Its label: the interface's name, or that with a suffix, as in `eth0:0`.
    pub(crate) label: String,
    /// Its broadcast address, if it was given one.
    pub(crate) broadcast: Option<Ipv4Addr>,
}

/// Questions and orders to the kernel. Each waits for its answer, for at most
/// [`request::PATIENCE`]; then it fails with `TimedOut`.
#[derive(Debug)]
pub(crate) struct Network {
    requests: Requests,
}

impl Network {
    /// Opens a netlink socket in the network namespace of the calling thread.
    ///
    /// # Errors
    /// Those of `socket` and `bind`.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self { requests: Requests::open()? })
    }

    /// The interface called `name`, or `None` if there is none.
    ///
    /// # Errors
    /// Those of the kernel, and `TimedOut`.
    pub(crate) fn interface(&mut self, name: &str) -> io::Result<Option<Interface>> {
        // The kernel would refuse such a name with errors of several kinds.
        if name.is_empty() || name.len() >= libc::IFNAMSIZ {
            return Ok(None);
        }
        let mut question = LinkMessage::default();
        question.attributes.push(LinkAttribute::IfName(name.to_owned()));
        let mut found = None;
        let question = RouteNetlinkMessage::GetLink(question);
        let answer = self.requests.exchange(question, NLM_F_ACK, |kind, payload| {
            if kind == libc::RTM_NEWLINK {
                found = message::link(payload);
            }
        });
        unless(answer, &[Errno::ENODEV])?;
        Ok(found.map(|link| Interface {
            index: link.index,
            up: link.up,
            carrier: link.carrier,
            mac: link.mac,
        }))
    }

    /// Every IPv4 address of every interface, those of interfaces that are down too.
    ///
    /// # Errors
    /// Those of the kernel, `TimedOut`, and `Interrupted` when the addresses changed
    /// five times while they were being read.
    pub(crate) fn addresses(&mut self) -> io::Result<Vec<Address>> {
        let mut question = AddressMessage::default();
        question.header.family = AddressFamily::Inet;
        let mut outcome = Ok(());
        for _ in 0..DUMPS_MAX {
            let mut addresses = Vec::new();
            let question = RouteNetlinkMessage::GetAddress(question.clone());
            outcome = self.requests.exchange(question, NLM_F_DUMP, |kind, payload| {
                if kind == libc::RTM_NEWADDR {
                    addresses.extend(message::address(payload));
                }
            });
            match &outcome {
                Ok(()) => return Ok(addresses),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        outcome.map(|()| Vec::new())
    }

    /// Gives the interface with number `index` the address `ip/prefix`. `false` if it
    /// has exactly that already; one with another prefix does not count as the same.
    /// An empty `label` is the interface's name; an unspecified `broadcast` is none.
    ///
    /// # Errors
    /// `ENODEV` without such an interface, `ERANGE` for a label of more than 15
    /// octets, `EPERM`, and `TimedOut`.
    pub(crate) fn add_address(
        &mut self,
        index: u32,
        ip: Ipv4Addr,
        prefix: u8,
        broadcast: Ipv4Addr,
        label: &str,
    ) -> io::Result<bool> {
        let mut order = exact_address(index, ip, prefix);
        if !broadcast.is_unspecified() {
            order.attributes.push(AddressAttribute::Broadcast(broadcast));
        }
        if !label.is_empty() {
            order.attributes.push(AddressAttribute::Label(label.to_owned()));
        }
        let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        let order = RouteNetlinkMessage::NewAddress(order);
        unless(self.requests.exchange(order, flags, |_, _| ()), &[Errno::EEXIST])
    }

    /// Takes `ip/prefix` from the interface with number `index`. `false` if it does
    /// not have it, or if there is no such interface. Where `promote_secondaries` is
    /// off the kernel removes the address's secondaries with it.
    ///
    /// # Errors
    /// `EPERM` and `TimedOut`.
    pub(crate) fn delete_address(
        &mut self,
        index: u32,
        ip: Ipv4Addr,
        prefix: u8,
    ) -> io::Result<bool> {
        let order = RouteNetlinkMessage::DelAddress(exact_address(index, ip, prefix));
        let answer = self.requests.exchange(order, NLM_F_ACK, |_, _| ());
        unless(answer, &[Errno::EADDRNOTAVAIL, Errno::ENODEV])
    }

    /// Brings the interface with number `index` up; nothing happens if it is.
    ///
    /// # Errors
    /// `ENODEV` without such an interface, `EPERM`, and `TimedOut`.
    pub(crate) fn set_up(&mut self, index: u32) -> io::Result<()> {
        let mut order = LinkMessage::default();
        order.header.index = index;
        order.header.flags = LinkFlags::Up;
        order.header.change_mask = LinkFlags::Up;
        self.requests.exchange(RouteNetlinkMessage::SetLink(order), NLM_F_ACK, |_, _| ())
    }
}

fn exact_address(index: u32, ip: Ipv4Addr, prefix: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.prefix_len = prefix;
    message.header.index = index;
    message.attributes.push(AddressAttribute::Local(IpAddr::V4(ip)));
    message.attributes.push(AddressAttribute::Address(IpAddr::V4(ip)));
    message
}

/// `false` for the errors that mean that nothing was to be done.
fn unless(answer: io::Result<()>, needless: &[Errno]) -> io::Result<bool> {
    match answer {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(code) if needless.contains(&Errno::from_raw(code)) => Ok(false),
            Some(_) | None => Err(error),
        },
    }
}

#[cfg(test)]
mod tests;
