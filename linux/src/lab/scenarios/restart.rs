//! The daemon alone dies; its node, the address on it and the service live on. It comes back
//! once before the other node has missed it, and once after that took over.

use std::io;
use std::time::{Duration, Instant};

use super::{SLACK, nobody_dead, serves, settle, start, start_bound};
use crate::lab::node::Host::{Corman, Rabius};
use crate::lab::stage::Lab;
use crate::lab::summary::Figures;

/// Plays it.
pub(super) fn play(lab: &mut Lab) -> io::Result<Figures> {
    start(lab)?;
    let before = before_deadtime(lab)?;
    let after = after_deadtime(lab)?;
    Ok(Figures::new("The longest time without an answer was {}.", before.max(after))
        .and("before_ms", "When the daemon came back before deadtime it was {}.", before)
        .and("after_ms", "When it came back after deadtime it was {}.", after))
}

/// What rabius does not notice must not disturb the client either.
fn before_deadtime(lab: &mut Lab) -> io::Result<Duration> {
    let timings = *lab.timings();
    lab.phase("corman's daemon is killed and started again before deadtime");
    let fault = lab.kill_daemon(Corman)?;
    lab.expect_wait("no daemon on corman, which still has the address", timings.deadtime / 2);
    lab.stay("corman still has the address", timings.deadtime / 2, |world| {
        world.holds_vip(Corman)
    })?;
    lab.start_daemon(Corman)?;
    let from = Instant::now();
    lab.wait_until("corman is active", start_bound(lab), |world| {
        world.said(Corman, "Local status now set to: 'active'", from).is_some()
    })?;
    lab.wait_until("corman serves", start_bound(lab), serves(Corman))?;
    // As long as it takes until somebody who was wrongly taken for dead would be replaced.
    lab.stay("one node has the address", timings.deadtime + 2 * timings.keepalive, |world| {
        world.only_holder().is_some()
    })?;
    lab.wait_until("corman serves", SLACK, serves(Corman))?;
    nobody_dead(lab, fault)?;
    lab.longest_silence(fault)
}

/// Rabius takes over; the address that was left on corman is dealt with when its daemon returns.
fn after_deadtime(lab: &mut Lab) -> io::Result<Duration> {
    let timings = *lab.timings();
    lab.phase("corman's daemon is killed and started again after deadtime");
    lab.expect_wait("rabius takes corman for dead after deadtime", timings.deadtime);
    let fault = lab.kill_daemon(Corman)?;
    lab.wait_until("rabius serves", timings.deadtime + SLACK, |world| {
        world.holds_vip(Rabius) && world.served_by(Rabius)
    })?;
    lab.step("both kernels have the address now: nobody is left on corman to remove it");
    lab.stay("rabius serves", 2 * timings.keepalive, |world| world.served_by(Rabius))?;
    lab.start_daemon(Corman)?;
    lab.wait_until("corman serves and is the only one", start_bound(lab), serves(Corman))?;
    settle(lab, Corman)?;
    lab.longest_silence(fault)
}
