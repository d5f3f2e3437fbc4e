//! The scribe: a child process that waits for disks and terminals, so that the
//! daemon never does.
//!
//! Log lines and records reach it through a pipe that the daemon writes without
//! waiting; when the pipe is full a line is dropped and counted, and the count is
//! written as soon as there is room again. The scribe reopens a log file that was
//! renamed or removed, and ends when the daemon does. One that dies earlier is replaced
//! when the next line finds it gone.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use latido_core::id::Generation;
use latido_core::time::{Duration, Instant};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stdin, fork, pipe2};

use crate::state::record_text;
use crate::{clock, memory};

/// What the pipe holds, in octets: some thousand lines.
const PIPE_SIZE: i32 = 256 * 1024;
/// Octets of a line: a pipe takes so many whole or not at all (`PIPE_BUF`).
const LINE_MAX: usize = 4_096;
/// From one start of a scribe to the next: one that dies at once is not to cost more.
const RESTART_INTERVAL: Duration = Duration::from_secs(1);
/// A line that begins with it is a record to be kept, not one for the log.
const RECORD: u8 = 0x01;

/// Where the scribe writes.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    /// The log file, if there is one.
    pub(crate) logfile: Option<PathBuf>,
    /// Whether lines go to standard error too.
    pub(crate) stderr: bool,
    /// The file that a record replaces.
    pub(crate) record: PathBuf,
}

/// The daemon's end of the pipe.
#[derive(Debug)]
pub(crate) struct Scribe {
    /// Another scribe's pipe takes the place, and the number, of a dead one's, so that
    /// it is a new one for [`Records`], too.
    pipe: Arc<File>,
    desk: Desk,
    /// The process, until it has been reaped.
    child: Option<Pid>,
    started: Instant,
    died: bool,
    dropped: u64,
}

impl Scribe {
    /// Starts the scribe. To be called before anything large is loaded: it is a copy
    /// of this process.
    ///
    /// # Errors
    /// If there is no pipe or no process to be had.
    pub(crate) fn start(desk: &Desk) -> io::Result<Self> {
        let (pipe, child) = employ(desk)?;
        Ok(Self {
            pipe: Arc::new(pipe),
            desk: desk.clone(),
            child: Some(child),
            started: clock::now(),
            died: false,
            dropped: 0,
        })
    }

    /// Sends a line, after the one that tells what was lost before it.
    fn send(&mut self, line: &[u8]) -> io::Result<()> {
        if self.died || self.dropped > 0 {
            let dropped = self.dropped;
            let notice = if self.died {
                format!("latido: the log writer died; {dropped} log line(s) were lost\n")
            } else {
                format!("latido: {dropped} log line(s) were lost: nobody read them\n")
            };
            (&*self.pipe).write_all(notice.as_bytes())?;
            (self.died, self.dropped) = (false, 0);
        }
        (&*self.pipe).write_all(line)
    }

    /// Puts another scribe in the place of a dead one, if that has not just been done.
    fn replace_dead(&mut self) -> bool {
        let now = clock::now();
        if now < self.started.after(RESTART_INTERVAL) {
            return false;
        }
        if let Some(child) = self.child
            && waitpid(child, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive)
        {
            return false; // It has closed the pipe and is about to end.
        }
        (self.child, self.started) = (None, now);
        let Ok((pipe, child)) = employ(&self.desk) else { return false };
        self.child = Some(child);
        // SAFETY: the descriptor stays open and ours; only what it refers to changes, and
        // who holds it wants the pipe of the scribe, whichever that is.
        let replaced =
            unsafe { libc::dup3(pipe.as_raw_fd(), self.pipe.as_raw_fd(), libc::O_CLOEXEC) };
        replaced >= 0
    }
}

/// Starts a scribe: the daemon's end of its pipe, and its process.
fn employ(desk: &Desk) -> io::Result<(File, Pid)> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    // SAFETY: the daemon has one thread, so the child may go on as the parent would.
    match unsafe { fork() }? {
        ForkResult::Child => {
            close_all_but(&read);
            let code = match serve(read, desk) {
                Ok(()) => 0,
                Err(_) => 1,
            };
            std::process::exit(code);
        }
        ForkResult::Parent { child } => {
            drop(read);
            // A smaller pipe only drops lines earlier.
            let _ = fcntl(&write, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
            fcntl(&write, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
            Ok((write.into(), child))
        }
    }
}

/// Closes everything but `kept` and the standard streams. A scribe that hangs on its
/// disk outlives the daemon; the lock and the sockets must not.
fn close_all_but(kept: &OwnedFd) {
    let kept = kept.as_raw_fd().cast_unsigned();
    for (first, last) in [(3, kept.saturating_sub(1)), (kept + 1, u32::MAX)] {
        // An empty range is refused, and nothing is lost by it.
        // SAFETY: in a child that uses no descriptor from here on but `kept` and the
        // standard streams, and never drops what it had of others.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    }
}

/// A second hold of the pipe, for what is to be kept rather than read.
#[derive(Debug)]
pub(crate) struct Records {
    pipe: Arc<File>,
}

impl Records {
    /// Writes to the same scribe as `scribe`.
    pub(crate) fn new(scribe: &Scribe) -> Self {
        Self { pipe: Arc::clone(&scribe.pipe) }
    }

    /// Has the newest generation of `node` kept, when the disk allows. A record that
    /// finds the pipe full is lost; the next start of the node makes another.
    pub(crate) fn keep(&mut self, node: &str, generation: Generation) {
        let text = record_text(node, generation);
        let line = [&[RECORD], text.as_bytes(), b"\n"].concat();
        let _ = (&*self.pipe).write(&line);
    }
}

impl Write for Scribe {
    /// Writes one whole line, cut to [`LINE_MAX`], or drops and counts it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let whole = match line.get(..LINE_MAX - 1) {
            Some(start) if line.len() > LINE_MAX => &[start, b"\n"].concat(),
            Some(_) | None => line,
        };
        let mut sent = self.send(whole);
        if sent.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.died = true;
            if self.replace_dead() {
                sent = self.send(whole);
            }
        }
        if sent.is_err() {
            self.dropped += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The scribe's life.
fn serve(pipe: OwnedFd, desk: &Desk) -> io::Result<()> {
    // Signals for the daemon's group are not for the scribe: it ends with the pipe.
    ignore_signals()?;
    // Memory that is not given back is no reason to write no log; nor can the log, which
    // this is, be told.
    let _ = memory::release_start();
    if let Ok(null) = File::open("/dev/null") {
        let _ = dup2_stdin(null.as_fd());
    }
    let mut log = Log::new(desk);
    let mut lines = BufReader::new(File::from(pipe));
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if let [RECORD, text @ ..] = &line[..] {
            if let Err(error) = replace(&desk.record, text) {
                let text = format!("latido: {} was not written: {error}\n", desk.record.display());
                log.write(text.as_bytes());
            }
        } else {
            log.write(&line);
        }
    }
}

fn ignore_signals() -> io::Result<()> {
    use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
    for ignored in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGPIPE,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
    ] {
        // SAFETY: to ignore a signal runs no code of ours.
        unsafe { signal(ignored, SigHandler::SigIgn) }?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// A log file that may be renamed at any time, and standard error, which a terminal
/// may hold up at any time.
struct Log {
    path: Option<PathBuf>,
    file: Option<File>,
    complained: bool,
    stderr: bool,
    /// Lines that standard error did not take.
    unshown: u64,
}

impl Log {
    fn new(desk: &Desk) -> Self {
        let path = desk.logfile.clone();
        Self { path, file: None, complained: false, stderr: desk.stderr, unshown: 0 }
    }

    /// The file first: whatever becomes of standard error, it has the line.
    fn write(&mut self, line: &[u8]) {
        let appended = self.append(line);
        if self.stderr {
            self.show(line);
        }
        if let Err(error) = appended {
            if !self.complained {
                self.show(format!("latido: the log file cannot be written: {error}\n").as_bytes());
            }
            self.complained = true;
        }
    }

    /// Writes to standard error, unless that would wait.
    fn show(&mut self, line: &[u8]) {
        // Nobody is left to be told that standard error is closed.
        if self.unshown > 0 && is_stderr_ready() {
            let notice = format!("latido: {} log line(s) were not shown here\n", self.unshown);
            let _ = io::stderr().write_all(notice.as_bytes());
            self.unshown = 0;
        }
        if self.unshown == 0 && is_stderr_ready() {
            let _ = io::stderr().write_all(line);
        } else {
            self.unshown += 1;
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if let Some(file) = &self.file
            && !is_same(file, path)
        {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let open = OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
                none.insert(open)
            }
        };
        file.write_all(line)
    }
}

/// Whether standard error takes a line, or an error, at once.
fn is_stderr_ready() -> bool {
    let stderr = io::stderr();
    let mut polled = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    poll(&mut polled, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

/// Whether `path` still names `file`.
fn is_same(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// Replaces `path` by `text` so that after a crash it is the old or the new one.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut new = OsString::from(path);
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
