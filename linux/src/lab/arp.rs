//! One gratuitous ARP request, for scenarios that move the virtual address by hand. The nodes
//! do not use it; the daemon announces its addresses itself.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use netlink_packet_route::link::LinkAttribute;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike, sendto, socket,
};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr,
};

use super::netns::Netns;

/// Says on an interface that `address` is to be found there.
pub(super) fn announce(netns: &Netns, interface: &str, address: Ipv4Addr) -> io::Result<()> {
    let link = netns.link(interface)?;
    let source = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Address(address) if address.len() == 6 => {
            Some(EthernetAddress::from_bytes(address))
        }
        _ => None,
    });
    let source = source.ok_or_else(|| io::Error::other(format!("{interface} has no address")))?;
    let frame = frame(source, address);
    let to = target(link.header.index)?;
    netns.within(|| {
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
        sendto(socket.as_raw_fd(), &frame, &to, MsgFlags::empty())?;
        Ok(())
    })?
}

fn frame(source: EthernetAddress, address: Ipv4Addr) -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: source,
        source_protocol_addr: address,
        target_hardware_addr: EthernetAddress::BROADCAST,
        target_protocol_addr: address,
    };
    let ethernet = EthernetRepr {
        src_addr: source,
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    };
    let mut bytes = vec![0; ethernet.buffer_len() + arp.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    arp.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}

/// The link-layer address that leaves the frame as it is, on one interface.
fn target(index: u32) -> io::Result<LinkAddr> {
    // SAFETY: every field of the structure is a number or an array of numbers.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).expect("it is 17");
    address.sll_ifindex = i32::try_from(index).map_err(io::Error::other)?;
    let length = u32::try_from(size_of::<libc::sockaddr_ll>()).expect("it is 20");
    // SAFETY: the pointer is to a whole sockaddr_ll of this length and this family.
    unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }
        .ok_or_else(|| io::Error::other("no link-layer address"))
}
