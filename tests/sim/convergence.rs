//! The rules about rest: after the last fault every group has one holder, soon, and
//! for good; and the right one where groups go back.

use latido_core::Phase;

use super::host::{Daemon, Host};
use super::plan::{ANSWER, failback_time, settling_time};
use super::scenario::MS;
use super::world::World;

/// What is known of a time of quiet.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    /// Since when a group has no holder though it should.
    without: Vec<Option<u64>>,
    /// How often that was.
    gaps: Vec<u32>,
}

impl Rest {
    pub(crate) fn new(groups: usize) -> Self {
        Self { without: vec![None; groups], gaps: vec![0; groups] }
    }

    pub(crate) fn begin(&mut self) {
        self.without.iter_mut().for_each(|since| *since = None);
        self.gaps.iter_mut().for_each(|gaps| *gaps = 0);
    }
}

impl World {
    /// The daemons that are to hold groups: those that run and do not leave.
    fn serving(&self) -> impl Iterator<Item = (usize, &Daemon)> {
        self.hosts.iter().enumerate().filter_map(|(me, host)| {
            let daemon = host.daemon.as_ref()?;
            (daemon.node.phase() != Phase::Shutdown).then_some((me, daemon))
        })
    }

    /// From when on every group has a holder. To the promise is added, for a daemon
    /// that has started lately: `initdead`, which it may spend on waiting for whom it
    /// does not hear; and, if it started among faults, the ten seconds for reports that
    /// do not come.
    fn due(&self, quiet: u64) -> u64 {
        let settling = settling_time(&self.scenario);
        let started = |daemon: &Daemon| {
            let disturbed = daemon.started < quiet;
            let lost = if disturbed { ANSWER } else { 0 };
            daemon.started + self.scenario.initdead() + lost
        };
        self.serving().map(|(_, daemon)| started(daemon)).fold(quiet, u64::max) + settling
    }

    /// Exactly one holder from `due` on. A group that goes back to its preferred node
    /// is without one while it is released here and acquired there, once.
    pub(crate) fn check_settling(&mut self) {
        let Some(quiet) = self.quiet else { return };
        // What failed to start is offered after thirty seconds, what failed to stop is
        // held where it is, with all of its set: by order, not by mistake.
        let failed =
            |host: &Host| host.daemon.as_ref().is_some_and(|daemon| daemon.failed.contains(&true));
        if self.serving().next().is_none() || self.hosts.iter().any(failed) {
            return;
        }
        let due = self.due(quiet);
        if self.now < due {
            return;
        }
        let handover = 2 * self.scenario.script_max + self.scenario.keepalive() + 50 * MS;
        for group in 0..self.scenario.preferred.len() {
            let holders =
                self.serving().filter(|(me, _)| self.hosts[*me].groups[group].running).count();
            if holders > 0 {
                self.checks.rest.without[group] = None;
                continue;
            }
            let rest = &mut self.checks.rest;
            let since = *rest.without[group].get_or_insert_with(|| {
                rest.gaps[group] += 1;
                self.now
            });
            if rest.gaps[group] > 1 {
                self.violate(format!("group {group} is without a holder for a second time"));
            } else if self.now - since > handover {
                self.violate(format!("group {group} has no holder"));
            }
        }
    }

    /// At the end of the quiet: exactly one holder, the preferred one where groups
    /// go back and no operator has moved them.
    pub(crate) fn check_rest(&mut self) {
        let Some(quiet) = self.quiet else { return };
        if self.scenario.fails() || self.serving().next().is_none() {
            return;
        }
        if self.now < self.due(quiet) + failback_time(&self.scenario) {
            self.violate("the time of quiet is too short to judge".to_owned());
            return;
        }
        for (group, preferred) in self.scenario.preferred.clone().into_iter().enumerate() {
            let holders: Vec<usize> = self
                .serving()
                .map(|(me, _)| me)
                .filter(|me| self.hosts[*me].groups[group].running)
                .collect();
            if holders.len() != 1 {
                self.violate(format!("group {group} is held by {holders:?} at rest"));
            }
            let goes_back = self.scenario.auto_failback && !self.scenario.commands;
            let serves = self.serving().any(|(me, _)| me == preferred);
            if goes_back && serves && holders != [preferred] {
                self.violate(format!(
                    "group {group} prefers node {preferred} and is held by {holders:?}"
                ));
            }
        }
        let busy = self.serving().any(|(_, daemon)| daemon.node.in_transition());
        if busy {
            self.violate("a node is in transition at rest".to_owned());
        }
    }
}
