//! What a procedure tells, and the English of it: the original's log lines.
//!
//! A [`Report`] holds numbers only. Names stand in the configuration, at the edge,
//! which lends them as [`Names`] when the line is written.

use core::fmt;

use super::Verb;
use crate::notice::Severity;
use crate::time::Duration;

/// One thing worth telling about a group. Resources are named by their place in
/// the group's line, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Report {
    /// The group is about to be started, left to right.
    Acquiring,
    /// The group is about to be stopped, right to left.
    Releasing,
    /// A script is called with `start` or `stop`; `status` is not told.
    Running {
        /// Whose script.
        resource: u8,
        /// What it is told to do.
        verb: Verb,
    },
    /// A `start` or `stop` ended with an exit code other than 0.
    Returned {
        /// Whose script.
        resource: u8,
        /// Its exit code; 128 and the signal's number when a signal ended it.
        code: u8,
    },
    /// A script did not end in time and was ended.
    TimedOut {
        /// Whose script.
        resource: u8,
        /// What it had been told to do.
        verb: Verb,
        /// The time that it had.
        limit: Duration,
    },
    /// No script of the resource's name is installed.
    Missing {
        /// The resource without a script.
        resource: u8,
    },
    /// A resource did not start, so the whole group is stopped.
    GivingUp {
        /// The one that did not start.
        resource: u8,
    },
    /// A stop that failed is tried again.
    Retrying {
        /// The one that did not stop.
        resource: u8,
    },
    /// All stops failed, yet the resource does not run.
    NotCompliant {
        /// The one whose script says so.
        resource: u8,
    },
    /// All stops failed and the resource may still run; the group stays as it is
    /// and is not started here again.
    Blocked {
        /// The one that did not stop.
        resource: u8,
    },
    /// All stops failed and the resource may still run; the machine is restarted.
    RebootRequired {
        /// The one that did not stop.
        resource: u8,
    },
    /// A start was ordered for a group that could not be stopped here.
    StillBlocked {
        /// The one that did not stop.
        resource: u8,
    },
}

/// The names behind a group's numbers, lent by who keeps the configuration.
pub trait Names {
    /// Writes the group's line: the preferred node, then every resource as it
    /// stands in haresources, with one blank between.
    ///
    /// # Errors
    /// Only those of the formatter.
    fn group(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Writes a resource as it stands in haresources: `script::argument`.
    ///
    /// # Errors
    /// Only those of the formatter.
    fn resource(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Writes the name of a resource's script: what stands before `::`.
    ///
    /// # Errors
    /// Only those of the formatter.
    fn script(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Writes the path of a resource's script.
    ///
    /// # Errors
    /// Only those of the formatter.
    fn path(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Writes a resource's arguments with one blank between; nothing if it has none.
    ///
    /// # Errors
    /// Only those of the formatter.
    fn arguments(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// A report with its names: displayed, it is the text of one log line.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// What is told.
    pub report: Report,
    /// The names of the group that it is told about.
    pub names: &'a dyn Names,
}

impl Report {
    /// How grave it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Acquiring | Self::Releasing | Self::Running { .. } | Self::Retrying { .. } => {
                Severity::Info
            }
            Self::Returned { .. }
            | Self::TimedOut { .. }
            | Self::Missing { .. }
            | Self::NotCompliant { .. }
            | Self::StillBlocked { .. } => Severity::Error,
            Self::GivingUp { .. } | Self::Blocked { .. } | Self::RebootRequired { .. } => {
                Severity::Critical
            }
        }
    }
}

/// One method of [`Names`] for one resource, as something to display.
struct Part<'a>(&'a dyn Names, fn(&dyn Names, u8, &mut fmt::Formatter<'_>) -> fmt::Result, u8);

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.1)(self.0, self.2, f)
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = |place| Part(self.names, |names, n, f| names.resource(n, f), place);
        let script = |place| Part(self.names, |names, n, f| names.script(n, f), place);
        let path = |place| Part(self.names, |names, n, f| names.path(n, f), place);
        let arguments = |place| Part(self.names, |names, n, f| names.arguments(n, f), place);
        let group = Part(self.names, |names, _, f| names.group(f), 0);
        match self.report {
            Report::Acquiring => write!(f, "Acquiring resource group: {group}"),
            Report::Releasing => write!(f, "Releasing resource group: {group}"),
            // Without arguments the original's line has two blanks, too.
            Report::Running { resource: n, verb } => {
                write!(f, "Running {} {} {verb}", path(n), arguments(n))
            }
            Report::Returned { resource: n, code } => {
                write!(f, "Return code {code} from {}", path(n))
            }
            Report::TimedOut { resource: n, verb, limit } => {
                write!(f, "{} {verb} did not end within {limit} and was ended", path(n))
            }
            Report::Missing { resource: n } => {
                write!(f, "Cannot locate resource script {}", script(n))
            }
            Report::GivingUp { resource: n } => {
                write!(f, "Giving up resources due to failure of {}", resource(n))
            }
            Report::Retrying { resource: n } => {
                write!(f, "Retrying failed stop operation [{}]", resource(n))
            }
            Report::NotCompliant { resource: n } => write!(
                f,
                "Resource script for {} probably not LSB-compliant: \
                 it must succeed on a stop when already stopped",
                resource(n)
            ),
            Report::Blocked { resource: n } => write!(
                f,
                "Resource STOP failure. {} may still run: \
                 its group stays as it is and is not started here again",
                resource(n)
            ),
            Report::RebootRequired { resource: _ } => {
                f.write_str("Resource STOP failure. Reboot required!")
            }
            Report::StillBlocked { resource: n } => write!(
                f,
                "Not acquiring resource group: {group}: {} could not be stopped here",
                resource(n)
            ),
        }
    }
}
