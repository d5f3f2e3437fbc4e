//! The edge: everything that the node touches, behind two verbs.
//!
//! [`Os::wait`] sleeps until something happens or is due; [`Os::next_event`] then
//! hands out what happened, in the order of the core's contract: first what was
//! received, last that time has passed; [`Os::execute`] carries out what the core
//! wants. It decides nothing. A flood cannot hold it up: a turn hears a bounded
//! number of datagrams, and tells the core when more wait.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;

use latido_core::id::{Generation, GroupId, LinkId, NodeId};
use latido_core::limits::{DATAGRAM_MAX, FRAME_MAX, LINKS_MAX};
use latido_core::time::{Duration, Instant};
use latido_core::{
    Action, Actions, Command, Event, LinkState, Node, NodeKind, Stamp, Transmission,
};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::{SfdFlags, SigSet, SignalFd};
use nix::sys::time::{TimeSpec, TimeValLike};

use crate::addresses::Addresses;
use crate::control::{Asker, Control, Request};
use crate::echo::Echo;
use crate::links::Links;
use crate::load::Load;
use crate::netlink::Monitor;
use crate::resources::Resources;
use crate::scribe::Records;
use crate::{clock, document, journal, reboot};

/// Changes of interfaces and addresses that one turn takes in; more wait in the socket.
const CHANGES_PER_TURN: usize = 64;
/// Echo replies that one turn hears.
const REPLIES_PER_TURN: usize = 64;
/// The signals that are taken. The original's daemon knows the last two, and to die of
/// them would leave the resources without one.
const SIGNALS: [Signal; 5] =
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2];
/// Descriptors polled at once: links, children of every group, and the rest.
const POLLED_MAX: usize = LINKS_MAX + 2 * latido_core::limits::GROUPS_MAX + 16;

/// What the node is given to work with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) links: Links,
    pub(crate) echo: Option<Echo>,
    /// The address of each node of the configuration that is a ping node.
    pub(crate) ping_nodes: Vec<Option<Ipv4Addr>>,
    pub(crate) monitor: Monitor,
    pub(crate) addresses: Addresses,
    pub(crate) resources: Resources,
    pub(crate) control: Control,
    pub(crate) records: Records,
    pub(crate) names: Vec<Vec<String>>,
    /// Whether packets that were not believed are worth a log line.
    pub(crate) log_badpack: bool,
}

/// The edge of one node.
#[derive(Debug)]
pub(crate) struct Os {
    parts: Parts,
    signals: SignalFd,
    load: Load,
    stage: Stage,
    /// Echo replies of this turn, those that nobody waits for too.
    replies: usize,
    /// Whether it has been told that echo replies cannot be received.
    echo_fails: bool,
    found: Vec<GroupId>,
    asker: Option<Asker>,
    readers: Vec<Asker>,
    stopped: bool,
    received: [u8; DATAGRAM_MAX],
    sent: [u8; FRAME_MAX],
}

/// How far a turn has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Found,
    Frames,
    Replies,
    Links,
    Settled,
    Commands,
    Time,
    SettledLate,
}

impl Os {
    /// Takes the signals that mean something to a daemon, and the parts, and opens the
    /// links: the monitor listens by now, so that no change falls between.
    ///
    /// # Errors
    /// If the signals cannot be taken, or if no link can be used ([`Links::open`]).
    pub(crate) fn new(mut parts: Parts, found: Vec<GroupId>) -> io::Result<Self> {
        let mut signals = SigSet::empty();
        for signal in SIGNALS {
            signals.add(signal);
        }
        signals.thread_block()?;
        parts.links.open(clock::now(), parts.addresses.network())?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self {
            signals: SignalFd::with_flags(&signals, flags)?,
            load: Load::open(),
            stage: Stage::Found,
            replies: 0,
            echo_fails: false,
            found,
            asker: None,
            readers: Vec::new(),
            stopped: false,
            received: [0; DATAGRAM_MAX],
            sent: [0; FRAME_MAX],
            parts,
        })
    }

    /// Whether the core has ended the process.
    pub(crate) const fn stopped(&self) -> bool {
        self.stopped
    }

    /// Sleeps until a descriptor is ready or `deadline` has come, and reads the
    /// clock: once a turn, here.
    pub(crate) fn wait(&mut self, deadline: Instant) -> io::Result<Instant> {
        let now = clock::now();
        let more = self.stage == Stage::Found || self.parts.links.is_behind();
        self.parts.links.begin_turn();
        self.replies = 0;
        self.parts.control.begin_turn();
        let parts = &self.parts;
        let (links, addresses) = (parts.links.deadline(), parts.addresses.deadline());
        let due = [links, addresses, parts.resources.deadline()];
        let due = due.into_iter().flatten().fold(deadline, Instant::min);
        let sleep = if more { Duration::ZERO } else { due.since(now) };
        let mut polled = heapless::Vec::<PollFd<'_>, POLLED_MAX>::new();
        let fixed = [parts.monitor.as_fd(), self.signals.as_fd()];
        let echo = parts.echo.as_ref().map(Echo::as_fd);
        let others = parts.resources.fds().chain(parts.control.fds());
        for fd in parts.links.fds().chain(fixed).chain(echo).chain(others) {
            if polled.push(PollFd::new(fd, PollFlags::POLLIN)).is_err() {
                break; // What is not polled now is looked at in every turn all the same.
            }
        }
        let micros = i64::try_from(sleep.as_micros()).unwrap_or(i64::MAX);
        match ppoll(&mut polled, Some(TimeSpec::microseconds(micros)), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(clock::now()),
            Err(error) => Err(error.into()),
        }
    }

    /// The next thing that has happened, or none when the turn is over. `deadline` is
    /// the node's.
    pub(crate) fn next_event(
        &mut self,
        now: Instant,
        deadline: Instant,
    ) -> io::Result<Option<Event<'_>>> {
        loop {
            match self.stage {
                Stage::Found => match self.found.pop() {
                    Some(group) => {
                        self.parts.resources.found(now, group);
                        return Ok(Some(Event::Found { group }));
                    }
                    None => self.stage = Stage::Frames,
                },
                Stage::Frames => match self.parts.links.receive(now, &mut self.received) {
                    Some((link, length)) => {
                        let frame = &self.received[..length.min(DATAGRAM_MAX)];
                        return Ok(Some(Event::Received { link, frame }));
                    }
                    None => self.stage = Stage::Replies,
                },
                Stage::Replies => match self.next_reply() {
                    Some((node, token)) => return Ok(Some(Event::Replied { node, token })),
                    None => {
                        self.follow(now)?;
                        self.stage = Stage::Links;
                    }
                },
                Stage::Links => match self.next_link_change(now) {
                    Some((link, state)) => return Ok(Some(Event::LinkChanged { link, state })),
                    None => self.stage = Stage::Settled,
                },
                Stage::Settled => match self.next_settled(now) {
                    Some(settled) => return Ok(Some(settled)),
                    None => self.stage = Stage::Commands,
                },
                Stage::Commands => match self.next_command()? {
                    Some(command) => return Ok(Some(Event::Commanded(command))),
                    None => self.stage = Stage::Time,
                },
                Stage::Time => {
                    self.stage = Stage::SettledLate;
                    self.parts.addresses.advance(now);
                    if deadline <= now {
                        let behind = self.parts.links.is_behind();
                        return Ok(Some(Event::Ticked { behind }));
                    }
                }
                Stage::SettledLate => match self.next_settled(now) {
                    Some(settled) => return Ok(Some(settled)),
                    None => {
                        self.stage = Stage::Frames;
                        return Ok(None);
                    }
                },
            }
        }
    }

    fn next_reply(&mut self) -> Option<(NodeId, u64)> {
        let echo = self.parts.echo.as_mut()?;
        while self.replies < REPLIES_PER_TURN {
            self.replies += 1;
            let (from, token) = match echo.receive() {
                Ok(reply) => reply?,
                Err(error) => {
                    // To the core it is silence.
                    if !self.echo_fails {
                        log::warn!(target: "heartbeat", "ping replies are not heard: {error}");
                    }
                    self.echo_fails = true;
                    return None;
                }
            };
            let place = self.parts.ping_nodes.iter().position(|node| *node == Some(from));
            if let Some(place) = place {
                return Some((NodeId(u8::try_from(place).expect("nodes are few")), token));
            }
        }
        None
    }

    /// Takes in what changed about interfaces and addresses, once a turn and boundedly,
    /// and then puts the addresses right.
    fn follow(&mut self, now: Instant) -> io::Result<()> {
        for _ in 0..CHANGES_PER_TURN {
            let Some(change) = self.parts.monitor.next()? else { break };
            self.parts.links.follow(&change);
            self.parts.addresses.note(&change);
        }
        self.parts.addresses.reconcile(now);
        Ok(())
    }

    fn next_link_change(&mut self, now: Instant) -> Option<(LinkId, LinkState)> {
        self.parts.links.next_change(now, self.parts.addresses.network())
    }

    /// Goes on with the groups; the next order that has been carried out.
    fn next_settled(&mut self, now: Instant) -> Option<Event<'static>> {
        let parts = &mut self.parts;
        parts.resources.advance(now, &mut parts.addresses, &mut |entry| {
            journal::tell_entry(&entry);
        });
        for entry in parts.addresses.said() {
            journal::tell_entry(&entry);
        }
        if let Some((group, _)) = parts.resources.reboot_wanted() {
            log::error!(target: "heartbeat", "Group {} does not stop: restarting.", group.0);
            if let Err(error) = reboot::restart_machine() {
                log::error!(target: "heartbeat", "The machine does not restart: {error}");
            }
        }
        let (group, order, outcome) = parts.resources.next_settled()?;
        Some(Event::Settled { group, order, outcome })
    }

    fn next_command(&mut self) -> io::Result<Option<Command>> {
        while let Some(signal) = self.signals.read_signal()? {
            let number = i32::try_from(signal.ssi_signo).unwrap_or_default();
            match Signal::try_from(number) {
                Ok(Signal::SIGTERM | Signal::SIGINT) => return Ok(Some(Command::Shutdown)),
                Ok(signal @ (Signal::SIGUSR1 | Signal::SIGUSR2)) => log::info!(
                    target: "heartbeat",
                    "{signal} has no meaning here: the log level is `debug` in ha.cf."
                ),
                // The scribe looks for a renamed log file at every line.
                Ok(_) | Err(_) => log::info!(
                    target: "heartbeat",
                    "SIGHUP: the configuration is read at the start only; restart to use changes."
                ),
            }
        }
        while let Some((request, asker)) = self.parts.control.next() {
            match request {
                Request::Status => self.readers.push(asker),
                Request::Act(command) => {
                    self.asker = Some(asker);
                    return Ok(Some(command));
                }
            }
        }
        Ok(None)
    }

    /// Carries out what the core wants.
    pub(crate) fn execute(&mut self, now: Instant, node: &Node, actions: &Actions) {
        let mut said = String::new();
        for action in actions {
            match *action {
                Action::Send(transmission) => self.send(node, &transmission),
                Action::Probe { node, token } => self.probe(node, token),
                Action::Own { group, order, ownership } => {
                    self.parts.resources.order(now, group, order, ownership);
                }
                Action::Announce { group } => self.parts.addresses.announce(now, group),
                Action::Record { node: other, generation } => {
                    self.record(node.config().name(other), generation);
                }
                Action::Exit => self.stopped = true,
                Action::Tell(notice) => {
                    if self.asker.is_some() {
                        said.push_str(&format!("{}\n", notice.line(node.config())));
                    }
                    if self.parts.log_badpack || !notice.is_about_a_bad_packet() {
                        journal::tell(notice, node.config());
                    }
                }
            }
        }
        if let Some(asker) = self.asker.take() {
            asker.answer(if said.is_empty() { unsaid(actions) } else { &said });
        }
    }

    fn send(&mut self, node: &Node, transmission: &Transmission) {
        let stamp = Stamp { unix_seconds: clock::unix_seconds(), load: self.load.read() };
        let length = node.render(transmission, &stamp, &mut self.sent);
        self.parts.links.send(&self.sent[..length]);
    }

    fn probe(&mut self, node: NodeId, token: u64) {
        let target = self.parts.ping_nodes.get(node.index()).copied().flatten();
        if let (Some(echo), Some(target)) = (&mut self.parts.echo, target)
            && let Err(error) = echo.send(target, token)
        {
            // Silence is what the core judges; why there is silence is for the curious.
            log::debug!(target: "heartbeat", "ping {target}: {error}");
        }
    }

    fn record(&mut self, other: &str, generation: Generation) {
        self.parts.records.keep(other, generation);
    }

    /// Answers those who only want to look.
    pub(crate) fn answer(&mut self, now: Instant, node: &Node) {
        for asker in self.readers.drain(..) {
            let document = document::document(node, now, &self.parts.names);
            asker.answer(&format!("{document}\n"));
        }
    }
}

/// The answer to a command about which the core has nothing to say.
fn unsaid(actions: &Actions) -> &'static str {
    let mut answer = "nothing to do\n";
    for action in actions {
        match action {
            Action::Send(_) => return "asked the other node\n",
            Action::Own { .. } => answer = "under way\n",
            Action::Probe { .. }
            | Action::Announce { .. }
            | Action::Record { .. }
            | Action::Exit
            | Action::Tell(_) => {}
        }
    }
    answer
}

/// The node's ping nodes, by their place in the configuration.
pub(crate) fn ping_nodes(node: &Node) -> Vec<Option<Ipv4Addr>> {
    let config = node.config();
    node.nodes()
        .map(|view| match view.kind {
            NodeKind::Normal => None,
            NodeKind::Ping => config.name(view.node).parse().ok(),
        })
        .collect()
}

#[cfg(test)]
mod tests;
