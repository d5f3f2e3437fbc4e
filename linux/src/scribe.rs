//! The scribe: a child process that waits for disks and terminals, so that the
//! daemon never does.
//!
//! Log lines and records reach it through a pipe that the daemon writes without
//! waiting; when the pipe is full a line is dropped and counted, and the count is
//! written as soon as there is room again. The scribe reopens a log file that was
//! renamed or removed, and ends when the daemon does.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::memory;
use crate::state::record_text;
use latido_core::id::Generation;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{ForkResult, dup2_stdin, fork, pipe2};

/// What the pipe holds, in octets: some thousand lines.
const PIPE_SIZE: i32 = 256 * 1024;
/// Octets of a line: a pipe takes so many whole or not at all (`PIPE_BUF`).
const LINE_MAX: usize = 4_096;
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
    pipe: File,
    dropped: u64,
}

impl Scribe {
    /// Starts the scribe. To be called before anything large is loaded: it is a copy
    /// of this process.
    ///
    /// # Errors
    /// If there is no pipe or no process to be had.
    pub(crate) fn start(desk: &Desk) -> io::Result<Self> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        // SAFETY: the daemon has one thread, so the child may go on as the parent would.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(write);
                let code = match serve(read, desk) {
                    Ok(()) => 0,
                    Err(_) => 1,
                };
                std::process::exit(code);
            }
            ForkResult::Parent { .. } => {
                drop(read);
                // A smaller pipe only drops lines earlier.
                let _ = fcntl(&write, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
                fcntl(&write, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
                Ok(Self { pipe: write.into(), dropped: 0 })
            }
        }
    }
}

/// A second hold of the pipe, for what is to be kept rather than read.
#[derive(Debug)]
pub(crate) struct Records {
    pipe: File,
}

impl Records {
    /// Writes to the same scribe as `scribe`.
    ///
    /// # Errors
    /// If there is no descriptor to be had.
    pub(crate) fn new(scribe: &Scribe) -> io::Result<Self> {
        Ok(Self { pipe: scribe.pipe.try_clone()? })
    }

    /// Has the newest generation of `node` kept, when the disk allows. A record that
    /// finds the pipe full is lost; the next start of the node makes another.
    pub(crate) fn keep(&mut self, node: &str, generation: Generation) {
        let text = record_text(node, generation);
        let line = [&[RECORD], text.as_bytes(), b"\n"].concat();
        let _ = self.pipe.write(&line);
    }
}

impl Write for Scribe {
    /// Writes one whole line, cut to [`LINE_MAX`], or drops and counts it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.dropped > 0 {
            let notice =
                format!("latido: {} log line(s) were lost: nobody read them\n", self.dropped);
            if self.pipe.write(notice.as_bytes()).is_ok() {
                self.dropped = 0;
            }
        }
        let whole = match line.get(..LINE_MAX - 1) {
            Some(start) if line.len() > LINE_MAX => &[start, b"\n"].concat(),
            Some(_) | None => line,
        };
        if self.dropped > 0 || self.pipe.write(whole).is_err() {
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
    memory::release_start()?;
    if let Ok(null) = File::open("/dev/null") {
        let _ = dup2_stdin(null.as_fd());
    }
    let mut log = Log { path: desk.logfile.clone(), file: None, complained: false };
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
                log.write(text.as_bytes(), desk.stderr);
            }
        } else {
            log.write(&line, desk.stderr);
        }
    }
}

fn ignore_signals() -> io::Result<()> {
    use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
    for ignored in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGPIPE] {
        // SAFETY: to ignore a signal runs no code of ours.
        unsafe { signal(ignored, SigHandler::SigIgn) }?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    Ok(())
}

/// A log file that may be renamed at any time.
struct Log {
    path: Option<PathBuf>,
    file: Option<File>,
    complained: bool,
}

impl Log {
    fn write(&mut self, line: &[u8], stderr: bool) {
        if stderr {
            // Nobody is left to be told that standard error is closed.
            let _ = io::stderr().write_all(line);
        }
        if let Err(error) = self.append(line) {
            if !self.complained {
                let _ = writeln!(io::stderr(), "latido: the log file cannot be written: {error}");
            }
            self.complained = true;
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
