//! What an operator does before maintenance: corman goes standby, rabius serves; then corman
//! takes everything back. Nobody dies, so that nobody waits for deadtime.

use std::io;
use std::time::{Duration, Instant};

use super::{SLACK, expect, nobody_dead, serves, settle, start};
use crate::lab::node::Host::{self, Corman, Rabius};
use crate::lab::stage::Lab;
use crate::lab::summary::Figures;

/// Plays it.
pub(super) fn play(lab: &mut Lab) -> io::Result<Figures> {
    let begun = start(lab)?;
    if lab.bare() {
        lab.step("apache2 runs on both nodes all the time, only the address moves");
    }

    lab.phase("corman goes standby: latido standby all");
    let there = hand_over(lab, "standby", Rabius)?;
    lab.phase("corman takes back: latido takeover all");
    let back = hand_over(lab, "takeover", Corman)?;
    nobody_dead(lab, begun)?;
    Ok(Figures::new("The longest time without an answer was {}.", there.max(back))
        .and("standby_ms", "Going standby took the client {},", there)
        .and("takeover_ms", "taking back {}.", back))
}

/// Asks corman for a move, after which `to` serves: the longest time without an answer.
fn hand_over(lab: &mut Lab, verb: &str, to: Host) -> io::Result<Duration> {
    lab.random_phase(lab.timings().keepalive)?;
    let asked = Instant::now();
    let answer = lab.latido(Corman, &[verb, "all"])?;
    expect(answer.code == Some(0), &format!("latido {verb} all: {answer:?}"))?;
    lab.wait_until(&format!("{} serves", to.name()), SLACK, serves(to))?;
    settle(lab, to)?;
    lab.longest_silence(asked)
}
