//! The scenarios of the lab, one file each. A scenario is a function over the lab: it does
//! something, states what must follow and within which time, and ends with what it measured.

mod cables;
mod cold;
mod cord;
mod loss;
mod restart;
mod switchover;
mod wiring;

use std::io;
use std::time::{Duration, Instant};

use super::node::Host::{self, Corman, Rabius};
use super::stage::Lab;
use super::summary::Figures;
use super::world::World;

/// One scenario.
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// One line for `--list`.
    pub(crate) summary: &'static str,
    /// Plays it; an error is an expectation that was not met.
    pub(crate) play: fn(&mut Lab) -> io::Result<Figures>,
}

/// Every scenario, the default first.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "cord",
        summary: "corman's power cord is pulled, rabius serves, corman returns and takes back",
        play: cord::play,
    },
    Scenario {
        name: "switchover",
        summary: "corman hands over to rabius on request, and takes back (--bare: no apache2)",
        play: switchover::play,
    },
    Scenario {
        name: "cold",
        summary: "both nodes start at once; how long until the first answer",
        play: cold::play,
    },
    Scenario {
        name: "cables",
        summary: "cables are pulled and plugged in, one after the other and all at once",
        play: cables::play,
    },
    Scenario {
        name: "restart",
        summary: "the daemon alone is killed and comes back, before and after deadtime",
        play: restart::play,
    },
    Scenario {
        name: "loss",
        summary: "every fifth frame between the nodes is lost for 20 s, and nothing moves",
        play: loss::play,
    },
    Scenario {
        name: "wiring",
        summary: "the network alone, without the cluster: the address is moved by hand",
        play: wiring::play,
    },
];

/// What programs may take beyond the cluster's own times.
const SLACK: Duration = Duration::from_secs(5);

/// How long a start may take, the ten seconds of a handshake that nobody answers included.
fn start_bound(lab: &Lab) -> Duration {
    lab.timings().initdead + Duration::from_secs(10) + SLACK
}

/// Whether `host` alone holds the address and answers.
fn serves(host: Host) -> impl Fn(&World) -> bool {
    move |world| world.served_by(host) && world.only_holder() == Some(host)
}

/// Starts both nodes until corman serves. Returns when the first daemon was started.
fn start(lab: &mut Lab) -> io::Result<Instant> {
    lab.phase("both nodes start");
    for host in [Corman, Rabius] {
        lab.power_on(host)?;
        if lab.bare() {
            // The client needs someone to answer behind the address.
            let started = lab.service(host, "start")?;
            expect(started.code == Some(0), &format!("apache2 start: {started:?}"))?;
        }
    }
    let begun = Instant::now();
    for host in [Corman, Rabius] {
        lab.start_daemon(host)?;
    }
    lab.wait_until("corman serves", start_bound(lab), serves(Corman))?;
    settle(lab, Corman)?;
    Ok(begun)
}

/// Lets two heartbeats pass in which `host` alone holds the address and answers.
fn settle(lab: &mut Lab, host: Host) -> io::Result<()> {
    let quiet = 2 * lab.timings().keepalive;
    lab.stay(&format!("{} serves", host.name()), quiet, serves(host))
}

/// Fails if a node was taken for dead after `from`. That a ping node is missed is no such thing.
fn nobody_dead(lab: &mut Lab, from: Instant) -> io::Result<()> {
    Host::BOTH
        .into_iter()
        .try_for_each(|host| lab.never_said(&format!("node {}: is dead", host.name()), from))
}

/// What is left out where `nft` is missing or refused; in CI that is a failure.
fn left_out(lab: &mut Lab, what: &str, error: io::Error) -> io::Result<String> {
    if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        return Err(error);
    }
    let text = format!("{what} needs nft: {error}");
    lab.step(&text);
    Ok(text)
}

fn expect(so: bool, otherwise: &str) -> io::Result<()> {
    if so { Ok(()) } else { Err(io::Error::other(otherwise.to_owned())) }
}
