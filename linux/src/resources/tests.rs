//! Real scripts in a directory of their own. Time is an argument: limits pass by
//! saying so, and only the ends of processes are waited for.

mod scripts;
mod survivors;
mod variables;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use latido_core::id::{GroupId, Order};
use latido_core::notice::Severity;
use latido_core::order::{Outcome, Ownership};
use latido_core::procedure::{Ending, Policy, Verb};
use latido_core::time::{Duration, Instant};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{BuiltIn, Directories, Entry, GroupSpec, ResourceSpec, Resources};

/// No script of a test may take longer; a test that waits for more fails.
const PATIENCE_MS: u16 = 10_000;

/// Every resource is a script's.
struct Nothing;

impl BuiltIn for Nothing {
    fn run(&mut self, _: Instant, _: GroupId, _: &ResourceSpec, _: Verb) -> Option<Ending> {
        None
    }
}

/// A directory with scripts, and the groups made of them.
struct Site {
    root: PathBuf,
    now: Instant,
    entries: Vec<Entry>,
    settled: BTreeMap<u8, (u32, Outcome)>,
}

impl Site {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("latido-scripts-{}-{count}", process::id()));
        for dir in ["resource.d", "init.d", "run", "up"] {
            fs::create_dir_all(root.join(dir)).expect("the temporary directory can be written");
        }
        let now = Instant::ZERO.after(Duration::from_secs(1_000));
        Self { root, now, entries: Vec::new(), settled: BTreeMap::new() }
    }

    /// Installs a script; `$ROOT` is this directory.
    fn install(&self, place: &str, body: &str) {
        let path = self.root.join(place);
        fs::write(&path, format!("#!/bin/sh\nROOT={}\n{body}\n", self.root.display()))
            .expect("a script can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("and be executable");
    }

    /// Installs a script that notes its calls and keeps its state in a file.
    fn install_plain(&self, place: &str) {
        self.install(
            place,
            r#"echo "${0##*/} $*" >> $ROOT/calls
            for verb; do :; done
            case $verb in
            start) : > $ROOT/up/${0##*/};;
            stop) rm -f $ROOT/up/${0##*/};;
            status) test -e $ROOT/up/${0##*/} && echo running || echo stopped;;
            esac"#,
        );
    }

    /// Makes a FIFO for [`await_mark`].
    fn mark(&self, name: &str) -> File {
        let path = self.root.join(name);
        mkfifo(&path, Mode::S_IRWXU).expect("a FIFO can be made");
        let mut options = File::options();
        let flags = OFlag::O_NONBLOCK.bits();
        options.read(true).custom_flags(flags).open(path).expect("and opened")
    }

    fn resources(&self, lines: &[&str]) -> Resources {
        self.resources_with(lines, &[("PATH".to_owned(), "/usr/bin:/bin".to_owned())])
    }

    fn resources_with(&self, lines: &[&str], environment: &[(String, String)]) -> Resources {
        let groups = lines.iter().map(|line| group(line)).collect();
        let directories = Directories {
            config: self.root.clone(),
            init: self.root.join("init.d"),
            working: self.root.clone(),
            ..Directories::default()
        };
        let run = self.root.join("run");
        Resources::new(groups, &directories, &run, environment, Policy::DEFAULT)
            .expect("the site can be used")
    }

    fn advance(&mut self, resources: &mut Resources) {
        resources.advance(self.now, &mut Nothing, &mut |entry| self.entries.push(entry));
        while let Some((group, order, outcome)) = resources.next_settled() {
            self.settled.insert(group.0, (order.0, outcome));
        }
    }

    /// Goes on until `done`, letting time pass only where a retry is due and no
    /// script runs.
    fn run_until(&mut self, resources: &mut Resources, done: impl Fn(&Self) -> bool) {
        for _ in 0..1_000 {
            self.advance(resources);
            if done(self) {
                return;
            }
            if wait(resources) {
                continue;
            }
            let due = resources.deadline().expect("something is due or runs");
            self.now = self.now.max(due);
        }
        panic!("not done after a thousand turns: {:#?}", self.entries);
    }

    fn order(&mut self, resources: &mut Resources, group: u8, order: u32, level: Ownership) {
        resources.order(self.now, GroupId(group), Order(order), level);
    }

    /// Orders one level of the first group and goes on until that is settled.
    fn carry_out(&mut self, resources: &mut Resources, order: u32, level: Ownership) -> Outcome {
        self.order(resources, 0, order, level);
        self.run_until(resources, |site| site.settled.get(&0).is_some_and(|(n, _)| *n == order));
        self.settled[&0].1
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).unwrap_or_default()
    }

    /// The calls that the scripts noted, one a line.
    fn calls(&self) -> Vec<String> {
        self.read("calls").lines().map(str::to_owned).collect()
    }

    /// The log, without the debug lines, without this site's name.
    fn log(&self) -> Vec<String> {
        let root = self.root.display().to_string();
        let weighed = self.entries.iter().filter_map(|e| Some((e.severity?, &e.text)));
        weighed.map(|(s, text)| format!("{s}: {}", text.replace(&root, ""))).collect()
    }

    fn graver_than_info(&self) -> Vec<String> {
        self.log().into_iter().filter(|line| !line.starts_with("info: ")).collect()
    }

    fn debug_log(&self) -> Vec<&str> {
        let debug = self.entries.iter().filter(|entry| entry.severity.is_none());
        debug.map(|entry| entry.text.as_str()).collect()
    }

    fn has(&self, severity: Severity, part: &str) -> bool {
        self.entries.iter().any(|e| e.severity == Some(severity) && e.text.contains(part))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A line as haresources has it.
fn group(line: &str) -> GroupSpec {
    let mut words = line.split(' ').map(str::to_owned);
    let preferred = words.next().expect("a line begins with a node");
    let resources = words
        .map(|word| {
            let mut parts = word.split("::").map(str::to_owned);
            let name = parts.next().expect("a word has a first part");
            ResourceSpec { name, args: parts.collect() }
        })
        .collect();
    GroupSpec { preferred, resources }
}

/// When the script of the first group is to be ended.
fn limit(resources: &Resources) -> Instant {
    resources.groups[0].child.as_ref().expect("a script runs").phase.until()
}

/// Waits until a script ends; `false` if none is awaited.
fn wait(resources: &Resources) -> bool {
    let mut fds: Vec<PollFd<'_>> =
        resources.fds().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    if fds.is_empty() {
        return false;
    }
    let ready = poll(&mut fds, PollTimeout::from(PATIENCE_MS)).expect("poll works");
    assert!(ready > 0, "a script did not end in time");
    true
}

/// Waits until a script writes into the FIFO `mark`, to say how far it is.
fn await_mark(mark: &File) {
    let mut fds = [PollFd::new(mark.as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut fds, PollTimeout::from(PATIENCE_MS)).expect("poll works");
    assert!(ready > 0, "the script did not come that far in time");
}

/// Waits until nobody has the FIFO `mark` open for writing any more.
fn await_hangup(mark: &File) {
    let mut fds = [PollFd::new(mark.as_fd(), PollFlags::empty())];
    let ready = poll(&mut fds, PollTimeout::from(PATIENCE_MS)).expect("poll works");
    assert!(ready > 0, "somebody still has it open");
}
