//! A node as the lab holds it: its cables, its disk, the handle on its first process, and the
//! ears on its console and its addresses. What it is for is the scenario's business.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_sys::Socket;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::netns::{Netns, messages};
use super::network::{Network, Segment, VIP, default_route, raise};
use super::root::PROGRAM;
use super::timeline::{Event, What};
use super::{config, doing};

/// Where programs are looked for on a node.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long the first process may take to answer, the program that it runs included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Month, day, time, node and program stand before a log line's process number.
const LOG_WORDS: usize = 5;
/// Said of machines that boot, which takes longer than a node of the lab does.
const SHORT_INITDEAD: &str = ": initdead is short: ";

/// One of the two nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Host {
    /// The preferred node.
    Corman,
    /// The other one.
    Rabius,
}

impl Host {
    /// Both, in the order of `ha.cf`.
    pub(crate) const BOTH: [Self; 2] = [Self::Corman, Self::Rabius];

    /// Its `uname -n`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Corman => "corman",
            Self::Rabius => "rabius",
        }
    }

    /// Its addresses on eth0 and eth2.
    pub(crate) fn addresses(self) -> (Ipv4Addr, Ipv4Addr) {
        match self {
            Self::Corman => (Ipv4Addr::new(192, 168, 2, 5), Ipv4Addr::new(172, 168, 0, 1)),
            Self::Rabius => (Ipv4Addr::new(192, 168, 2, 20), Ipv4Addr::new(172, 168, 0, 2)),
        }
    }
}

/// How a program ended that the lab waited for.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its status; `None` after a signal.
    pub(crate) code: Option<i64>,
    /// What it wrote, both streams.
    pub(crate) output: String,
}

/// A node that has power.
pub(super) struct Node {
    host: Host,
    netns: Netns,
    /// Ends when the node's pid namespace is empty.
    shell: Child,
    init: Pid,
    control: UnixStream,
    answers: Receiver<Value>,
    /// The address monitor ends when this is dropped.
    _monitoring: UnixStream,
}

impl Node {
    /// Gives the node power: cables, addresses as `/etc/network/interfaces` has them, and its
    /// first process. Its disk is as it was left.
    pub(super) fn boot(host: Host, network: &Network, events: &Sender<Event>) -> io::Result<Self> {
        let netns = Netns::new()?;
        for interface in ["eth0", "eth1", "eth2"] {
            network.plug(&netns, host.name(), interface, Segment::of_interface(interface))?;
        }
        let (service, crossover) = host.addresses();
        raise(&netns, "eth0", service)?;
        raise(&netns, "eth2", crossover)?;
        default_route(&netns)?;
        let monitoring = monitor(host, netns.address_monitor()?, events.clone())?;

        let (control, far) = UnixStream::pair()?;
        let (console, written) = io::pipe()?;
        let mut command = netns.command(PROGRAM)?;
        command.args(["lab-part", "node", host.name()]);
        command.env_clear().env("PATH", PATH).env("LANG", "C").env("HOME", "/");
        command.stdin(OwnedFd::from(far)).stdout(written.try_clone()?).stderr(written);
        let shell = command.spawn().map_err(doing(host.name()))?;
        drop(command);
        listen(host, console, events.clone());
        let answers = converse(host, control.try_clone()?, events.clone());
        let mut node = Self {
            host,
            netns,
            shell,
            init: Pid::from_raw(0),
            control,
            answers,
            _monitoring: monitoring,
        };
        let mut ready = false;
        while node.init.as_raw() == 0 || !ready {
            let answer = node.answer()?;
            ready |= answer.get("ready").is_some();
            if let Some(pid) = answer.get("init").and_then(Value::as_i64) {
                node.init = Pid::from_raw(i32::try_from(pid).map_err(io::Error::other)?);
            }
        }
        Ok(node)
    }

    /// The node's network namespace.
    pub(super) fn netns(&self) -> &Netns {
        &self.netns
    }

    /// The first process, by its number in the lab's pid namespace.
    pub(super) fn init(&self) -> Pid {
        self.init
    }

    /// Starts a program that stays; its output is the node's console.
    pub(super) fn start(&mut self, program: &[&str]) -> io::Result<i64> {
        let answer = self.ask(&json!({ "start": program }))?;
        answer.get("pid").and_then(Value::as_i64).ok_or_else(|| io::Error::other("no pid"))
    }

    /// Runs a program to its end.
    pub(super) fn run(&mut self, program: &[&str]) -> io::Result<Ended> {
        let answer = self.ask(&json!({ "run": program }))?;
        let output = answer.get("output").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Ended { code: answer.get("code").and_then(Value::as_i64), output })
    }

    /// Sends a signal to a process that `start` started.
    pub(super) fn signal(&mut self, pid: i64, signal: Signal) -> io::Result<()> {
        self.ask(&json!({ "signal": signal as i32, "pid": pid })).map(drop)
    }

    /// Ends every process of the node at once and waits until none is left.
    pub(super) fn kill(mut self) -> io::Result<()> {
        kill(self.init, Signal::SIGKILL)?;
        self.shell.wait().map(drop)
    }

    fn ask(&mut self, request: &Value) -> io::Result<Value> {
        self.control.write_all(format!("{request}\n").as_bytes())?;
        let answer = self.answer()?;
        match answer.get("error").and_then(Value::as_str) {
            None => Ok(answer),
            Some(error) => Err(doing(self.host.name())(error)),
        }
    }

    fn answer(&mut self) -> io::Result<Value> {
        self.answers
            .recv_timeout(PATIENCE)
            .map_err(|_| io::Error::other(format!("{} does not answer", self.host.name())))
    }
}

/// Tells the timeline every line of the console, until its last writer has gone.
fn listen(host: Host, console: io::PipeReader, events: Sender<Event>) {
    thread::spawn(move || {
        for line in BufReader::new(console).lines().map_while(Result::ok) {
            if line.contains(SHORT_INITDEAD) {
                continue;
            }
            let what = What::Line { host, text: message(&line).to_owned() };
            if events.send(Event { at: Instant::now(), what }).is_err() {
                return;
            }
        }
    });
}

/// A log line without its date, node and program: `Nov 22 11:21:50 corman heartbeat: [28]: `.
fn message(line: &str) -> &str {
    let stripped = line.split_once("]: ").and_then(|(head, message)| {
        let (before, process) = head.rsplit_once(": [")?;
        let process = process.bytes().all(|octet| octet.is_ascii_digit());
        let words = before.split_ascii_whitespace().count();
        (process && words == LOG_WORDS).then_some(message)
    });
    stripped.unwrap_or(line)
}

/// Separates what the first process answers from what it tells unasked.
fn converse(host: Host, control: UnixStream, events: Sender<Event>) -> Receiver<Value> {
    let (answers, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(control).lines().map_while(Result::ok) {
            let Ok(said) = serde_json::from_str::<Value>(&line) else { continue };
            let end = said.get("end").and_then(Value::as_str).map(str::to_owned);
            let sent = match (said.get("exited").and_then(Value::as_i64), end) {
                (Some(pid), Some(end)) => {
                    let what = What::Exited { host, pid, end };
                    events.send(Event { at: Instant::now(), what }).is_ok()
                }
                _ => answers.send(said).is_ok(),
            };
            if !sent {
                return;
            }
        }
    });
    receiver
}

/// Tells the timeline when the virtual address appears and disappears; not asking the daemon
/// but the kernel. It ends when the result is dropped.
fn monitor(host: Host, socket: Socket, events: Sender<Event>) -> io::Result<UnixStream> {
    let (held, watched) = UnixStream::pair()?;
    thread::spawn(move || {
        // SAFETY: the socket lives in this thread for as long as the borrow does.
        let source = unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) };
        loop {
            let mut sources = [
                PollFd::new(source, PollFlags::POLLIN),
                PollFd::new(watched.as_fd(), PollFlags::POLLIN),
            ];
            if poll(&mut sources, PollTimeout::NONE).is_err() || sources[1].any() == Some(true) {
                return;
            }
            let at = Instant::now();
            let Ok((datagram, _)) = socket.recv_from_full() else { return };
            for message in messages(&datagram) {
                let (held, message) = match message.payload {
                    NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewAddress(new)) => {
                        (true, new)
                    }
                    NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelAddress(old)) => {
                        (false, old)
                    }
                    _ => continue,
                };
                if is_vip(&message) {
                    let what = What::Vip {
                        host,
                        held,
                        interface: message.header.index,
                        label: label(&message),
                    };
                    if events.send(Event { at, what }).is_err() {
                        return;
                    }
                }
            }
        }
    });
    Ok(held)
}

fn is_vip(message: &AddressMessage) -> bool {
    message.attributes.contains(&AddressAttribute::Local(IpAddr::V4(VIP)))
}

fn label(message: &AddressMessage) -> String {
    let mut labels = message.attributes.iter().filter_map(|attribute| match attribute {
        AddressAttribute::Label(label) => Some(label.clone()),
        _ => None,
    });
    labels.next().unwrap_or_default()
}

/// Writes the node's disk anew.
pub(super) fn install(host: Host, settings: config::Settings) -> io::Result<()> {
    config::install(host.name(), settings)
}

#[cfg(test)]
mod tests;
