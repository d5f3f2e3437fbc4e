//! One resource script as a child: called, looked at, ended.
//!
//! Decides nothing: verbs and time limits come from the procedure. The child has
//! its own session, so that its whole group can be ended, and writes into a memfd: a
//! pipe would have to be read to its end, which a service that inherited it keeps
//! open for ever.
//!
//! Which file is the script is found out by the child. On a disk that hangs the
//! search would otherwise hold up the daemon.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::ptr;

use latido_core::limits::STATUS_OUTPUT_MAX;
use latido_core::procedure::Verb;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, pipe2};

/// What the child writes when no candidate could be executed. Before each try it
/// writes the candidate's place.
const MISSING: u8 = u8::MAX;
/// Exit code of a child that could not become the script for another reason than
/// that there is none; the shell's code for it.
const NOT_EXECUTABLE: i32 = 126;
/// Octets that a script may write. Its further writes fail; it lives in memory.
const OUTPUT_MAX: u64 = 1 << 20;
/// How often a script that is just being written is tried, ten milliseconds apart.
const BUSY_TRIES: u32 = 20;

/// A resource's script and arguments, ready to be called: nothing is allocated
/// between fork and exec.
#[derive(Debug)]
pub(crate) struct Call {
    candidates: Vec<CString>,
    arguments: Vec<CString>,
    /// The place of the candidate that is the script, as far as known.
    located: usize,
}

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Surroundings {
    null: File,
    working: CString,
    environment: Vec<CString>,
}

impl Surroundings {
    /// Scripts run in `working` with exactly `environment`. Sees to it that the
    /// process hears of its children's ends.
    ///
    /// # Errors
    /// If `/dev/null` cannot be opened or a text holds a NUL.
    pub(crate) fn new(working: &Path, environment: &[(String, String)]) -> io::Result<Self> {
        // Whoever started us may have had SIGCHLD ignored: then the kernel would reap
        // scripts itself and keep their exit codes.
        // SAFETY: sets a disposition to the default; no handler is involved.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let environment = environment.iter().map(|(name, value)| c(format!("{name}={value}")));
        Ok(Self {
            null,
            working: c(working.as_os_str().as_bytes())?,
            environment: environment.collect::<io::Result<_>>()?,
        })
    }
}

impl Call {
    /// The script `name` with `arguments`, looked for in `directories` in order
    /// (specification 9.2). Looks at the disk, so that the first log line names the
    /// right path.
    ///
    /// # Errors
    /// If a text holds a NUL.
    pub(crate) fn new(name: &str, arguments: &[String], directories: &[&Path]) -> io::Result<Self> {
        let paths: Vec<PathBuf> = directories.iter().map(|dir| dir.join(name)).collect();
        let located = paths.iter().position(|path| path.is_file()).unwrap_or(0);
        let candidates = paths.iter().map(|path| c(path.as_os_str().as_bytes()));
        Ok(Self {
            candidates: candidates.collect::<io::Result<_>>()?,
            arguments: arguments
                .iter()
                .map(|text| c(text.as_bytes()))
                .collect::<io::Result<_>>()?,
            located,
        })
    }

    /// Where the script is; the first place where it should be if it is nowhere.
    pub(crate) fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.candidates[self.located].as_bytes()))
    }

    /// Notes which candidate was executed.
    pub(crate) const fn locate(&mut self, place: usize) {
        self.located = place;
    }

    /// Starts the script with `verb` as its last argument.
    ///
    /// # Errors
    /// Those of `memfd_create`, `pipe2`, `fork` and `pidfd_open`.
    pub(crate) fn start(&self, verb: Verb, surroundings: &Surroundings) -> io::Result<Script> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let output = File::from(memfd_create(c"script", flags)?);
        let (place, report) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let verb = c(verb.to_string())?;
        let words: Vec<Vec<*const libc::c_char>> =
            self.candidates.iter().map(|path| self.words(path, &verb)).collect();
        let mut environment: Vec<_> =
            surroundings.environment.iter().map(|text| text.as_ptr()).collect();
        environment.push(ptr::null());
        let image = Image {
            words: &words,
            environment: &environment,
            working: &surroundings.working,
            input: surroundings.null.as_raw_fd(),
            output: output.as_raw_fd(),
            report: report.as_raw_fd(),
        };
        // SAFETY: the child calls only `become_script`, which allocates nothing, takes no
        // lock and never returns; `image` points to memory that the fork copied.
        let pid = match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            // SAFETY: this is the child of that fork.
            0 => unsafe { image.become_script() },
            pid => Pid::from_raw(pid),
        };
        drop(report);
        match open_pidfd(pid) {
            Ok(pidfd) => Ok(Script { pid, pidfd, output, place: File::from(place) }),
            Err(error) => {
                // What cannot be watched must not run; it is our child, so the number is its.
                let _ = kill(pid, Signal::SIGKILL);
                let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED);
                Err(error)
            }
        }
    }

    /// `/bin/sh PATH ARGUMENTS… VERB`, ended by a null; without its first word it
    /// calls the script itself.
    fn words(&self, path: &CStr, verb: &CStr) -> Vec<*const libc::c_char> {
        let mut words = vec![SHELL.as_ptr(), path.as_ptr()];
        words.extend(self.arguments.iter().map(|text| text.as_ptr()));
        words.extend([verb.as_ptr(), ptr::null()]);
        words
    }
}

const SHELL: &CStr = c"/bin/sh";

/// What a child becomes; made before the fork.
struct Image<'a> {
    words: &'a [Vec<*const libc::c_char>],
    environment: &'a [*const libc::c_char],
    working: &'a CStr,
    input: i32,
    output: i32,
    report: i32,
}

impl Image<'_> {
    /// Turns this process, a fresh fork, into the script.
    ///
    /// # Safety
    /// Only in the child of a fork: it changes the whole process and does not return.
    unsafe fn become_script(&self) -> ! {
        // SAFETY: only async-signal-safe functions are called (signal-safety(7)), all
        // pointers come from strings and vectors that live in the copied memory, and the
        // vectors end with a null.
        unsafe {
            libc::setsid();
            for signal in 1..=64 {
                libc::signal(signal, libc::SIG_DFL);
            }
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
            libc::dup2(self.input, 0);
            libc::dup2(self.output, 1);
            libc::dup2(self.output, 2);
            // All of ours are close-on-exec already; this covers a library's.
            libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC);
            // Where scripts run is a nicety: a missing directory is not worth a failure.
            libc::chdir(self.working.as_ptr());
            for (place, words) in (0_u8..).zip(self.words) {
                self.tell(place);
                match self.execute(words) {
                    libc::ENOENT | libc::EACCES | libc::ENOTDIR => {}
                    _ => libc::_exit(NOT_EXECUTABLE),
                }
            }
            self.tell(MISSING);
            libc::_exit(NOT_EXECUTABLE)
        }
    }

    /// Becomes one candidate; returns why it could not.
    unsafe fn execute(&self, words: &[*const libc::c_char]) -> i32 {
        // SAFETY: as in `become_script`; `words` holds at least the shell, the path, the
        // verb and the null.
        unsafe {
            let script = words.as_ptr().add(1);
            for _ in 0..BUSY_TRIES {
                libc::execve(*script, script, self.environment.as_ptr());
                if Errno::last_raw() != libc::ETXTBSY {
                    break;
                }
                let pause = libc::timespec { tv_sec: 0, tv_nsec: 10_000_000 };
                libc::nanosleep(&raw const pause, ptr::null_mut());
            }
            if Errno::last_raw() == libc::ENOEXEC {
                // A script without its first line is the shell's, as from any shell.
                libc::execve(SHELL.as_ptr(), words.as_ptr(), self.environment.as_ptr());
            }
            Errno::last_raw()
        }
    }

    unsafe fn tell(&self, octet: u8) {
        // SAFETY: writes one octet of our own stack; the pipe is ours and far from full.
        unsafe { libc::write(self.report, (&raw const octet).cast(), 1) };
    }
}

/// How a script ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this code; 128 and the signal's number when a signal ended it. The second
    /// number is the place of the candidate that ran.
    Exited(u8, usize),
    /// There was nothing to execute.
    Missing,
}

/// A script that runs, or that ended and was not looked at yet.
#[derive(Debug)]
pub(crate) struct Script {
    pid: Pid,
    pidfd: OwnedFd,
    output: File,
    place: File,
}

impl Script {
    /// Becomes readable when the script ends.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Its process, which leads its session and group.
    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    /// How it ended, or `None` while it runs; never waits. Call it once after that.
    pub(crate) fn ended(&mut self) -> Option<Ended> {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        let code = match waitid(Id::PIDFd(self.pidfd.as_fd()), flags) {
            Ok(WaitStatus::Exited(_, code)) => code.to_le_bytes()[0],
            Ok(WaitStatus::Signaled(_, signal, _)) => (128 + signal as i32).to_le_bytes()[0],
            Ok(_) | Err(Errno::EINTR) => return None,
            // Nobody else waits for our children.
            Err(error) => panic!("a child that was not reaped can be waited for: {error}"),
        };
        // What a service that was left behind still writes must not fill the memory.
        self.seal();
        let mut told = Vec::new();
        let _ = (&self.place).take(256).read_to_end(&mut told);
        match told.last() {
            Some(&MISSING) => Some(Ended::Missing),
            Some(&place) => Some(Ended::Exited(code, usize::from(place))),
            None => Some(Ended::Exited(code, 0)),
        }
    }

    /// Ends its writing if it wrote more than any script has reason to. Between two
    /// looks it may exceed that. A size fixed from the start would be exact, but fails
    /// what scripts do: `> /dev/stderr` truncates first.
    pub(crate) fn contain(&self) {
        if self.output.metadata().is_ok_and(|output| output.len() > OUTPUT_MAX) {
            self.seal();
        }
    }

    fn seal(&self) {
        // Cannot fail on a memfd of ours, and nothing hangs on it.
        let _ = fcntl(&self.output, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW));
    }

    /// The first [`STATUS_OUTPUT_MAX`] octets of what it wrote.
    pub(crate) fn output(&self) -> Vec<u8> {
        let mut output = vec![0; STATUS_OUTPUT_MAX];
        let length = self.output.read_at(&mut output, 0).unwrap_or(0);
        output.truncate(length);
        output
    }

    /// Sends `signal` to it and all that it started in its group. Only before
    /// [`Self::ended`] has returned an end: until then the number cannot be another's.
    pub(crate) fn signal(&self, signal: Signal) {
        if killpg(self.pid, signal).is_err() {
            // Before its `setsid` it has no group of its own.
            let _ = kill(self.pid, signal);
        }
    }
}

fn c(text: impl Into<Vec<u8>>) -> io::Result<CString> {
    CString::new(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn open_pidfd(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: takes two integers and returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    match i32::try_from(fd) {
        // SAFETY: the kernel has just made it, and nobody else has it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
