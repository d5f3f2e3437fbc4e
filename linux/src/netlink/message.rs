//! The few fields that we read of rtnetlink's link and address messages. The other
//! attributes are not decoded: a kernel that is newer than our library must not be
//! able to blind us. Only the kernel's messages come here, but nothing in one panics.

use std::net::Ipv4Addr;

use netlink_packet_core::{NetlinkBuffer, NlasIterator};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::AddressHeader;
use netlink_packet_route::link::{LinkFlags, LinkHeader};
use nix::libc;

use super::Address;

const LINK_HEADER_LEN: usize = 16;
const ADDRESS_HEADER_LEN: usize = 8;
const ALIGNMENT: usize = 4;

/// What we read of `RTM_NEWLINK` and `RTM_DELLINK`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The interface's number.
    pub(crate) index: u32,
    /// Its name.
    pub(crate) name: String,
    /// Whether it is administratively up.
    pub(crate) up: bool,
    /// Whether it is up and has a carrier.
    pub(crate) carrier: bool,
    /// Its MAC address; zero where it has none of six octets.
    pub(crate) mac: [u8; 6],
}

/// The interface that a link message's payload is about. `None` if it is malformed,
/// or about a bridge's port: one that leaves its bridge is "deleted", and still there.
#[must_use]
pub(crate) fn link(payload: &[u8]) -> Option<Link> {
    let header = LinkHeader::parse(payload).ok()?;
    if header.interface_family != AddressFamily::Unspec {
        return None;
    }
    let mut name = None;
    let mut mac = [0; 6];
    for (kind, value) in attributes(payload.get(LINK_HEADER_LEN..)?) {
        match kind {
            libc::IFLA_IFNAME => name = text(value),
            libc::IFLA_ADDRESS => mac = value.try_into().unwrap_or_default(),
            _ => {}
        }
    }
    let up = header.flags.contains(LinkFlags::Up);
    let carrier = up && header.flags.contains(LinkFlags::LowerUp);
    Some(Link { index: header.index, name: name?, up, carrier, mac })
}

/// The IPv4 address that an address message's payload is about; `None` if it is
/// malformed or of another family.
#[must_use]
pub(crate) fn address(payload: &[u8]) -> Option<Address> {
    let header = AddressHeader::parse(payload).ok()?;
    if header.family != AddressFamily::Inet {
        return None;
    }
    let mut local = None;
    let mut peer = None;
    let mut broadcast = None;
    let mut label = None;
    for (kind, value) in attributes(payload.get(ADDRESS_HEADER_LEN..)?) {
        match kind {
            libc::IFA_LOCAL => local = ipv4(value),
            libc::IFA_ADDRESS => peer = ipv4(value),
            libc::IFA_BROADCAST => broadcast = ipv4(value),
            libc::IFA_LABEL => label = text(value),
            _ => {}
        }
    }
    Some(Address {
        index: header.index,
        // On a point-to-point interface IFA_ADDRESS is the other end's.
        ip: local.or(peer)?,
        prefix: header.prefix_len,
        label: label.unwrap_or_default(),
        broadcast,
    })
}

/// The messages in one datagram; it ends at the first that is malformed.
pub(crate) fn messages(datagram: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(rest).ok()?;
        let length = usize::try_from(message.length()).ok()?;
        rest = rest.get(length.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some(message)
    })
}

fn attributes(octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    // `NlaBuffer::value` borrows from the buffer's copy; so the octets are cut here.
    let attributes = NlasIterator::new(octets).map_while(Result::ok);
    attributes.map(|attribute| {
        let end = usize::from(attribute.length());
        (attribute.kind(), &attribute.into_inner()[ALIGNMENT..end])
    })
}

fn ipv4(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}

/// A string that ends at its first zero. Interface names may hold any octets; one
/// that is not UTF-8 cannot be in a configuration either.
fn text(value: &[u8]) -> Option<String> {
    let end = value.iter().position(|&octet| octet == 0).unwrap_or(value.len());
    Some(str::from_utf8(&value[..end]).ok()?.to_owned())
}
