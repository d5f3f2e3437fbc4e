//! The scenarios of the lab, one file each. A scenario is a function over the lab: it does
//! something, states what must follow and within which time, and ends with what it measured.

mod cord;
mod wiring;

use std::io;

use super::stage::Lab;
use super::summary::Figures;

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
        name: "wiring",
        summary: "the network alone, without the cluster: the address is moved by hand",
        play: wiring::play,
    },
];
