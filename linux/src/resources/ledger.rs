//! `RUN/running`: which scripts run, for the daemon that comes after this one.
//!
//! A daemon that dies leaves its scripts running. The next one must end them before
//! it calls any: two scripts of a group at a time are what the procedure excludes.
//! Services that scripts started are not scripts and are left alone.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use latido_core::procedure::Verb;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::state::named;

/// How long a leftover may take to end after TERM, and again after KILL.
const GRACE: Duration = Duration::from_secs(2);
/// From one look at a leftover to the next.
const LOOK: Duration = Duration::from_millis(10);

/// A script that runs.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    /// The leader of its process group.
    pub(crate) pid: Pid,
    /// When the leader started, as the kernel counts it.
    pub(crate) start_time: u64,
    /// The group's key.
    pub(crate) group: &'a str,
    /// The script's name.
    pub(crate) script: &'a str,
    /// What it was told to do.
    pub(crate) verb: Verb,
}

/// The file, kept open.
///
/// It is written in every turn that calls a script, so it is in the run directory,
/// which is in memory (tmpfs): no turn of the daemon waits for a disk. It is only of
/// use while the processes live that it names. A start of the machine makes it void;
/// where the run directory outlives that, the boot id says so.
#[derive(Debug)]
pub(crate) struct Ledger {
    file: File,
    boot: String,
}

impl Ledger {
    /// Opens `running` in the run directory `run` with no script in it.
    ///
    /// # Errors
    /// Those of creating or writing the file, and of reading the boot id.
    pub(crate) fn open(run: &Path) -> io::Result<Self> {
        let path = run.join("running");
        let file = File::options().create(true).truncate(true).write(true).open(&path);
        let file = file.map_err(|error| named(&path, &error))?;
        let ledger = Self { file, boot: boot_id()? };
        ledger.write(&[]).map_err(|error| named(&path, &error))?;
        Ok(ledger)
    }

    /// Writes down what runs now.
    ///
    /// # Errors
    /// Those of writing the file.
    pub(crate) fn write(&self, lines: &[Line<'_>]) -> io::Result<()> {
        let mut text = format!("boot {}\n", self.boot);
        for Line { pid, start_time, group, script, verb } in lines {
            let _ = writeln!(text, "{pid} {start_time} {group} {script} {verb}");
        }
        // Old lines that stay behind the new end for a moment do no harm: the start time
        // tells whether they still mean anything.
        self.file.write_all_at(text.as_bytes(), 0)?;
        self.file.set_len(text.len() as u64)
    }
}

/// A script of an earlier daemon that was still running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leftover {
    /// The group's key.
    pub(crate) group: String,
    /// The script's name.
    pub(crate) script: String,
    /// What it had been told to do.
    pub(crate) verb: String,
    /// Whether it is gone.
    pub(crate) ended: bool,
}

/// Ends the scripts that an earlier daemon left running, with TERM and after two
/// seconds KILL, and says which they were. Waits for them: only at the start.
///
/// # Errors
/// Those of reading the file, unless there is none.
pub(crate) fn end_leftovers(run: &Path) -> io::Result<Vec<Leftover>> {
    let path = run.join("running");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(named(&path, &error)),
    };
    let mut lines = text.lines();
    if lines.next() != Some(&format!("boot {}", boot_id()?)) {
        return Ok(Vec::new());
    }
    let mut found: Vec<(Pid, Leftover)> = lines.filter_map(running).collect();
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        for (pid, leftover) in &found {
            if !leftover.ended {
                let _ = killpg(*pid, signal);
            }
        }
        let mut left = GRACE;
        loop {
            for (pid, leftover) in &mut found {
                leftover.ended |= members(*pid)? == 0;
            }
            if left.is_zero() || found.iter().all(|(_, leftover)| leftover.ended) {
                break;
            }
            sleep(LOOK);
            left = left.saturating_sub(LOOK);
        }
    }
    Ok(found.into_iter().map(|(_, leftover)| leftover).collect())
}

/// A line of the file, if the script that it names still runs.
fn running(line: &str) -> Option<(Pid, Leftover)> {
    let mut words = line.split(' ');
    let pid: i32 = words.next()?.parse().ok().filter(|pid| *pid > 1)?;
    let noted: u64 = words.next()?.parse().ok()?;
    let leftover = Leftover {
        group: words.next()?.to_owned(),
        script: words.next()?.to_owned(),
        verb: words.next()?.to_owned(),
        ended: false,
    };
    // Another process may have the number by now; it started at another time. Only
    // while the leader lives are the others of its group a script's and not a service's.
    let leader = Stat::of(&pid.to_string())?;
    let same = leader.start_time == noted && leader.group == pid && leader.alive;
    same.then_some((Pid::from_raw(pid), leftover))
}

/// How many processes of the group `leader` live.
fn members(leader: Pid) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let stat = name.to_str().filter(|name| name.parse::<i32>().is_ok()).and_then(Stat::of);
        count += usize::from(stat.is_some_and(|s| s.group == leader.as_raw() && s.alive));
    }
    Ok(count)
}

/// What `/proc/PID/stat` says.
struct Stat {
    alive: bool,
    group: i32,
    start_time: u64,
}

impl Stat {
    fn of(pid: &str) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold blanks and brackets, so count from the last bracket: the
        // state is field 3, the group 5, the start time 22 (proc_pid_stat(5)).
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        Some(Self {
            alive: !matches!(*fields.first()?, "Z" | "X"),
            group: fields.get(2)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }
}

/// When `pid` started, in the kernel's ticks since boot.
pub(crate) fn start_time(pid: Pid) -> Option<u64> {
    Stat::of(&pid.to_string()).map(|stat| stat.start_time)
}

fn boot_id() -> io::Result<String> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text = fs::read_to_string(path).map_err(|error| named(path, &error))?;
    Ok(text.trim().to_owned())
}
