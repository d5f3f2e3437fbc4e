//! Cables that are pulled while both nodes live. As long as the nodes hear each other over any
//! link nothing moves; what happens when they do not is shown, and how it heals.

use std::io;
use std::time::{Duration, Instant};

use super::{SLACK, expect, left_out, nobody_dead, serves, start};
use crate::lab::network::Segment;
use crate::lab::node::Host::{self, Corman, Rabius};
use crate::lab::stage::Lab;
use crate::lab::summary::Figures;

/// Plays it.
pub(super) fn play(lab: &mut Lab) -> io::Result<Figures> {
    let begun = start(lab)?;
    lab.phase("(a) the crossover cable, eth2");
    out_and_in(lab, Corman, "eth2", &[(Corman, "rabius:eth2"), (Rabius, "corman:eth2")])?;
    lab.phase("(b) the standby's service cable, rabius:eth0");
    out_and_in(lab, Rabius, "eth0", &[(Corman, "rabius:eth0"), (Rabius, "corman:eth0")])?;
    lab.phase("(c) heartbeats alone are lost on eth0");
    let left_out = heartbeats_dropped(lab)?;
    let undisturbed = lab.longest_silence(begun)?;
    lab.phase("(d) the active node's service cable, corman:eth0");
    let unreachable = active_unreachable(lab)?;
    nobody_dead(lab, begun)?;
    lab.phase("(e) every cable between the nodes");
    let split = split(lab)?;
    let mut figures = Figures::new(
        "While the nodes heard each other over any link, the longest time without an answer \
         was {}.",
        undisturbed,
    )
    .and(
        "unreachable_ms",
        "With the active node's cable out the service was unreachable for {}.",
        unreachable,
    )
    .and("split_ms", "The split of the cluster took the client {}.", split);
    figures.left_out = left_out;
    Ok(figures)
}

/// Pulls a cable until each of `links` was told dead, and plugs it in until each was told up.
/// The address does not move.
fn out_and_in(
    lab: &mut Lab,
    host: Host,
    interface: &str,
    links: &[(Host, &str)],
) -> io::Result<()> {
    let out = lab.cable(host, interface, false)?;
    links_told(lab, links, "dead", out)?;
    let plugged = lab.cable(host, interface, true)?;
    links_told(lab, links, "up", plugged)?;
    nobody_dead(lab, out)
}

/// Waits until each node has said of its link what it must, while corman goes on serving.
fn links_told(lab: &mut Lab, links: &[(Host, &str)], state: &str, from: Instant) -> io::Result<()> {
    let timings = *lab.timings();
    if state == "dead" {
        lab.expect_wait("a link is dead after deadtime", timings.deadtime);
    }
    for (host, link) in links {
        let said = format!("Link {link} {state}.");
        lab.wait_until(&format!("{} says: {said}", host.name()), timings.deadtime + SLACK, {
            let said = said.clone();
            move |world| world.said(*host, &said, from).is_some()
        })?;
    }
    lab.stay("the address stays on corman", 2 * timings.keepalive, |world| {
        world.only_holder() == Some(Corman)
    })
}

/// UDP 694 is dropped on eth0, whose carrier stays. The result says what could not be played.
fn heartbeats_dropped(lab: &mut Lab) -> io::Result<Vec<String>> {
    let links = [(Corman, "rabius:eth0"), (Rabius, "corman:eth0")];
    let dropped = match lab.silence(Segment::Clase, true) {
        Ok(dropped) => dropped,
        Err(error) => return Ok(vec![left_out(lab, "(c)", error)?]),
    };
    links_told(lab, &links, "dead", dropped)?;
    let passes = lab.silence(Segment::Clase, false)?;
    links_told(lab, &links, "up", passes)?;
    nobody_dead(lab, dropped)?;
    Ok(Vec::new())
}

/// Corman cannot be reached and knows it, but nobody is dead: the result is how long the client
/// went without an answer.
fn active_unreachable(lab: &mut Lab) -> io::Result<Duration> {
    let timings = *lab.timings();
    let out = lab.cable(Corman, "eth0", false)?;
    links_told(lab, &[(Rabius, "corman:eth0")], "dead", out)?;
    expect(!lab.world().served(), "the client is answered through a cable that is out")?;
    lab.step("service unreachable; moving it is ipfail's job, which this version does not have");
    let plugged = lab.cable(Corman, "eth0", true)?;
    links_told(lab, &[(Rabius, "corman:eth0")], "up", plugged)?;
    lab.wait_until("corman serves", timings.deadtime + SLACK, serves(Corman))?;
    lab.longest_silence(out)
}

/// Nobody hears anybody: both nodes hold the address, and the client meets the one that it can
/// reach. Healed, exactly one node holds it.
fn split(lab: &mut Lab) -> io::Result<Duration> {
    let timings = *lab.timings();
    lab.expect_wait("each node takes the other for dead after deadtime", timings.deadtime);
    let fault = lab.cable(Corman, "eth2", false)?;
    lab.cable(Corman, "eth0", false)?;
    lab.wait_until("both hold the address", timings.deadtime + SLACK, |world| {
        world.holds_vip(Corman) && world.holds_vip(Rabius) && world.served_by(Rabius)
    })?;
    for (host, other) in [(Corman, "rabius"), (Rabius, "corman")] {
        let said = format!("node {other}: is dead");
        lab.wait_until(&format!("{} says: {said}", host.name()), timings.deadtime + SLACK, {
            let said = said.clone();
            move |world| world.said(host, &said, fault).is_some()
        })?;
    }
    lab.step("split: both nodes hold the address, and the client can reach rabius alone");
    lab.stay("the cluster is split", 2 * timings.keepalive, |world| world.served_by(Rabius))?;
    let healed = lab.cable(Corman, "eth0", true)?;
    lab.cable(Corman, "eth2", true)?;
    lab.wait_until("corman alone has the address and answers", SLACK, serves(Corman))?;
    lab.wait_until("rabius hears corman again", SLACK, |world| {
        world.said(Rabius, "Status update for node corman: status active", healed).is_some()
    })?;
    // Both have announced the address until now, so the segment may need a moment.
    lab.stay("corman alone has the address", timings.deadtime + 2 * timings.keepalive, |world| {
        world.only_holder() == Some(Corman)
    })?;
    lab.wait_until("corman serves", SLACK, serves(Corman))?;
    lab.longest_silence(fault)
}
