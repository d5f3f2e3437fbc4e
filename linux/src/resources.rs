//! Resource groups at the edge: procedures of the core and the scripts they call.
//!
//! Every decision is the core's (`latido_core::procedure`). Here scripts are called,
//! ended at their time limit and listened to. Groups run in parallel, except that two
//! that name the same script take turns. Nothing here waits: the caller polls
//! [`Resources::fds`] until [`Resources::deadline`] and calls [`Resources::advance`].

mod environment;
mod ledger;
mod script;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use latido_core::id::{GroupId, Order};
use latido_core::notice::Severity;
use latido_core::order::{Outcome, Ownership};
use latido_core::procedure::{
    Condition, Ending, Event, Exit, Line, Names, Policy, Procedure, Step, Verb, judge_status,
};
use latido_core::time::{Duration, Instant};
use nix::sys::signal::Signal;

pub(crate) use environment::{Directories, Settings, environment};
pub(crate) use ledger::end_leftovers;

use ledger::Ledger;
use script::{Call, Ended, Script, Surroundings};

/// The name under which the original's log tells of resources.
pub(crate) const PROGRAM: &str = "ResourceManager";
/// From TERM to KILL, and from KILL to giving a script up.
const GRACE: Duration = Duration::from_secs(2);
/// From one look at what a running script has written to the next. What it may write
/// before it is ended is bounded by that.
const LOOK: Duration = Duration::from_millis(50);

/// A resource as haresources has it: `name::arg::arg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResourceSpec {
    /// The script's name.
    pub(crate) name: String,
    /// Its arguments, before the verb.
    pub(crate) args: Vec<String>,
}

/// A line of haresources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupSpec {
    /// The preferred node.
    pub(crate) preferred: String,
    /// Its resources, left to right; 1 to `RESOURCES_MAX`.
    pub(crate) resources: Vec<ResourceSpec>,
}

impl fmt::Display for ResourceSpec {
    /// As it stands in haresources; the first of a group is the group's key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.args.iter().try_for_each(|arg| write!(f, "::{arg}"))
    }
}

/// One line for the log, of program [`PROGRAM`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its weight; `None` is the debug log: what a script wrote.
    pub(crate) severity: Option<Severity>,
    /// Its text, without the weight.
    pub(crate) text: String,
}

/// Resources that the daemon itself carries out instead of a script.
pub(crate) trait BuiltIn {
    /// Carries out `verb` for `resource` and says how that ended, with the ending of
    /// the same verb; `None` if it is a script's business. Must not wait.
    fn run(
        &mut self,
        now: Instant,
        group: GroupId,
        resource: &ResourceSpec,
        verb: Verb,
    ) -> Option<Ending>;
}

/// How far a script's end has been forced.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It has until then.
    Running(Instant),
    /// It had TERM and has until then.
    Terminated(Instant),
    /// It had KILL and is waited for until then.
    Killed(Instant),
}

impl Phase {
    const fn until(self) -> Instant {
        match self {
            Self::Running(until) | Self::Terminated(until) | Self::Killed(until) => until,
        }
    }
}

/// A script that runs for a group.
#[derive(Debug)]
struct Child {
    script: Script,
    start_time: u64,
    resource: u8,
    verb: Verb,
    phase: Phase,
    /// When its output is to be looked at again.
    look: Instant,
}

/// A script to be called.
#[derive(Clone, Copy, Debug)]
struct Due {
    group: GroupId,
    resource: u8,
    verb: Verb,
    limit: Duration,
}

#[derive(Debug)]
struct Group {
    spec: GroupSpec,
    key: String,
    calls: Vec<Call>,
    procedure: Procedure,
    child: Option<Child>,
}

/// All resource groups of this node.
#[derive(Debug)]
pub(crate) struct Resources {
    groups: Vec<Group>,
    surroundings: Surroundings,
    ledger: Ledger,
    /// Steps of the procedures that were not carried out yet.
    steps: VecDeque<(GroupId, Step)>,
    /// Calls whose script another group runs right now, the longest wait first.
    waiting: VecDeque<Due>,
    /// Scripts that not even KILL has ended; reaped when they do end.
    abandoned: Vec<Script>,
    settled: VecDeque<(GroupId, Order, Outcome)>,
    reboot: Option<(GroupId, u8)>,
    /// What runs differs from what the ledger says.
    unwritten: bool,
}

impl Resources {
    /// The groups of haresources, in its order, of which nothing is known yet.
    /// `environment` is the scripts' whole environment ([`environment()`] makes it);
    /// `run` is the run directory, where a file says which scripts run. Call
    /// [`end_leftovers`] before.
    ///
    /// # Errors
    /// If a name holds a NUL, or the run directory cannot be written.
    ///
    /// # Panics
    /// If a group has no resource or too many; the configuration was to refuse it.
    pub(crate) fn new(
        groups: Vec<GroupSpec>,
        directories: &Directories,
        run: &Path,
        environment: &[(String, String)],
        policy: Policy,
    ) -> io::Result<Self> {
        let places = [&*directories.config.join("resource.d"), &*directories.init];
        let groups = groups.into_iter().map(|spec| {
            let count = u8::try_from(spec.resources.len()).unwrap_or(u8::MAX);
            let calls = spec.resources.iter().map(|r| Call::new(&r.name, &r.args, &places));
            Ok(Group {
                key: spec.resources.first().map(ToString::to_string).unwrap_or_default(),
                calls: calls.collect::<io::Result<_>>()?,
                procedure: Procedure::new(count, policy),
                spec,
                child: None,
            })
        });
        Ok(Self {
            groups: groups.collect::<io::Result<_>>()?,
            surroundings: Surroundings::new(&directories.working, environment)?,
            ledger: Ledger::open(run)?,
            steps: VecDeque::new(),
            waiting: VecDeque::new(),
            abandoned: Vec::new(),
            settled: VecDeque::new(),
            reboot: None,
            unwritten: false,
        })
    }

    /// Takes an order of the core. [`Self::advance`] carries it out.
    pub(crate) fn order(
        &mut self,
        now: Instant,
        group: GroupId,
        order: Order,
        ownership: Ownership,
    ) {
        self.handle(now, group, Event::Ordered { order, ownership });
    }

    /// Something of `group` runs by nobody's order, as found at the start.
    pub(crate) fn found(&mut self, now: Instant, group: GroupId) {
        self.handle(now, group, Event::Found);
    }

    /// When [`Self::advance`] is to be called at the latest. Long past when there is
    /// something to carry out at once.
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let steps = (!self.steps.is_empty()).then_some(Instant::ZERO);
        let groups = self.groups.iter().flat_map(|group| {
            let limit = group.child.as_ref().map(|child| child.phase.until().min(child.look));
            [limit, group.procedure.deadline()]
        });
        groups.chain([steps]).flatten().min()
    }

    /// What to poll for reading; when one is ready, [`Self::advance`] is due.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let children = self.groups.iter().filter_map(|group| group.child.as_ref());
        // After TERM the whole group has its two seconds, whatever becomes of its leader.
        let awaited = children.filter(|child| !matches!(child.phase, Phase::Terminated(_)));
        awaited.map(|child| child.script.fd()).chain(self.abandoned.iter().map(Script::fd))
    }

    /// Looks at all scripts and goes on with every group as far as possible at `now`.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        builtin: &mut dyn BuiltIn,
        tell: &mut dyn FnMut(Entry),
    ) {
        self.abandoned.retain_mut(|script| script.ended().is_none());
        for place in 0..self.groups.len() {
            let group = GroupId(u8::try_from(place).expect("GROUPS_MAX groups at most"));
            self.look(now, group, tell);
            if self.group(group).procedure.deadline().is_some_and(|due| due <= now) {
                self.handle(now, group, Event::Ticked);
            }
        }
        loop {
            while let Some((group, step)) = self.steps.pop_front() {
                self.carry_out(now, group, step, builtin, tell);
            }
            let free = |due: &Due| !self.is_taken(*due);
            match self.waiting.iter().position(free) {
                Some(place) => {
                    let due = self.waiting.remove(place).expect("it was found there");
                    self.call(now, due, tell);
                }
                None => break,
            }
        }
        self.note(tell);
    }

    /// The next order that has ended.
    pub(crate) fn next_settled(&mut self) -> Option<(GroupId, Order, Outcome)> {
        self.settled.pop_front()
    }

    /// The group and resource because of which the machine must restart at once.
    #[must_use]
    pub(crate) const fn reboot_wanted(&self) -> Option<(GroupId, u8)> {
        self.reboot
    }

    fn group(&mut self, group: GroupId) -> &mut Group {
        &mut self.groups[group.index()]
    }

    fn handle(&mut self, now: Instant, group: GroupId, event: Event) {
        let steps = self.group(group).procedure.handle(now, event);
        self.steps.extend(steps.into_iter().map(|step| (group, step)));
    }

    fn carry_out(
        &mut self,
        now: Instant,
        group: GroupId,
        step: Step,
        builtin: &mut dyn BuiltIn,
        tell: &mut dyn FnMut(Entry),
    ) {
        match step {
            Step::Tell(report) => {
                let text = Line { report, names: self.group(group) }.to_string();
                tell(Entry { severity: Some(report.severity()), text });
            }
            Step::Settle { order, outcome } => self.settled.push_back((group, order, outcome)),
            Step::Reboot { resource } => self.reboot = Some((group, resource)),
            Step::Run { resource, verb, limit } => {
                let spec = &self.group(group).spec.resources[usize::from(resource)];
                match builtin.run(now, group, spec, verb) {
                    Some(ending) => self.handle(now, group, Event::Exited { resource, ending }),
                    None => self.waiting.push_back(Due { group, resource, verb, limit }),
                }
            }
        }
    }

    /// Whether another group runs the same script right now.
    fn is_taken(&self, due: Due) -> bool {
        let name =
            |group: &Group, resource: u8| group.spec.resources[usize::from(resource)].name.clone();
        let wanted = name(&self.groups[due.group.index()], due.resource);
        self.groups.iter().any(|group| {
            group.child.as_ref().is_some_and(|child| name(group, child.resource) == wanted)
        })
    }

    fn call(&mut self, now: Instant, due: Due, tell: &mut dyn FnMut(Entry)) {
        let Due { group, resource, verb, limit } = due;
        let started =
            self.groups[group.index()].calls[usize::from(resource)].start(verb, &self.surroundings);
        match started {
            Ok(script) => {
                let start_time = ledger::start_time(script.pid()).unwrap_or(0);
                let phase = Phase::Running(now.after(limit));
                let look = now.after(LOOK);
                let child = Child { script, start_time, resource, verb, phase, look };
                self.group(group).child = Some(child);
                self.unwritten = true;
            }
            Err(error) => {
                let path = self.group(group).calls[usize::from(resource)].path().display();
                let text = format!("Cannot run {path} {verb}: {error}");
                tell(Entry { severity: Some(Severity::Error), text });
                // Of a status that was not even asked nothing may be concluded.
                let ending = ending(verb, Exit::Failed { code: 254 }, Condition::TimedOut);
                self.handle(now, group, Event::Exited { resource, ending });
            }
        }
    }

    /// Looks at a group's script: whether it has ended, whether its time is up.
    fn look(&mut self, now: Instant, group: GroupId, tell: &mut dyn FnMut(Entry)) {
        let Some(mut child) = self.group(group).child.take() else { return };
        child.script.contain();
        child.look = now.after(LOOK);
        let ended = match child.phase {
            // Until KILL it is not reaped: its number must stay its own.
            Phase::Terminated(_) => None,
            Phase::Running(_) | Phase::Killed(_) => child.script.ended(),
        };
        match (ended, child.phase) {
            (Some(ended), Phase::Running(_)) => self.end(now, group, &child, ended, tell),
            (Some(_), _) => self.give_up(now, group, &child, tell),
            (None, Phase::Running(until)) if until <= now => {
                child.script.signal(Signal::SIGTERM);
                child.phase = Phase::Terminated(now.after(GRACE));
                self.group(group).child = Some(child);
            }
            (None, Phase::Terminated(until)) if until <= now => {
                child.script.signal(Signal::SIGKILL);
                child.phase = Phase::Killed(now.after(GRACE));
                self.group(group).child = Some(child);
            }
            (None, Phase::Killed(until)) if until <= now => {
                let path = self.group(group).calls[usize::from(child.resource)].path().display();
                let text = format!("{path} {} cannot be killed and is left behind", child.verb);
                tell(Entry { severity: Some(Severity::Error), text });
                self.give_up(now, group, &child, tell);
                self.abandoned.push(child.script);
            }
            (None, _) => self.group(group).child = Some(child),
        }
    }

    /// A script ended by itself.
    fn end(
        &mut self,
        now: Instant,
        group: GroupId,
        child: &Child,
        ended: Ended,
        tell: &mut dyn FnMut(Entry),
    ) {
        let Child { resource, verb, .. } = *child;
        let output = child.script.output();
        if verb != Verb::Status {
            quote(&output, tell);
        }
        let ending = match ended {
            Ended::Missing => ending(verb, Exit::Missing, Condition::Missing),
            Ended::Exited(code, place) => {
                self.group(group).calls[usize::from(resource)].locate(place);
                let runs = judge_status(&output);
                let found = if runs { Condition::Running } else { Condition::Stopped };
                let exit = if code == 0 { Exit::Success } else { Exit::Failed { code } };
                ending(verb, exit, found)
            }
        };
        self.unwritten = true;
        self.handle(now, group, Event::Exited { resource, ending });
    }

    /// A script did not end by itself. What it wrote may say why.
    fn give_up(
        &mut self,
        now: Instant,
        group: GroupId,
        child: &Child,
        tell: &mut dyn FnMut(Entry),
    ) {
        quote(&child.script.output(), tell);
        let ending = ending(child.verb, Exit::TimedOut, Condition::TimedOut);
        self.unwritten = true;
        self.handle(now, group, Event::Exited { resource: child.resource, ending });
    }

    /// Brings the ledger up to date.
    fn note(&mut self, tell: &mut dyn FnMut(Entry)) {
        if !std::mem::take(&mut self.unwritten) {
            return;
        }
        let lines: Vec<ledger::Line<'_>> = self
            .groups
            .iter()
            .filter_map(|group| {
                let child = group.child.as_ref()?;
                Some(ledger::Line {
                    pid: child.script.pid(),
                    start_time: child.start_time,
                    group: &group.key,
                    script: &group.spec.resources[usize::from(child.resource)].name,
                    verb: child.verb,
                })
            })
            .collect();
        if let Err(error) = self.ledger.write(&lines) {
            let text = format!("Cannot note which scripts run: {error}");
            tell(Entry { severity: Some(Severity::Error), text });
        }
    }
}

/// Writes what a script wrote to the debug log.
fn quote(output: &[u8], tell: &mut dyn FnMut(Entry)) {
    for line in String::from_utf8_lossy(output).lines() {
        tell(Entry { severity: None, text: line.to_owned() });
    }
}

/// The ending of a `verb`, from how such a script may end.
const fn ending(verb: Verb, exit: Exit, condition: Condition) -> Ending {
    match verb {
        Verb::Status => Ending::Status(condition),
        Verb::Start => Ending::Start(exit),
        Verb::Stop => Ending::Stop(exit),
    }
}

impl Names for Group {
    fn group(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec.preferred)?;
        self.spec.resources.iter().try_for_each(|resource| write!(f, " {resource}"))
    }

    fn resource(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.spec.resources[usize::from(resource)])
    }

    fn script(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec.resources[usize::from(resource)].name)
    }

    fn path(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.calls[usize::from(resource)].path().display())
    }

    fn arguments(&self, resource: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec.resources[usize::from(resource)].args.join(" "))
    }
}
