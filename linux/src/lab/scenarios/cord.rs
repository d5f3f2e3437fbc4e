//! The document's first test: corman serves, its power cord is pulled, rabius serves; corman
//! returns and takes back.

use std::io;
use std::time::Instant;

use super::{SLACK, serves, settle, start, start_bound};
use crate::lab::node::Host::{Corman, Rabius};
use crate::lab::stage::Lab;
use crate::lab::summary::Figures;

/// Plays it.
pub(super) fn play(lab: &mut Lab) -> io::Result<Figures> {
    let timings = *lab.timings();
    start(lab)?;
    lab.random_phase(timings.keepalive)?;

    lab.phase("corman dies");
    lab.expect_wait("rabius takes corman for dead after deadtime", timings.deadtime);
    let fault = lab.death(Corman)?;
    lab.wait_until("rabius serves", timings.deadtime + SLACK, serves(Rabius))?;
    let gap = lab.gap(fault, Rabius)?;
    settle(lab, Rabius)?;

    lab.phase("corman gets power again");
    let returned = Instant::now();
    lab.power_on(Corman)?;
    lab.start_daemon(Corman)?;
    lab.wait_until("corman has taken back", start_bound(lab), serves(Corman))?;
    settle(lab, Corman)?;
    let failback = lab.longest_silence(returned)?;
    Ok(Figures::new(
        "The service was away for {}, from corman's death to rabius's first answer.",
        gap,
    )
    .and("failback_ms", "When corman took it back, it was away for {}.", failback))
}
