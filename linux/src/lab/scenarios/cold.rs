//! Both nodes start at once, as after a power cut.

use std::io;

use super::{nobody_dead, start};
use crate::lab::node::Host::Corman;
use crate::lab::stage::Lab;
use crate::lab::summary::Figures;

/// Plays it.
pub(super) fn play(lab: &mut Lab) -> io::Result<Figures> {
    let begun = start(lab)?;
    nobody_dead(lab, begun)?;
    let gap = lab.gap(begun, Corman)?;
    Ok(Figures::new("The first answer came {} after the start of the daemons.", gap))
}
