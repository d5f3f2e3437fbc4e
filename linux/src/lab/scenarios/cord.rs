//! The document's first test: corman serves, its power cord is pulled, rabius serves; corman
//! returns and takes back.

use std::io;
use std::time::{Duration, Instant};

use crate::lab::node::Host::{Corman, Rabius};
use crate::lab::stage::Lab;
use crate::lab::summary::Figures;

/// What programs may take beyond the cluster's own times.
const SLACK: Duration = Duration::from_secs(5);

/// Plays it.
pub(super) fn play(lab: &mut Lab) -> io::Result<Figures> {
    let timings = *lab.timings();
    // The handshake of a cold start may take its full ten seconds.
    let start = timings.initdead + Duration::from_secs(10) + SLACK;

    lab.step("both nodes start");
    for host in [Corman, Rabius] {
        lab.power_on(host)?;
    }
    for host in [Corman, Rabius] {
        lab.start_daemon(host)?;
    }
    lab.wait_until("corman serves", start, |world| {
        world.served_by(Corman) && world.only_holder() == Some(Corman)
    })?;
    let quiet = 2 * timings.keepalive;
    lab.stay("corman serves", quiet, |world| world.served_by(Corman))?;
    lab.random_phase(timings.keepalive)?;

    let fault = lab.death(Corman)?;
    lab.wait_until("rabius serves", timings.deadtime + SLACK, |world| {
        world.served_by(Rabius) && world.only_holder() == Some(Rabius)
    })?;
    let gap = lab.gap(fault, Rabius)?;
    lab.stay("rabius serves", quiet, |world| world.served_by(Rabius))?;

    lab.step("corman gets power again");
    let returned = Instant::now();
    lab.power_on(Corman)?;
    lab.start_daemon(Corman)?;
    lab.wait_until("corman has taken back", start, |world| {
        world.served_by(Corman) && world.only_holder() == Some(Corman)
    })?;
    lab.stay("corman serves", quiet, |world| {
        world.served_by(Corman) && world.only_holder() == Some(Corman)
    })?;
    let failback = lab.longest_silence(returned)?;
    Ok(Figures {
        gap,
        from_to: "from corman's death to rabius's first answer",
        more: vec![("failback_ms", failback)],
    })
}
