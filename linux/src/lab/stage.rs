//! The lab in the hands of a scenario: break something, start something. What must follow is
//! waited for in [`expectation`].

mod expectation;

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::arp;
use super::client::Client;
use super::config::{self, Settings, Timings};
use super::doing;
use super::netns::Netns;
use super::network::{Nat, Network, Segment, VIP};
use super::node::{self, Ended, Host, Node};
use super::root::PROGRAM;
use super::scenarios::Scenario;
use super::summary::Outcome;
use super::svg;
use super::timeline::{Event, Timeline, What};
use super::world::{World, position};

/// Where the service's init script is on a node.
const SERVICE: &str = "/etc/init.d/apache2";

/// The whole lab.
pub(crate) struct Lab {
    // Dropped in this order: first who speaks, last what they speak over.
    client: Client,
    nodes: [Option<Node>; 2],
    network: Network,
    daemons: [Option<i64>; 2],
    /// A daemon that ended without being asked to, and how.
    fallen: Option<String>,
    /// Whether the next wait has been announced already.
    announced: bool,
    settings: Settings,
    world: World,
    timeline: Timeline,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

impl Lab {
    /// A lab with both nodes off and new disks in them, and a client that asks already.
    pub(super) fn new(
        network: Network,
        settings: Settings,
        timeline: Timeline,
    ) -> io::Result<Self> {
        for host in Host::BOTH {
            node::install(host, settings)?;
        }
        let (sender, events) = channel();
        let client = Client::start(network.client(), sender.clone())?;
        Ok(Self {
            client,
            nodes: [None, None],
            network,
            daemons: [None, None],
            fallen: None,
            announced: false,
            settings,
            world: World::default(),
            timeline,
            events,
            sender,
        })
    }

    /// Says what is not as it should be in this lab.
    pub(super) fn announce(&mut self) {
        if self.network.nat() == Nat::Forwarder {
            self.step(
                "nft is missing or refused: a forwarder on each router stands in for its NAT",
            );
        }
    }

    /// Plays a scenario to its end. What was only remembered is told when it fails.
    pub(super) fn play(&mut self, scenario: &Scenario) -> Outcome {
        let result = (scenario.play)(self);
        self.take_pending();
        self.timeline.finish();
        if result.is_err() {
            self.timeline.recall();
        }
        Outcome::new(result)
    }

    /// The timeline so far as a picture.
    pub(super) fn picture(&self, title: &str) -> String {
        let spans = self.client.spans();
        let (start, end) = (self.timeline.start(), Instant::now());
        svg::Picture { title, start, end, events: self.timeline.told(), spans: &spans }.draw()
    }

    /// Who does the NAT.
    pub(crate) fn nat(&self) -> Nat {
        self.network.nat()
    }

    /// The timings of the nodes.
    pub(crate) fn timings(&self) -> &Timings {
        &self.settings.timings
    }

    /// Whether the group is the address alone; the service then runs outside of the cluster.
    pub(crate) fn bare(&self) -> bool {
        self.settings.bare
    }

    /// What can be seen.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Begins a part of the scenario.
    pub(crate) fn phase(&mut self, text: &str) {
        self.take(Event { at: Instant::now(), what: What::Phase(text.to_owned()) });
    }

    /// Says what the scenario does next.
    pub(crate) fn step(&mut self, text: &str) {
        self.take(Event { at: Instant::now(), what: What::Step(text.to_owned()) });
    }

    /// Says what breaks now; times count from the result.
    pub(crate) fn fault(&mut self, text: &str) -> Instant {
        let at = Instant::now();
        self.take(Event { at, what: What::Fault(text.to_owned()) });
        at
    }

    /// Gives a node power. The daemon is started by `start_daemon`.
    pub(crate) fn power_on(&mut self, host: Host) -> io::Result<()> {
        assert!(self.nodes[position(host)].is_none(), "{} has power", host.name());
        let node = Node::boot(host, &self.network, &self.sender)?;
        self.nodes[position(host)] = Some(node);
        self.take(Event { at: Instant::now(), what: What::Power { host, on: true } });
        Ok(())
    }

    /// Pulls a node's power cord: its links and every process of it end at once, and nothing
    /// is said on the wire. Returns the moment.
    pub(crate) fn death(&mut self, host: Host) -> io::Result<Instant> {
        let node = self.nodes[position(host)].take();
        let node = node.ok_or_else(|| doing(host.name())("it has no power"))?;
        let fault = Instant::now();
        for interface in ["eth0", "eth1", "eth2"] {
            self.network.cable(host.name(), interface, false)?;
        }
        node.kill()?;
        self.daemons[position(host)] = None;
        let text = format!("{}'s power cord is pulled", host.name());
        self.take(Event { at: fault, what: What::Fault(text) });
        self.take(Event { at: fault, what: What::Power { host, on: false } });
        // The kernel object lives on for a moment, but nobody can reach an address in it.
        self.take_pending();
        for interface in self.world.vip_interfaces(host).clone() {
            let what = What::Vip { host, held: false, interface, label: String::new() };
            self.take(Event { at: fault, what });
        }
        Ok(fault)
    }

    /// Pulls the cable of an interface, or puts it back.
    pub(crate) fn cable(
        &mut self,
        host: Host,
        interface: &str,
        plugged: bool,
    ) -> io::Result<Instant> {
        let done = if plugged { "plugged in" } else { "pulled out" };
        let at = self.fault(&format!("cable {}:{interface} is {done}", host.name()));
        self.network.cable(host.name(), interface, plugged)?;
        Ok(at)
    }

    /// Drops UDP 694, and that alone, on a segment, or lets it pass again.
    pub(crate) fn silence(&mut self, segment: Segment, silent: bool) -> io::Result<Instant> {
        let done = if silent { "dropped" } else { "let through" };
        let interface = match segment {
            Segment::Clase => "eth0",
            Segment::Rafa => "eth1",
            Segment::Crossover => "eth2",
            Segment::Wan => "the public side",
        };
        // Before, so that nothing that follows from it can be earlier.
        let at = Instant::now();
        self.network.silence(segment, silent)?;
        let text = format!("UDP 694, and that alone, is {done} on {interface}");
        self.take(Event { at, what: What::Fault(text) });
        Ok(at)
    }

    /// Loses a share of all frames between the nodes, or none any more at 0 %.
    pub(crate) fn loss(&mut self, percent: u8) -> io::Result<Instant> {
        let at = Instant::now();
        for segment in [Segment::Clase, Segment::Crossover] {
            self.network.loss(segment, percent)?;
        }
        let text = match percent {
            0 => "no frame is lost any more".to_owned(),
            some => format!("{some} % of all frames are lost on eth0 and eth2"),
        };
        self.take(Event { at, what: What::Fault(text) });
        Ok(at)
    }

    /// Starts the cluster's daemon on a node; its standard error is the node's console. When it
    /// ends without a signal from the scenario, the scenario has failed.
    pub(crate) fn start_daemon(&mut self, host: Host) -> io::Result<i64> {
        self.take(Event { at: Instant::now(), what: What::Started { host } });
        let pid = self.start(host, &[PROGRAM, "run"])?;
        self.daemons[position(host)] = Some(pid);
        Ok(pid)
    }

    /// Kills the daemon of a node and nothing else. Returns the moment.
    pub(crate) fn kill_daemon(&mut self, host: Host) -> io::Result<Instant> {
        let pid = self.daemons[position(host)];
        let pid = pid.ok_or_else(|| doing(host.name())("no daemon runs"))?;
        let at = self.fault(&format!("{}'s latido run gets SIGKILL", host.name()));
        self.signal(host, pid, Signal::SIGKILL)?;
        Ok(at)
    }

    /// Starts a program that stays; the result is its number on the node.
    pub(crate) fn start(&mut self, host: Host, program: &[&str]) -> io::Result<i64> {
        self.node(host)?.start(program)
    }

    /// Sends a signal to a program that was started; the rest of the node lives on.
    pub(crate) fn signal(&mut self, host: Host, pid: i64, signal: Signal) -> io::Result<()> {
        self.daemons[position(host)].take_if(|daemon| *daemon == pid);
        self.node(host)?.signal(pid, signal)
    }

    /// Runs a program on a node to its end. A daemon that it leaves must not keep its output.
    pub(crate) fn run(&mut self, host: Host, program: &[&str]) -> io::Result<Ended> {
        self.node(host)?.run(program)
    }

    /// Runs this program's own command line on a node, for example `status --json`.
    pub(crate) fn latido(&mut self, host: Host, arguments: &[&str]) -> io::Result<Ended> {
        let mut program = vec![PROGRAM];
        program.extend(arguments);
        self.run(host, &program)
    }

    /// Calls the init script of the service on a node.
    pub(crate) fn service(&mut self, host: Host, verb: &str) -> io::Result<Ended> {
        self.run(host, &[SERVICE, verb])
    }

    /// Puts the virtual address on a node by hand and says so by gratuitous ARP.
    pub(crate) fn add_vip(&mut self, host: Host) -> io::Result<()> {
        let netns = self.netns(host)?;
        netns.add_address("eth0", VIP, Some("eth0:0"))?;
        arp::announce(netns, "eth0", VIP)
    }

    /// Takes the virtual address off a node by hand.
    pub(crate) fn remove_vip(&mut self, host: Host) -> io::Result<()> {
        self.netns(host)?.remove_address("eth0", VIP)
    }

    /// Reads a file of a node's disk (`/etc` or `/var`), whether it has power or not.
    pub(crate) fn read(&self, host: Host, path: &str) -> io::Result<String> {
        let file = on_disk(host, path);
        fs::read_to_string(&file).map_err(doing(file.display()))
    }

    /// Writes a file on a node's disk (`/etc` or `/var`).
    pub(crate) fn write(&self, host: Host, path: &str, text: &str) -> io::Result<()> {
        let file = on_disk(host, path);
        fs::write(&file, text).map_err(doing(file.display()))
    }

    /// Runs `work` on a thread in the network namespace of a node.
    pub(crate) fn within<T: Send>(
        &self,
        host: Host,
        work: impl FnOnce() -> T + Send,
    ) -> io::Result<T> {
        self.netns(host)?.within(work)
    }

    /// Whether an interface of a node hears its other end.
    pub(crate) fn has_carrier(&self, host: Host, interface: &str) -> io::Result<bool> {
        self.netns(host)?.has_carrier(interface)
    }

    /// Which pid namespace the processes of a node are in, as `/proc` names it.
    pub(crate) fn pid_namespace(&self, host: Host) -> io::Result<String> {
        let node = self.nodes[position(host)].as_ref();
        let node = node.ok_or_else(|| doing(host.name())("it has no power"))?;
        pid_namespace(Path::new(&format!("/proc/{}", node.init())))
    }

    /// How many processes of this pid namespace there are.
    pub(crate) fn processes(&self, namespace: &str) -> io::Result<usize> {
        let mut count = 0;
        for entry in fs::read_dir("/proc")? {
            // A process that ends while we look is not counted.
            let found = pid_namespace(&entry?.path());
            count += usize::from(found.is_ok_and(|found| found == namespace));
        }
        Ok(count)
    }

    /// Stays as it is until the supervisor is ended, and says how to look around.
    pub(super) fn keep(&mut self, outer: &File) -> ! {
        for host in Host::BOTH {
            let line = match self.outer_pid(host, outer) {
                Ok(pid) => format!(
                    "{}: nsenter --target {pid} --user --preserve-credentials --mount --uts \
                     --ipc --net --pid sh",
                    host.name()
                ),
                Err(error) => format!("{}: {error}", host.name()),
            };
            self.step(&line);
        }
        self.step("the lab stays until Ctrl-C");
        loop {
            self.listen(Duration::MAX);
        }
    }

    /// The process number of a node's first process, as the machine outside counts.
    fn outer_pid(&self, host: Host, outer: &File) -> io::Result<String> {
        let wanted = self.pid_namespace(host)?;
        let outer = format!("/proc/self/fd/{}", outer.as_raw_fd());
        for entry in fs::read_dir(outer)? {
            let path = entry?.path();
            let here = pid_namespace(&path).is_ok_and(|found| found == wanted);
            let status = fs::read_to_string(path.join("status")).unwrap_or_default();
            let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            // The last of its numbers is the one in its innermost namespace.
            if here && ids.is_some_and(|ids| ids.ends_with("\t1")) {
                return Ok(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
            }
        }
        Err(doing(host.name())("its first process is not to be seen"))
    }

    fn node(&mut self, host: Host) -> io::Result<&mut Node> {
        let node = self.nodes[position(host)].as_mut();
        node.ok_or_else(|| doing(host.name())("it has no power"))
    }

    fn netns(&self, host: Host) -> io::Result<&Netns> {
        let node = self.nodes[position(host)].as_ref();
        node.map(Node::netns).ok_or_else(|| doing(host.name())("it has no power"))
    }

    /// Takes what happens within `patience`, one event at most.
    fn listen(&mut self, patience: Duration) {
        self.timeline.write_due();
        let now = Instant::now();
        let writing = self.timeline.deadline().map(|at| at.saturating_duration_since(now));
        let patience = writing.map_or(patience, |writing| writing.min(patience));
        match self.events.recv_timeout(patience) {
            Ok(event) => self.take(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => unreachable!("the lab holds a sender"),
        }
    }

    fn take_pending(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        if let What::Exited { host, pid, end } = &event.what
            && self.daemons[position(*host)].take_if(|daemon| *daemon == *pid).is_some()
        {
            self.fallen = Some(format!("the daemon of {} ended: {end}", host.name()));
        }
        self.world.learn(&event);
        self.timeline.take(event);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for node in self.nodes.iter_mut().filter_map(Option::take) {
            // A node that died by itself is what its end is for.
            let _gone = node.kill();
        }
    }
}

/// Where a file of a node is in the lab's own root.
fn on_disk(host: Host, path: &str) -> PathBuf {
    config::disk(host.name()).join(path.trim_start_matches('/'))
}

fn pid_namespace(process: &Path) -> io::Result<String> {
    Ok(fs::read_link(process.join("ns/pid"))?.to_string_lossy().into_owned())
}

/// The address of a node on eth2.
pub(crate) fn crossover(host: Host) -> Ipv4Addr {
    host.addresses().1
}
