//! Bad cables: a fifth of all frames is lost in both directions on both links, for twenty
//! seconds. Over two links a beat gets through often enough, so that nobody is taken for dead.

use std::io;
use std::time::Duration;

use super::{left_out, nobody_dead, serves, settle, start};
use crate::lab::node::Host::Corman;
use crate::lab::stage::Lab;
use crate::lab::summary::Figures;

/// How many frames of a hundred are lost.
const LOSS_PERCENT: u8 = 20;
/// How long they are.
const TIME: Duration = Duration::from_secs(20);

/// Plays it.
pub(super) fn play(lab: &mut Lab) -> io::Result<Figures> {
    let begun = start(lab)?;
    let mut missing = Vec::new();
    match lab.loss(LOSS_PERCENT) {
        Ok(_) => {
            lab.stay("the address stays on corman", TIME, |world| {
                world.only_holder() == Some(Corman)
            })?;
            lab.loss(0)?;
        }
        Err(error) => missing.push(left_out(lab, "the loss", error)?),
    }
    lab.wait_until("corman serves", Duration::from_secs(1), serves(Corman))?;
    settle(lab, Corman)?;
    nobody_dead(lab, begun)?;
    let gap = lab.longest_silence(begun)?;
    let mut figures = Figures::new(
        "Nothing moved. The client, whose frames were lost too, had no answer for {} at most.",
        gap,
    );
    figures.left_out = missing;
    Ok(figures)
}
