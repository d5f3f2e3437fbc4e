//! The service addresses: what `IPaddr2` and `IPaddr` in haresources stand for.
//!
//! An address that is held is a level: it is there, and comes back when somebody
//! removes it; one that is released goes, and goes again. Whoever takes an address
//! says so on the segment (gratuitous ARP), always, even if it was there before.
//! Nothing is decided here: the core orders groups, their procedures call us.

use std::io;
use std::net::Ipv4Addr;

use latido_core::id::GroupId;
use latido_core::procedure::{Condition, Ending, Exit, Verb};
use latido_core::time::{Duration, Instant};

use crate::arp::Announcer;
use crate::config::Configuration;
use crate::config::address::Address as Meant;
use crate::netlink::{Address, Change, Interface, Network};
use crate::resources::{BuiltIn, Entry, ResourceSpec};
use latido_core::notice::Severity;

/// The exit code that is told for an address that cannot be brought up or down.
const FAILED: u8 = 1;
/// From one try to put an address right to the next.
const RETRY: Duration = Duration::from_secs(1);

/// All service addresses of haresources, and the means to move them.
#[derive(Debug)]
pub(crate) struct Addresses {
    network: Network,
    announcer: Announcer,
    places: Vec<Place>,
    said: Vec<Entry>,
}

/// One address of one group.
#[derive(Debug)]
struct Place {
    group: GroupId,
    spec: ResourceSpec,
    address: Meant,
    wanted: Wanted,
    /// Whether something has changed that may concern it.
    dirty: bool,
    /// When to look at it again, while it is not as it was ordered to be.
    retry: Option<Instant>,
    /// Whether it has been told that it is not as it was ordered to be.
    told: bool,
}

impl Place {
    /// Takes an order, which ends what was wrong with the one before.
    fn order(&mut self, wanted: Wanted) {
        (self.wanted, self.dirty, self.retry, self.told) = (wanted, false, None, false);
    }
}

/// What has been ordered of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Nothing yet: it is left as it is.
    Undecided,
    Present,
    Absent,
}

impl Addresses {
    /// The addresses of `configuration`, untouched.
    ///
    /// # Errors
    /// If a socket cannot be opened, which mostly means missing privileges.
    pub(crate) fn open(configuration: &Configuration) -> io::Result<Self> {
        let mut places = Vec::new();
        for (group, line) in (0..).map(GroupId).zip(&configuration.groups) {
            for resource in &line.resources {
                if let Some(address) = resource.address.clone() {
                    let (name, args) = (resource.name.clone(), resource.args.clone());
                    let spec = ResourceSpec { name, args };
                    places.push(Place {
                        group,
                        spec,
                        address,
                        wanted: Wanted::Undecided,
                        dirty: false,
                        retry: None,
                        told: false,
                    });
                }
            }
        }
        let (network, announcer) = (Network::open()?, Announcer::open()?);
        Ok(Self { network, announcer, places, said: Vec::new() })
    }

    /// The kernel, to be asked about other things too.
    pub(crate) const fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The groups of which an address is here already.
    pub(crate) fn found(&mut self) -> io::Result<Vec<GroupId>> {
        let present = self.network.addresses()?;
        let here = |place: &&Place| present.iter().any(|found| found.ip == place.address.ip);
        Ok(self.places.iter().filter(here).map(|place| place.group).collect())
    }

    /// Tells the segment again where the addresses of `group` are.
    pub(crate) fn announce(&mut self, now: Instant, group: GroupId) {
        for at in 0..self.places.len() {
            let place = &self.places[at];
            if place.group == group && place.wanted == Wanted::Present {
                self.announce_place(now, at);
            }
        }
    }

    /// Notes which addresses `change` may concern, for [`Self::reconcile`].
    pub(crate) fn note(&mut self, change: &Change) {
        for place in &mut self.places {
            let ip = place.address.ip;
            place.dirty |= match change {
                // Any other address may bring the subnet that this one waits for.
                Change::AddressAdded { ip: changed, .. } => *changed == ip || place.retry.is_some(),
                Change::AddressRemoved { ip: changed, .. } => *changed == ip,
                Change::Link { removed, .. } => !removed,
                Change::Overrun => true,
            };
        }
    }

    /// Puts right what somebody else has changed, as far as it was noted. What cannot
    /// be put right now is tried again, by [`Self::advance`] and after changes.
    pub(crate) fn reconcile(&mut self, now: Instant) {
        let concerned = |place: &Place| place.dirty && place.wanted != Wanted::Undecided;
        if !self.places.iter().any(concerned) {
            return;
        }
        // One look for all of them: a change of many addresses is no reason for many.
        let present = self.network.addresses();
        for at in 0..self.places.len() {
            if !concerned(&self.places[at]) {
                continue;
            }
            self.places[at].dirty = false;
            let ip = self.places[at].address.ip;
            match &present {
                Ok(present) => self.settle(now, at, present.iter().any(|found| found.ip == ip)),
                // Nothing is known; so nothing is told either.
                Err(_) => self.places[at].retry = Some(now.after(RETRY)),
            }
        }
    }

    /// Makes one address what it was ordered to be; it `is_present` or not.
    fn settle(&mut self, now: Instant, at: usize, is_present: bool) {
        let Place { wanted, told, .. } = self.places[at];
        let ip = self.places[at].address.ip;
        let mut outcome = Ok(());
        if !is_present {
            self.announcer.cancel(ip);
        }
        match (wanted, is_present) {
            (Wanted::Present, false) => match self.put(at) {
                Ok(interface) => {
                    self.say(Severity::Warning, format!("{ip} was removed: put back"));
                    self.announce_at(now, ip, &interface);
                }
                Err(error) => {
                    if !told {
                        self.say(
                            Severity::Warning,
                            format!("{ip} is missing and cannot be put back: {error}"),
                        );
                    }
                    outcome = Err(error);
                }
            },
            (Wanted::Absent, true) => match self.take_down(at) {
                Ok(()) => self.say(Severity::Warning, format!("{ip} is not ours to have: removed")),
                Err(error) => {
                    if !told {
                        self.say(Severity::Error, format!("{ip} cannot be removed: {error}"));
                    }
                    outcome = Err(error);
                }
            },
            (Wanted::Present, true) if told => {
                self.say(Severity::Info, format!("{ip} is back: somebody else has put it there"));
                self.announce_place(now, at);
            }
            (Wanted::Undecided | Wanted::Present | Wanted::Absent, _) => {}
        }
        self.places[at].told = outcome.is_err();
        self.places[at].retry = outcome.is_err().then(|| now.after(RETRY));
    }

    /// When [`Self::advance`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let retries = self.places.iter().filter_map(|place| place.retry);
        retries.chain(self.announcer.deadline()).min()
    }

    /// Sends the gratuitous ARP frames that are due, and tries again what could not be
    /// put right.
    pub(crate) fn advance(&mut self, now: Instant) {
        if let Err(error) = self.announcer.advance(now) {
            self.say(Severity::Warning, format!("gratuitous ARP was not sent: {error}"));
        }
        for place in &mut self.places {
            place.dirty |= place.retry.is_some_and(|retry| retry <= now);
        }
        self.reconcile(now);
    }

    /// What there is to say since the last call.
    pub(crate) fn said(&mut self) -> impl Iterator<Item = Entry> {
        self.said.drain(..)
    }

    fn say(&mut self, severity: Severity, text: String) {
        self.said.push(Entry { severity: Some(severity), text });
    }

    /// The interface that the address goes to, and its prefix length there.
    fn site(&mut self, at: usize) -> io::Result<(Interface, u8, String)> {
        let address = self.places[at].address.clone();
        let device = match &address.device {
            Some(device) => device.clone(),
            None => self.device_for(address.ip)?,
        };
        let interface = self.network.interface(&device)?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("there is no interface {device}"))
        })?;
        let prefix = match address.prefix {
            Some(prefix) => prefix,
            None => self.prefix_on(interface.index, address.ip)?,
        };
        Ok((interface, prefix, address.label.unwrap_or(device)))
    }

    /// The interface whose subnet holds `ip`.
    fn device_for(&mut self, ip: Ipv4Addr) -> io::Result<String> {
        let subnet_has = |found: &Address| covers(found.ip, found.prefix, ip);
        let found = self.network.addresses()?.into_iter().find(subnet_has);
        let found = found.ok_or_else(|| {
            let text = format!("no interface has a subnet with {ip}: name one, as in {ip}/24/eth0");
            io::Error::new(io::ErrorKind::NotFound, text)
        })?;
        // A label begins with the device's name.
        let label = found.label.split(':').next().unwrap_or_default();
        Ok(label.to_owned())
    }

    fn prefix_on(&mut self, index: u32, ip: Ipv4Addr) -> io::Result<u8> {
        let all = self.network.addresses()?;
        let fits = |found: &&Address| found.index == index && covers(found.ip, found.prefix, ip);
        Ok(all.iter().find(fits).map_or(32, |found| found.prefix))
    }

    fn bring_up(&mut self, now: Instant, at: usize) -> io::Result<()> {
        let interface = self.put(at)?;
        let ip = self.places[at].address.ip;
        self.announcer.announce(now, interface.index, interface.mac, ip)
    }

    /// Gives the address to its interface, which is then up.
    fn put(&mut self, at: usize) -> io::Result<Interface> {
        let (interface, prefix, label) = self.site(at)?;
        let address = &self.places[at].address;
        let ip = address.ip;
        let broadcast = address.broadcast.unwrap_or_else(|| last_of(ip, prefix));
        self.network.add_address(interface.index, ip, prefix, broadcast, &label)?;
        if !interface.up {
            self.network.set_up(interface.index)?;
        }
        Ok(interface)
    }

    fn announce_place(&mut self, now: Instant, at: usize) {
        let ip = self.places[at].address.ip;
        match self.site(at) {
            Ok((interface, ..)) => self.announce_at(now, ip, &interface),
            Err(error) => self.say_unannounced(ip, &error),
        }
    }

    fn announce_at(&mut self, now: Instant, ip: Ipv4Addr, interface: &Interface) {
        if let Err(error) = self.announcer.announce(now, interface.index, interface.mac, ip) {
            self.say_unannounced(ip, &error);
        }
    }

    fn say_unannounced(&mut self, ip: Ipv4Addr, error: &io::Error) {
        self.say(Severity::Warning, format!("{ip} was not announced: {error}"));
    }

    /// Removes the address from every interface that has it.
    fn take_down(&mut self, at: usize) -> io::Result<()> {
        let ip = self.places[at].address.ip;
        self.announcer.cancel(ip);
        let before = self.network.addresses()?;
        let held: Vec<_> = before.iter().filter(|found| found.ip == ip).collect();
        for found in &held {
            self.network.delete_address(found.index, ip, found.prefix)?;
        }
        // Where the address had become the first of its subnet, after a flush say, the
        // kernel takes the later ones with it, the machine's own among them.
        let might_go = |other: &&Address| {
            let shares = |found: &&Address| {
                let same = (found.index, found.prefix) == (other.index, other.prefix);
                same && covers(found.ip, found.prefix, other.ip)
            };
            other.ip != ip && held.iter().any(shares)
        };
        let endangered: Vec<_> = before.iter().filter(might_go).collect();
        if !endangered.is_empty() {
            let after = self.network.addresses()?;
            for lost in endangered.into_iter().filter(|other| !after.contains(other)) {
                self.restore(ip, lost);
            }
        }
        Ok(())
    }

    /// Puts back what the kernel has taken together with `ip`.
    fn restore(&mut self, ip: Ipv4Addr, lost: &Address) {
        let released =
            |place: &Place| place.address.ip == lost.ip && place.wanted == Wanted::Absent;
        if self.places.iter().any(released) {
            return;
        }
        let broadcast = lost.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let (network, lost_ip) = (&mut self.network, lost.ip);
        match network.add_address(lost.index, lost_ip, lost.prefix, broadcast, &lost.label) {
            Ok(_) => self.say(Severity::Warning, format!("{lost_ip} went with {ip}: put back")),
            Err(error) => self.say(
                Severity::Error,
                format!("{lost_ip} went with {ip} and cannot be put back: {error}"),
            ),
        }
    }

    fn start(&mut self, now: Instant, at: usize) -> Exit {
        self.places[at].order(Wanted::Present);
        let ip = self.places[at].address.ip;
        match self.bring_up(now, at) {
            Ok(()) => Exit::Success,
            Err(error) => {
                self.say(Severity::Error, format!("{ip} cannot be brought up: {error}"));
                Exit::Failed { code: FAILED }
            }
        }
    }

    fn stop(&mut self, at: usize) -> Exit {
        self.places[at].order(Wanted::Absent);
        let ip = self.places[at].address.ip;
        match self.take_down(at) {
            Ok(()) => {
                self.say(Severity::Info, format!("IP Address {ip} released"));
                Exit::Success
            }
            Err(error) => {
                self.say(Severity::Error, format!("{ip} cannot be removed: {error}"));
                Exit::Failed { code: FAILED }
            }
        }
    }
}

impl BuiltIn for Addresses {
    fn run(
        &mut self,
        now: Instant,
        group: GroupId,
        resource: &ResourceSpec,
        verb: Verb,
    ) -> Option<Ending> {
        let meant = |place: &Place| place.group == group && place.spec == *resource;
        let at = self.places.iter().position(meant)?;
        Some(match verb {
            // An address that is here already is taken all the same, so that the
            // segment hears of it: the original never announces such a one.
            Verb::Status => Ending::Status(Condition::Stopped),
            Verb::Start => Ending::Start(self.start(now, at)),
            Verb::Stop => Ending::Stop(self.stop(at)),
        })
    }
}

/// Whether the subnet of `member`/`prefix` has `ip`.
fn covers(member: Ipv4Addr, prefix: u8, ip: Ipv4Addr) -> bool {
    let mask = mask(prefix);
    prefix < 32 && member.to_bits() & mask == ip.to_bits() & mask
}

/// The broadcast address of the subnet of `ip`/`prefix`; none for /31 and /32.
fn last_of(ip: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    if prefix >= 31 { Ipv4Addr::UNSPECIFIED } else { (ip.to_bits() | !mask(prefix)).into() }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0)
}

#[cfg(test)]
mod tests;
