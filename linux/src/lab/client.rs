//! The client of the service: every 5 ms a new connection and an HTTP request to the public
//! address, each abandoned after 50 ms. It records who answered when; gaps are computed from
//! that record.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, connect, recv, send, setsockopt,
    socket, sockopt,
};
use nix::sys::time::TimeSpec;

use super::netns::Netns;
use super::network::PUBLIC;
use super::timeline::{Event, What};

/// A new request this often.
const INTERVAL: Duration = Duration::from_millis(5);
/// A request is abandoned after this time.
const PATIENCE: Duration = Duration::from_millis(50);
/// The timeline says that nobody answers after this time.
const SILENCE: Duration = Duration::from_millis(100);
/// A busy machine is silent for as long without any fault.
const NOTHING: Duration = Duration::from_millis(25);
const REQUEST: &[u8] = b"GET / HTTP/1.0\r\nHost: 192.168.1.251\r\n\r\n";

/// One answered request.
#[derive(Clone, Debug)]
struct Answer {
    at: Instant,
    by: String,
}

/// A time in which one host answered.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) by: String,
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// The running client.
pub(crate) struct Client {
    answers: Arc<Mutex<Vec<Answer>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// Starts asking, from the namespace of the client.
    pub(super) fn start(netns: &Netns, events: Sender<Event>) -> io::Result<Self> {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut asking = Asking {
            answers: Arc::clone(&answers),
            events,
            open: VecDeque::new(),
            last: None,
            silent: false,
        };
        let (file, stopped) = (netns.file()?, Arc::clone(&stop));
        let thread = thread::Builder::new().name("client".to_owned()).spawn(move || {
            nix::sched::setns(file, nix::sched::CloneFlags::CLONE_NEWNET)
                .expect("a namespace of our own can be entered");
            asking.ask_until(&stopped);
        })?;
        Ok(Self { answers, stop, thread: Some(thread) })
    }

    /// When `host` answered first after `from`.
    pub(super) fn first_answer(&self, host: &str, from: Instant) -> Option<Instant> {
        let answers = self.answers.lock().expect("no holder of the lock panics");
        answers.iter().find(|answer| answer.at >= from && answer.by == host).map(|first| first.at)
    }

    /// Who answered from when to when. Silences of one host of no more than `NOTHING` are passed
    /// over.
    pub(super) fn spans(&self) -> Vec<Span> {
        let answers = self.answers.lock().expect("no holder of the lock panics");
        let mut spans: Vec<Span> = Vec::new();
        for answer in answers.iter() {
            match spans.last_mut() {
                Some(span) if span.by == answer.by && answer.at - span.to <= NOTHING => {
                    span.to = answer.at;
                }
                _ => spans.push(Span { by: answer.by.clone(), from: answer.at, to: answer.at }),
            }
        }
        spans
    }

    /// The longest time without an answer that ended between two moments.
    pub(super) fn longest_silence(&self, from: Instant, to: Instant) -> Option<Duration> {
        let answers = self.answers.lock().expect("no holder of the lock panics");
        answers
            .windows(2)
            .filter(|pair| pair[1].at >= from && pair[1].at <= to)
            .map(|pair| pair[1].at.duration_since(pair[0].at))
            .max()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the client does not panic");
        }
    }
}

/// The client's thread.
struct Asking {
    answers: Arc<Mutex<Vec<Answer>>>,
    events: Sender<Event>,
    /// Oldest first.
    open: VecDeque<Request>,
    last: Option<Answer>,
    silent: bool,
}

/// A request that has neither been answered nor abandoned.
struct Request {
    socket: OwnedFd,
    begun: Instant,
    asked: bool,
    received: Vec<u8>,
}

/// How far a request has come.
enum Progress {
    Open,
    Answered(String),
    Failed,
}

impl Asking {
    fn ask_until(&mut self, stop: &AtomicBool) {
        let mut next = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            if now >= next {
                // After a stall the pace goes on from here; a burst would measure nothing.
                next = if now - next > PATIENCE { now } else { next } + INTERVAL;
                self.open.extend(Request::begin(now));
            }
            while self.open.front().is_some_and(|oldest| oldest.begun + PATIENCE <= now) {
                self.open.pop_front();
            }
            self.notice_silence(now);
            self.wait(next.saturating_duration_since(now));
        }
    }

    /// Waits for progress of any request, or until the next one is due.
    fn wait(&mut self, patience: Duration) {
        let mut sources: Vec<PollFd<'_>> = self
            .open
            .iter()
            .map(|request| PollFd::new(request.socket.as_fd(), request.awaits()))
            .collect();
        // An interrupted wait is a short one.
        let _ready = ppoll(&mut sources, Some(TimeSpec::from_duration(patience)), None);
        let ready: Vec<bool> = sources.iter().map(|source| source.any() == Some(true)).collect();
        drop(sources);
        let at = Instant::now();
        let mut kept = VecDeque::with_capacity(self.open.len());
        for (mut request, ready) in std::mem::take(&mut self.open).into_iter().zip(ready) {
            match if ready { request.proceed() } else { Progress::Open } {
                Progress::Open => kept.push_back(request),
                Progress::Answered(by) => self.record(Answer { at, by }),
                Progress::Failed => {}
            }
        }
        self.open = kept;
    }

    fn record(&mut self, answer: Answer) {
        // Whoever hears of an answer must find it in the record.
        self.answers.lock().expect("no holder of the lock panics").push(answer.clone());
        let known = self.last.as_ref().is_some_and(|last| last.by == answer.by);
        if !known || self.silent {
            let silence = self.last.as_ref().map(|last| answer.at - last.at);
            let silence = silence.filter(|silence| *silence > 2 * INTERVAL);
            self.tell(answer.at, What::Answered { by: answer.by.clone(), silence });
        }
        self.silent = false;
        self.last = Some(answer);
    }

    fn notice_silence(&mut self, now: Instant) {
        let overdue = self.last.as_ref().is_some_and(|last| now - last.at > SILENCE);
        if overdue && !self.silent {
            self.silent = true;
            self.tell(now, What::Silent);
        }
    }

    fn tell(&self, at: Instant, what: What) {
        // The lab that ends does not listen any more.
        let _heard = self.events.send(Event { at, what });
    }
}

impl Request {
    /// Opens the connection; `None` when the machine has no route or no socket left.
    fn begin(begun: Instant) -> Option<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None).ok()?;
        // An abandoned connection is forgotten at once, on both sides.
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        setsockopt(&socket, sockopt::Linger, &linger).ok()?;
        let [a, b, c, d] = PUBLIC.octets();
        match connect(socket.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 80)) {
            Ok(()) | Err(Errno::EINPROGRESS) => {
                Some(Self { socket, begun, asked: false, received: Vec::new() })
            }
            Err(_) => None,
        }
    }

    fn awaits(&self) -> PollFlags {
        if self.asked { PollFlags::POLLIN } else { PollFlags::POLLOUT }
    }

    fn proceed(&mut self) -> Progress {
        let mut buffer = [0; 512];
        let done = if self.asked {
            recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())
        } else {
            self.asked = true;
            send(self.socket.as_raw_fd(), REQUEST, MsgFlags::MSG_NOSIGNAL).map(|_sent| 0)
        };
        match done {
            Err(Errno::EAGAIN) => Progress::Open,
            Err(_) => Progress::Failed,
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                host(&self.received).map_or(Progress::Open, Progress::Answered)
            }
        }
    }
}

/// The host name in a complete response.
fn host(response: &[u8]) -> Option<String> {
    let text = str::from_utf8(response).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let served = head.starts_with("HTTP/1.0 200 ") || head.starts_with("HTTP/1.1 200 ");
    let host = body.strip_suffix('\n').filter(|_| served)?;
    Some(host.to_owned())
}

#[cfg(test)]
mod tests;
