//! A network namespace without a name, and the links, addresses and routes in it, by netlink.
//! What is connected with what is `network`'s business.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::sched::{CloneFlags, setns, unshare};

use super::doing;

/// `RTMGRP_IPV4_IFADDR`: changes of IPv4 addresses.
const ADDRESS_GROUP: u32 = 1 << 4;

/// One network namespace; it goes away when this and its last process have gone.
pub(super) struct Netns {
    file: File,
    route: Socket,
}

/// One end of a cable: in which namespace, under which name and interface index.
pub(super) struct End<'a> {
    pub(super) netns: &'a Netns,
    pub(super) name: &'a str,
    pub(super) index: u32,
}

impl Netns {
    /// A new namespace with its loopback up and IPv6 off.
    pub(super) fn new() -> io::Result<Self> {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            for scope in ["all", "default"] {
                // A kernel without IPv6 has no such file, and needs none.
                let file = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
                if fs::exists(&file)? {
                    fs::write(file, "1")?;
                }
            }
            Ok(Self {
                file: File::open("/proc/thread-self/ns/net")?,
                route: Socket::new(NETLINK_ROUTE)?,
            })
        });
        let netns: io::Result<Self> = made.join().expect("no step of it panics");
        let netns = netns.map_err(doing("a network namespace"))?;
        netns.set_link("lo", true)?;
        Ok(netns)
    }

    /// Runs `work` on a thread of this namespace and waits for it.
    pub(super) fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    self.enter()?;
                    Ok(work())
                })
                .join()
                .expect("what runs in a namespace does not panic")
        })
    }

    /// Moves the calling thread into this namespace for the rest of its life.
    pub(super) fn enter(&self) -> io::Result<()> {
        Ok(setns(&self.file, CloneFlags::CLONE_NEWNET)?)
    }

    /// Another hold on this namespace, for a thread that outlives the borrow.
    pub(super) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// A program that is going to run in this namespace.
    pub(super) fn command(&self, program: &str) -> io::Result<Command> {
        let file = self.file()?;
        let mut command = Command::new(program);
        // SAFETY: setns is a plain system call, which is allowed between fork and exec.
        unsafe {
            command.pre_exec(move || Ok(setns(&file, CloneFlags::CLONE_NEWNET)?));
        }
        Ok(command)
    }

    /// Sets a kernel variable, named below `/proc/sys/net/ipv4`.
    pub(super) fn sysctl(&self, name: &str, value: &str) -> io::Result<()> {
        let file = format!("/proc/sys/net/ipv4/{name}");
        self.within(|| fs::write(file, value))?.map_err(doing(format!("net.ipv4 {name}")))
    }

    /// A socket that hears of every change of an IPv4 address here.
    pub(super) fn address_monitor(&self) -> io::Result<Socket> {
        self.within(|| {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, ADDRESS_GROUP))?;
            Ok(socket)
        })?
    }

    /// Makes a bridge and raises it.
    pub(super) fn add_bridge(&self, name: &str) -> io::Result<()> {
        let mut link = LinkMessage::default();
        link.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]),
        ];
        self.request(RouteNetlinkMessage::NewLink(link), NLM_F_CREATE | NLM_F_EXCL)
            .map_err(doing(format!("bridge {name}")))?;
        self.set_link(name, true)
    }

    /// Lays a cable: `near` is here (and its `netns` this one), `far` may be anywhere.
    pub(super) fn add_cable(near: &End<'_>, far: &End<'_>) -> io::Result<()> {
        let describe = |end: &End<'_>| {
            let mut link = LinkMessage::default();
            link.header.index = end.index;
            link.attributes = vec![
                LinkAttribute::IfName(end.name.to_owned()),
                LinkAttribute::NetNsFd(end.netns.file.as_raw_fd()),
            ];
            link
        };
        let mut link = describe(near);
        link.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(describe(far)))),
        ]));
        near.netns
            .request(RouteNetlinkMessage::NewLink(link), NLM_F_CREATE | NLM_F_EXCL)
            .map_err(doing(format!("cable {} to {}", near.name, far.name)))?;
        Ok(())
    }

    /// Removes a link, and the other end of its cable with it; none of that name is no error.
    pub(super) fn remove_link(&self, name: &str) -> io::Result<()> {
        let mut link = LinkMessage::default();
        match self.link(name) {
            Ok(found) => link.header.index = found.header.index,
            Err(_) => return Ok(()),
        }
        self.request(RouteNetlinkMessage::DelLink(link), 0)
            .map(drop)
            .map_err(doing(format!("removing {name}")))
    }

    /// Makes a link a port of a bridge.
    pub(super) fn attach(&self, port: &str, bridge: &str) -> io::Result<()> {
        let mut link = LinkMessage::default();
        link.header.index = self.link(port)?.header.index;
        link.attributes = vec![LinkAttribute::Controller(self.link(bridge)?.header.index)];
        self.request(RouteNetlinkMessage::SetLink(link), 0)
            .map(drop)
            .map_err(doing(format!("{port} on {bridge}")))
    }

    /// Raises or lowers a link.
    pub(super) fn set_link(&self, name: &str, up: bool) -> io::Result<()> {
        let mut link = LinkMessage::default();
        link.header.index = self.link(name)?.header.index;
        link.header.change_mask = LinkFlags::Up;
        link.header.flags.set(LinkFlags::Up, up);
        self.request(RouteNetlinkMessage::SetLink(link), 0)
            .map(drop)
            .map_err(doing(format!("{name} {}", if up { "up" } else { "down" })))
    }

    /// What the kernel says of a link.
    pub(super) fn link(&self, name: &str) -> io::Result<LinkMessage> {
        let mut link = LinkMessage::default();
        link.attributes = vec![LinkAttribute::IfName(name.to_owned())];
        match self.request(RouteNetlinkMessage::GetLink(link), 0) {
            Ok(Some(RouteNetlinkMessage::NewLink(found))) => Ok(found),
            Ok(_) => Err(io::Error::other(format!("{name}: no answer about it"))),
            Err(error) => Err(doing(name)(error)),
        }
    }

    /// Whether the link is up and hears its other end.
    pub(super) fn has_carrier(&self, name: &str) -> io::Result<bool> {
        Ok(self.link(name)?.header.flags.contains(LinkFlags::LowerUp))
    }

    /// Puts an address on a link.
    pub(super) fn add_address(
        &self,
        link: &str,
        address: Ipv4Addr,
        label: Option<&str>,
    ) -> io::Result<()> {
        let message = RouteNetlinkMessage::NewAddress(self.address(link, address, label)?);
        self.request(message, NLM_F_CREATE | NLM_F_REPLACE)
            .map(drop)
            .map_err(doing(format!("{address} on {link}")))
    }

    /// Takes an address off a link.
    pub(super) fn remove_address(&self, link: &str, address: Ipv4Addr) -> io::Result<()> {
        let message = RouteNetlinkMessage::DelAddress(self.address(link, address, None)?);
        self.request(message, 0).map(drop).map_err(doing(format!("{address} off {link}")))
    }

    fn address(
        &self,
        link: &str,
        address: Ipv4Addr,
        label: Option<&str>,
    ) -> io::Result<AddressMessage> {
        let [a, b, c, _] = address.octets();
        let mut message = AddressMessage::default();
        message.header.family = AddressFamily::Inet;
        message.header.prefix_len = 24;
        message.header.index = self.link(link)?.header.index;
        message.attributes = vec![
            AddressAttribute::Local(address.into()),
            AddressAttribute::Address(address.into()),
            AddressAttribute::Broadcast(Ipv4Addr::new(a, b, c, 255)),
        ];
        message.attributes.extend(label.map(|label| AddressAttribute::Label(label.to_owned())));
        Ok(message)
    }

    /// Adds a route to `destination` (address and prefix length); 0.0.0.0/0 is the default route.
    pub(super) fn add_route(
        &self,
        destination: (Ipv4Addr, u8),
        gateway: Ipv4Addr,
    ) -> io::Result<()> {
        let mut route = RouteMessage::default();
        route.header.address_family = AddressFamily::Inet;
        route.header.destination_prefix_length = destination.1;
        route.header.table = RouteHeader::RT_TABLE_MAIN;
        route.header.protocol = RouteProtocol::Boot;
        route.header.scope = RouteScope::Universe;
        route.header.kind = RouteType::Unicast;
        route.attributes = vec![RouteAttribute::Gateway(RouteAddress::Inet(gateway))];
        if destination.1 > 0 {
            let address = RouteAddress::Inet(destination.0);
            route.attributes.push(RouteAttribute::Destination(address));
        }
        self.request(RouteNetlinkMessage::NewRoute(route), NLM_F_CREATE | NLM_F_REPLACE)
            .map(drop)
            .map_err(doing(format!("route via {gateway}")))
    }

    /// Asks the kernel and waits for its verdict; what it tells before that is the result.
    fn request(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> io::Result<Option<RouteNetlinkMessage>> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let mut packet = NetlinkMessage::new(header, NetlinkPayload::from(message));
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        self.route.send_to(&bytes, &SocketAddr::new(0, 0), 0)?;
        let mut told = None;
        loop {
            let (received, _) = self.route.recv_from_full()?;
            for message in messages(&received) {
                match message.payload {
                    NetlinkPayload::Error(error) if error.code.is_some() => {
                        return Err(error.to_io());
                    }
                    NetlinkPayload::Error(_) => return Ok(told),
                    NetlinkPayload::InnerMessage(inner) => told = Some(inner),
                    _ => {}
                }
            }
        }
    }
}

/// The messages of one netlink datagram, up to the first that is not understood.
pub(super) fn messages(
    datagram: &[u8],
) -> impl Iterator<Item = NetlinkMessage<RouteNetlinkMessage>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let message = NetlinkMessage::deserialize(rest).ok()?;
        let length = usize::try_from(message.header.length).ok()?.next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
        Some(message)
    })
}
