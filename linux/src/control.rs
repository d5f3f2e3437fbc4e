//! The control socket: how `latido status`, `standby` and `takeover` reach the daemon.
//!
//! One request a connection, one line; the answer is text, then the end. Who may
//! connect is the socket's mode (0660 for group `haclient` where there is one, else
//! 0600); who may act is asked of the kernel (`SO_PEERCRED`): root and the daemon's
//! own user. A client that is slow or silent is dropped, never waited for, and however
//! many ask, a turn serves a few of them: heartbeats come first.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use latido_core::Command;
use latido_core::wire::Hold;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Gid, Uid, chown, geteuid};

use crate::state::named;

/// Connections at once; the oldest makes room for a new one.
const CLIENTS_MAX: usize = 8;
/// Connections that one turn accepts. The rest waits in the kernel, which says so.
const ACCEPTED_PER_TURN: usize = 4;
/// Requests that one turn reads, bad ones too.
const REQUESTS_PER_TURN: usize = 4;
/// Octets of a request.
const REQUEST_MAX: usize = 256;
/// Who may read, by the original's name for the group.
const GROUP: &str = "haclient";
/// How long a tool waits for the daemon.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The state of everything, as JSON.
    Status,
    /// Something that changes it.
    Act(Command),
}

/// The daemon's end.
#[derive(Debug)]
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
    clients: Vec<Client>,
    /// Connections that this turn may still accept.
    acceptable: usize,
    /// Requests that this turn may still read.
    readable: usize,
    /// The last connection could not be accepted, for want of descriptors or memory.
    /// Polled, it would be ready for ever; so it is only tried, once a turn.
    deaf: bool,
    _lock: Flock<File>,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    request: Vec<u8>,
}

/// A client whose request is complete and waits for its answer.
#[derive(Debug)]
pub(crate) struct Asker(UnixStream);

impl Control {
    /// Takes the lock of `run_dir` and listens there.
    ///
    /// # Errors
    /// `AddrInUse` if another daemon holds the lock; else what the system says.
    pub(crate) fn open(run_dir: &Path) -> io::Result<Self> {
        let about = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| named(&path, &error)
        };
        if !run_dir.is_dir() {
            fs::create_dir_all(run_dir).map_err(about(run_dir))?;
            fs::set_permissions(run_dir, Permissions::from_mode(0o755)).map_err(about(run_dir))?;
        }
        let lock = run_dir.join("latido.lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&lock).map_err(about(&lock))?;
        // Whoever can open it can lock it, and no daemon would start.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(about(&lock))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, _)| {
            let text = format!("latido runs already: it holds {}", lock.display());
            io::Error::new(ErrorKind::AddrInUse, text)
        })?;
        let path = socket_path(run_dir);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(named(&path, &error)),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path).map_err(about(&path))?;
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        let mode = match group_id(&groups, GROUP) {
            Some(gid) if chown(&path, None::<Uid>, Some(gid)).is_ok() => 0o660,
            Some(_) | None => 0o600,
        };
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(about(&path))?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            path,
            clients: Vec::with_capacity(CLIENTS_MAX),
            acceptable: ACCEPTED_PER_TURN,
            readable: REQUESTS_PER_TURN,
            deaf: false,
            _lock: lock,
        })
    }

    /// A new turn may accept and read anew.
    pub(crate) const fn begin_turn(&mut self) {
        self.acceptable = ACCEPTED_PER_TURN;
        self.readable = REQUESTS_PER_TURN;
    }

    /// What to poll for reading.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let clients = self.clients.iter().map(|client| client.stream.as_fd());
        (!self.deaf).then(|| self.listener.as_fd()).into_iter().chain(clients)
    }

    /// The next complete request, or none when this turn has had its share. Bad ones
    /// are answered here.
    pub(crate) fn next(&mut self) -> Option<(Request, Asker)> {
        loop {
            // Those who are here first, so that none who has asked makes room.
            if let Some(next) = self.next_of_clients() {
                return Some(next);
            }
            if self.readable == 0 || !self.accept() {
                return None;
            }
        }
    }

    fn next_of_clients(&mut self) -> Option<(Request, Asker)> {
        let mut at = 0;
        while at < self.clients.len() && self.readable > 0 {
            match self.clients[at].read() {
                Progress::Waiting => at += 1,
                Progress::Gone => drop(self.clients.remove(at)),
                Progress::Complete => {
                    self.readable -= 1;
                    let client = self.clients.remove(at);
                    let asker = Asker(client.stream);
                    match permitted(&asker.0, &client.request) {
                        Ok(request) => return Some((request, asker)),
                        Err(refusal) => asker.answer(&refusal),
                    }
                }
            }
        }
        None
    }

    /// Accepts one connection, if there is one and the turn has not had its share.
    fn accept(&mut self) -> bool {
        if self.acceptable == 0 {
            return false;
        }
        let accepted = self.listener.accept();
        self.deaf = accepted.as_ref().is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
        let Ok((stream, _)) = accepted else { return false };
        self.acceptable -= 1;
        if self.clients.len() == CLIENTS_MAX {
            self.clients.remove(0);
        }
        if stream.set_nonblocking(true).is_ok() {
            self.clients.push(Client { stream, request: Vec::new() });
        }
        true
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nobody is served any more; a file that stays would only puzzle.
        let _ = fs::remove_file(&self.path);
    }
}

enum Progress {
    Waiting,
    Complete,
    Gone,
}

impl Client {
    fn read(&mut self) -> Progress {
        let mut octets = [0; REQUEST_MAX];
        match self.stream.read(&mut octets) {
            Ok(0) => Progress::Gone,
            Ok(count) => {
                self.request.extend_from_slice(&octets[..count]);
                if self.request.ends_with(b"\n") {
                    Progress::Complete
                } else if self.request.len() >= REQUEST_MAX {
                    Progress::Gone
                } else {
                    Progress::Waiting
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Progress::Waiting,
            Err(_) => Progress::Gone,
        }
    }
}

impl Asker {
    /// Sends the answer, as far as the client takes it at once.
    pub(crate) fn answer(mut self, text: &str) {
        // A client that does not read its answer is its own loss.
        let _ = self.0.write_all(text.as_bytes());
    }
}

/// Reads a request, and checks that the one who asks may.
fn permitted(stream: &UnixStream, request: &[u8]) -> Result<Request, String> {
    let text = str::from_utf8(request).unwrap_or_default().trim();
    let request = parse(text).ok_or_else(|| format!("error: I do not know '{text}'\n"))?;
    let who = getsockopt(stream, PeerCredentials).map_err(|error| format!("error: {error}\n"))?;
    allowed(request, who.uid())
}

/// Whether `user` may ask for it.
fn allowed(request: Request, user: u32) -> Result<Request, String> {
    let may_act = user == 0 || user == geteuid().as_raw();
    match request {
        Request::Act(_) if !may_act => {
            Err("error: only root may change anything; try it with sudo\n".to_owned())
        }
        Request::Status | Request::Act(_) => Ok(request),
    }
}

/// Reads `status`, `standby SET` or `takeover SET`.
fn parse(text: &str) -> Option<Request> {
    let mut words = text.split_ascii_whitespace();
    let request = match (words.next()?, words.next()) {
        ("status", None) => Request::Status,
        ("standby", Some(set)) => Request::Act(Command::Standby(Hold::from_word(set)?)),
        ("takeover", Some(set)) => Request::Act(Command::Takeover(Hold::from_word(set)?)),
        _ => return None,
    };
    words.next().is_none().then_some(request)
}

/// The number of group `name` in the text of `/etc/group`. Read by hand: the library
/// call loads every name service of the machine into a daemon that needs none.
fn group_id(groups: &str, name: &str) -> Option<Gid> {
    let line = groups.lines().find(|line| line.split(':').next() == Some(name))?;
    Some(Gid::from_raw(line.split(':').nth(2)?.parse().ok()?))
}

/// Where the daemon of `run_dir` listens.
pub(crate) fn socket_path(run_dir: &Path) -> PathBuf {
    run_dir.join("latido.sock")
}

/// Asks the daemon of `run_dir`, and waits for its answer.
///
/// # Errors
/// If there is no daemon, it may not be asked, or it does not answer.
pub(crate) fn ask(run_dir: &Path, request: &str) -> io::Result<String> {
    let path = socket_path(run_dir);
    let mut stream = UnixStream::connect(&path).map_err(|error| {
        let text = match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                format!("latido is not running here (nobody listens at {})", path.display())
            }
            ErrorKind::PermissionDenied => {
                format!("you may not ask: be root, or of the group of {}", path.display())
            }
            _ => format!("{}: {error}", path.display()),
        };
        io::Error::new(error.kind(), text)
    })?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    writeln!(stream, "{request}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            let text = format!("latido does not answer within {} s", ANSWER_WITHIN.as_secs());
            io::Error::new(ErrorKind::TimedOut, text)
        }
        _ => error,
    })?;
    Ok(answer)
}

#[cfg(test)]
mod tests;
