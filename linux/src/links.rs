//! All heartbeat links of the node: hearing them in turn, sending on all, following
//! their devices, and trying again what failed. The failure of one link is that
//! link's: the others go on. Nothing is decided here; the core is told what each link
//! is good for.

use std::io;

use latido_core::LinkState;
use latido_core::id::LinkId;
use latido_core::time::{Duration, Instant};

use crate::link::{Link, is_device_absent};
use crate::netlink::{Change, Network};

/// Datagrams that one turn hears, of all links together.
const FRAMES_PER_TURN: usize = 256;
/// From one try to open a link that cannot be used to the next.
const RETRY: Duration = Duration::from_secs(1);

/// The links, in the order of the configuration.
#[derive(Debug)]
pub(crate) struct Links {
    places: Vec<Place>,
    /// The link that is heard next, so that a flood on one does not silence the rest.
    next: usize,
    heard: usize,
}

/// One link and what is known about it.
#[derive(Debug)]
struct Place {
    link: Link,
    /// What the core takes it for.
    state: LinkState,
    /// Whether its device has a carrier, as it last said.
    carrier: bool,
    /// Whether it has been told that it cannot be used.
    unusable: bool,
    /// When to try again, while it cannot be used.
    retry: Option<Instant>,
    /// Whether it has been told that nothing can be sent.
    mute: bool,
}

impl FromIterator<Link> for Links {
    fn from_iter<T: IntoIterator<Item = Link>>(links: T) -> Self {
        let place = |link| Place {
            link,
            // Taken to be up until looked at, so that only what is amiss is told.
            state: LinkState::Up,
            carrier: true,
            unusable: false,
            retry: None,
            mute: false,
        };
        Self { places: links.into_iter().map(place).collect(), next: 0, heard: 0 }
    }
}

impl Links {
    /// Opens all links whose devices are there.
    ///
    /// # Errors
    /// If none could be opened, and not only because the devices are missing: these may
    /// still come.
    pub(crate) fn open(&mut self, now: Instant, network: &mut Network) -> io::Result<()> {
        let mut refusal = None;
        for place in &mut self.places {
            match place.open(now, network) {
                Ok(()) => {}
                Err(error) if is_device_absent(&error) => {}
                Err(error) => refusal = refusal.or(Some(place.refusal(&error))),
            }
        }
        match refusal {
            Some(refusal) if self.places.iter().all(|place| !place.link.is_open()) => Err(refusal),
            Some(_) | None => Ok(()),
        }
    }

    /// The links that are open, for polling.
    pub(crate) fn fds(&self) -> impl Iterator<Item = std::os::fd::BorrowedFd<'_>> {
        self.places.iter().filter_map(|place| place.link.as_fd())
    }

    /// When [`Self::next_change`] has something to try again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.places.iter().filter_map(|place| place.retry).min()
    }

    /// Begins a turn, in which [`Self::receive`] hears a bounded number of datagrams.
    pub(crate) const fn begin_turn(&mut self) {
        self.heard = 0;
    }

    /// Whether this turn has heard all it may, so that more may wait.
    pub(crate) const fn is_behind(&self) -> bool {
        self.heard >= FRAMES_PER_TURN
    }

    /// The next datagram and its true length, which may exceed `buffer`: of each link
    /// in turn.
    pub(crate) fn receive(&mut self, now: Instant, buffer: &mut [u8]) -> Option<(LinkId, usize)> {
        if self.is_behind() {
            return None;
        }
        for _ in 0..self.places.len() {
            let at = self.next;
            self.next = (at + 1) % self.places.len();
            let place = &mut self.places[at];
            match place.link.receive(buffer) {
                Ok(Some(length)) => {
                    self.heard += 1;
                    place.recovered();
                    return Some((id(at), length));
                }
                Ok(None) => {}
                // The monitor tells what becomes of the device.
                Err(error) if is_device_absent(&error) => {}
                Err(error) => place.fail(now, &error),
            }
        }
        None
    }

    /// Sends `datagram` on every link that carries anything.
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        for place in &mut self.places {
            // What goes out without a carrier is heard by nobody but ourselves, as if the
            // link were up.
            if !place.link.is_open() || !place.carrier {
                continue;
            }
            let sent = place.link.send(datagram);
            let device = place.link.device();
            match sent {
                Ok(()) if place.mute => {
                    log::info!(target: "heartbeat", "heartbeats are sent on {device} again");
                    place.mute = false;
                }
                Err(error) if !place.mute && !is_device_absent(&error) => {
                    log::warn!(target: "heartbeat", "heartbeats are not sent on {device}: {error}");
                    place.mute = true;
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Takes in what has changed about interfaces and addresses.
    pub(crate) fn follow(&mut self, change: &Change) {
        for place in &mut self.places {
            place.follow(change);
        }
    }

    /// Opens links that can be opened again, and tells the next link that is no longer
    /// what the core takes it for.
    pub(crate) fn next_change(
        &mut self,
        now: Instant,
        network: &mut Network,
    ) -> Option<(LinkId, LinkState)> {
        for (at, place) in self.places.iter_mut().enumerate() {
            let state = place.look(now, network);
            if state != place.state {
                place.state = state;
                return Some((id(at), state));
            }
        }
        None
    }
}

fn id(at: usize) -> LinkId {
    LinkId(u8::try_from(at).expect("links are few"))
}

impl Place {
    fn look(&mut self, now: Instant, network: &mut Network) -> LinkState {
        let waits = self.retry.is_some_and(|retry| now < retry);
        if !self.link.is_open() && (waits || self.open(now, network).is_err()) {
            return LinkState::Missing;
        }
        if self.carrier { LinkState::Up } else { LinkState::Down }
    }

    /// Opens the link and asks whether its device has a carrier: the monitor tells only
    /// what changes.
    fn open(&mut self, now: Instant, network: &mut Network) -> io::Result<()> {
        self.retry = None;
        match self.link.open() {
            Ok(()) => {
                let interface = network.interface(self.link.device());
                // Where the kernel does not say, what it tells later decides.
                self.carrier = interface.ok().flatten().is_none_or(|interface| interface.carrier);
                Ok(())
            }
            Err(error) if is_device_absent(&error) => Err(error),
            Err(error) => {
                self.fail(now, &error);
                Err(error)
            }
        }
    }

    fn follow(&mut self, change: &Change) {
        let ours = self.link.index();
        match change {
            Change::Link { name, index, carrier, removed, .. } if name == self.link.device() => {
                self.carrier = *carrier;
                if *removed || ours.is_some_and(|open| open != *index) {
                    self.link.close();
                }
            }
            // A device that was given another name is no longer the one we mean.
            Change::Link { .. } => {}
            Change::AddressAdded { index, .. } | Change::AddressRemoved { index, .. } => {
                if ours == Some(*index) && self.link.refresh().is_err() {
                    self.link.close();
                }
            }
            // What was missed may be anything: it is opened and asked anew.
            Change::Overrun => self.link.close(),
        }
    }

    /// The link cannot be used now, though its device is there.
    fn fail(&mut self, now: Instant, error: &io::Error) {
        self.link.close();
        self.retry = Some(now.after(RETRY));
        if !self.unusable {
            log::warn!(target: "heartbeat", "{}", self.complaint(error));
            self.unusable = true;
        }
    }

    /// Something was heard: to be opened alone is no proof.
    fn recovered(&mut self) {
        if self.unusable {
            let (device, port) = (self.link.device(), self.link.port());
            log::info!(target: "heartbeat", "{device}: UDP port {port} can be used again");
            self.unusable = false;
        }
    }

    fn complaint(&self, error: &io::Error) -> String {
        format!("{}: UDP port {} cannot be used: {error}", self.link.device(), self.link.port())
    }

    /// Why the node does not start, with what to do about it.
    fn refusal(&self, error: &io::Error) -> io::Error {
        let help = match error.kind() {
            io::ErrorKind::PermissionDenied => "latido run needs root".to_owned(),
            _ => format!("`ss -ulpn 'sport = :{}'` shows who uses it", self.link.port()),
        };
        io::Error::new(error.kind(), format!("{}; {help}", self.complaint(error)))
    }
}

#[cfg(test)]
mod tests;
