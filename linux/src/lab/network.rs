//! The document's network: four segments, two routers with NAT, the upstream gateway and the
//! place of a client. Nodes are plugged in by `node`; what runs on them is not known here.

use std::cell::Cell;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::{Child, Stdio};

use super::doing;
use super::netns::{End, Netns};
use super::root::PROGRAM;

/// The address that the active node holds.
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 10);
/// Where the client opens the service: router clase, public side.
pub(crate) const PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 251);
/// The provider's gateway, which the nodes ping.
pub(crate) const UPSTREAM: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const RAFA_PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 252);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 100);
const CLASE_LAN: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 1);
const RAFA_LAN: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 2);
const SERVICE_LAN: (Ipv4Addr, u8) = (Ipv4Addr::new(192, 168, 2, 0), 24);
const DEFAULT: (Ipv4Addr, u8) = (Ipv4Addr::UNSPECIFIED, 0);

/// Port forwarding of a router, and masquerading as every home router does it.
const NAT_RULES: &str = "table ip nat {
  chain prerouting { type nat hook prerouting priority dstnat;
    iifname \"wan\" tcp dport { 22, 80 } dnat to 192.168.2.10
  }
  chain postrouting { type nat hook postrouting priority srcnat;
    oifname \"wan\" masquerade
  }
}
";

/// What drops heartbeats on a segment and nothing else.
const SILENCE_RULES: &str = "table bridge silence {
  chain forward { type filter hook forward priority filter;
    ether type ip udp dport 694 drop
  }
}
";

/// What loses that many frames of a hundred on a segment, in both directions, by chance.
const LOSS_RULES: &str = "table bridge loss {
  chain forward { type filter hook forward priority filter;
    numgen random mod 100 < PERCENT drop
  }
}
";

/// The interfaces of the routers.
const LAN: &str = "lan";
const WAN: &str = "wan";
/// The bridge in the namespace of each segment.
const BRIDGE: &str = "switch";
/// Switch ports are numbered from here on: a veth pair with two equal interface indices would
/// take the kernel's slow path for a change of carrier.
const FIRST_PORT_INDEX: u32 = 100;

/// A piece of cable and a switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Segment {
    /// Router clase's LAN: both nodes' eth0.
    Clase,
    /// Router rafa's LAN: both nodes' eth1.
    Rafa,
    /// The crossover cable: both nodes' eth2.
    Crossover,
    /// 192.168.1.0/24: both routers, the upstream gateway and the client.
    Wan,
}

impl Segment {
    /// The segment into which a node's interface is plugged.
    pub(crate) fn of_interface(interface: &str) -> Self {
        match interface {
            "eth0" => Self::Clase,
            "eth1" => Self::Rafa,
            "eth2" => Self::Crossover,
            other => panic!("a node has no interface {other}"),
        }
    }
}

/// Who translates the routers' public ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nat {
    /// The kernel, by `nf_tables`.
    Kernel,
    /// A process on each router that copies the bytes of connections.
    Forwarder,
}

impl Nat {
    /// The word for it in output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Forwarder => "forwarder",
        }
    }
}

/// All of the network but the nodes.
pub(crate) struct Network {
    segments: [Netns; 4],
    routers: [Netns; 2],
    upstream: Netns,
    client: Netns,
    nat: Nat,
    forwarders: Vec<Child>,
    ports: Cell<u32>,
}

impl Network {
    /// Makes the network.
    ///
    /// # Errors
    /// What the kernel refused; with `CI` set, also a NAT that is not the kernel's.
    pub(super) fn build() -> io::Result<Self> {
        let mut network = Self {
            segments: [Netns::new()?, Netns::new()?, Netns::new()?, Netns::new()?],
            routers: [Netns::new()?, Netns::new()?],
            upstream: Netns::new()?,
            client: Netns::new()?,
            nat: Nat::Kernel,
            forwarders: Vec::new(),
            ports: Cell::new(FIRST_PORT_INDEX),
        };
        for segment in &network.segments {
            segment.add_bridge(BRIDGE)?;
        }
        let lans = [(Segment::Clase, "clase", CLASE_LAN), (Segment::Rafa, "rafa", RAFA_LAN)];
        for (router, ((segment, name, lan), wan)) in
            network.routers.iter().zip(lans.into_iter().zip([PUBLIC, RAFA_PUBLIC]))
        {
            network.plug(router, name, LAN, segment)?;
            network.plug(router, name, WAN, Segment::Wan)?;
            raise(router, LAN, lan)?;
            raise(router, WAN, wan)?;
            router.add_route(DEFAULT, UPSTREAM)?;
            router.sysctl("ip_forward", "1")?;
        }
        for (netns, name, address) in
            [(&network.upstream, "upstream", UPSTREAM), (&network.client, "client", CLIENT)]
        {
            network.plug(netns, name, "eth0", Segment::Wan)?;
            raise(netns, "eth0", address)?;
        }
        network.client.add_route(DEFAULT, UPSTREAM)?;
        // A connection every 5 ms must not meet the port of one that conntrack remembers.
        network.client.sysctl("ip_local_port_range", "1024 65535")?;
        network.translate()?;
        Ok(network)
    }

    /// Who does the NAT.
    pub(crate) fn nat(&self) -> Nat {
        self.nat
    }

    /// The namespace of the client.
    pub(super) fn client(&self) -> &Netns {
        &self.client
    }

    /// Lays a cable from `interface` of a host to a segment's switch, in place of the one that
    /// lay there.
    pub(super) fn plug(
        &self,
        netns: &Netns,
        host: &str,
        interface: &str,
        segment: Segment,
    ) -> io::Result<()> {
        let switch = self.segment(segment);
        let port = port(host, interface);
        switch.remove_link(&port)?;
        let index = self.ports.replace(self.ports.get() + 1);
        Netns::add_cable(
            &End { netns: switch, name: &port, index },
            &End { netns, name: interface, index: 0 },
        )?;
        switch.attach(&port, BRIDGE)?;
        switch.set_link(&port, true)
    }

    /// Pulls a cable out of its switch or puts it back; both ends see the carrier go or come.
    pub(super) fn cable(&self, host: &str, interface: &str, plugged: bool) -> io::Result<()> {
        let switch = self.segment(Segment::of_interface(interface));
        switch.set_link(&port(host, interface), plugged)
    }

    /// Drops UDP port 694 on a segment, or lets it pass again; the carrier stays.
    pub(super) fn silence(&self, segment: Segment, silent: bool) -> io::Result<()> {
        let rules = if silent { SILENCE_RULES } else { "delete table bridge silence\n" };
        nft(self.segment(segment), rules)
    }

    /// Loses a share of all frames on a segment, or loses none any more at 0 %.
    pub(super) fn loss(&self, segment: Segment, percent: u8) -> io::Result<()> {
        let rules = match percent {
            0 => "delete table bridge loss\n".to_owned(),
            some => LOSS_RULES.replace("PERCENT", &some.to_string()),
        };
        nft(self.segment(segment), &rules)
    }

    fn segment(&self, segment: Segment) -> &Netns {
        match segment {
            Segment::Clase => &self.segments[0],
            Segment::Rafa => &self.segments[1],
            Segment::Crossover => &self.segments[2],
            Segment::Wan => &self.segments[3],
        }
    }

    /// Gives the routers their NAT.
    fn translate(&mut self) -> io::Result<()> {
        let Err(error) = self.routers.iter().try_for_each(|router| nft(router, NAT_RULES)) else {
            return Ok(());
        };
        if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
            return Err(doing("in CI the NAT must be the kernel's")(error));
        }
        self.nat = Nat::Forwarder;
        for router in &self.routers {
            let mut command = router.command(PROGRAM)?;
            command.args(["lab-part", "forward"]).stdin(Stdio::null()).stdout(Stdio::piped());
            let mut child = command.spawn().map_err(doing("the forwarder"))?;
            // It closes its output as soon as it listens.
            let output = child.stdout.take().expect("it was piped");
            self.forwarders.push(child);
            io::read_to_string(output)?;
        }
        // Nobody masquerades now, so that answers to the nodes need a way back.
        self.upstream.add_route(SERVICE_LAN, PUBLIC)?;
        self.client.add_route(SERVICE_LAN, PUBLIC)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for forwarder in &mut self.forwarders {
            // One that has ended by itself cannot be killed, and need not be.
            let _ended = forwarder.kill();
            let _status = forwarder.wait();
        }
    }
}

/// The name of the switch port into which an interface is plugged.
fn port(host: &str, interface: &str) -> String {
    format!("{host}-{interface}")
}

/// Raises an interface with its address.
pub(super) fn raise(netns: &Netns, interface: &str, address: Ipv4Addr) -> io::Result<()> {
    netns.set_link(interface, true)?;
    netns.add_address(interface, address, None)
}

/// The default route of a node.
pub(super) fn default_route(netns: &Netns) -> io::Result<()> {
    netns.add_route(DEFAULT, CLASE_LAN)
}

/// Gives rules to the packet filter of a namespace.
fn nft(netns: &Netns, rules: &str) -> io::Result<()> {
    let mut command = netns.command("nft")?;
    command.env("PATH", super::node::PATH).args(["-f", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(doing("nft"))?;
    // An nft that ended before it read says why on stderr.
    let _written = child.stdin.take().expect("it was piped").write_all(rules.as_bytes());
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(doing("nft")(String::from_utf8_lossy(&output.stderr).trim()))
}
