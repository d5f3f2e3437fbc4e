//! One netlink request at a time: send it, read its answer, wait no longer than
//! [`PATIENCE`]. It does not know what the messages mean.

use std::io;
use std::os::fd::AsFd;

use latido_core::time::Duration;
use netlink_packet_core::{
    DoneBuffer, ErrorBuffer, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
    NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::message::messages;
use crate::clock;

/// The longest that one request may hold up the daemon. The kernel answers within
/// microseconds unless something else keeps its routing lock.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);
/// The kernel puts at most this much of a dump into one datagram.
const ANSWER_MAX: usize = 32 * 1_024;

/// A netlink socket that asks.
#[derive(Debug)]
pub(crate) struct Requests {
    socket: Socket,
    sequence: u32,
    buffer: Box<[u8]>,
}

/// What one message of an answer means for the exchange.
enum Step {
    More,
    Finished(io::Result<()>),
}

impl Requests {
    /// Opens the socket in the network namespace of the calling thread.
    ///
    /// # Errors
    /// Those of `socket` and `bind`.
    pub(crate) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; ANSWER_MAX].into() })
    }

    /// Sends `message` and hands each message of the answer, its type and its payload,
    /// to `each`. `flags` contain `NLM_F_ACK` or `NLM_F_DUMP`: without either the
    /// answer has no end.
    ///
    /// # Errors
    /// The error that the kernel answers with; `TimedOut` without an answer;
    /// `Interrupted` for a dump during which what it lists changed; `InvalidData` for
    /// an answer that cannot be read.
    pub(crate) fn exchange(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
        mut each: impl FnMut(u16, &[u8]),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        message.finalize();
        let mut request = vec![0; message.buffer_len()];
        message.serialize(&mut request);

        let deadline = clock::now().after(PATIENCE);
        self.socket.send(&request, 0)?;
        let mut interrupted = false;
        loop {
            self.wait(deadline)?;
            let mut room = &mut self.buffer[..];
            let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
            let (length, sender) = match self.socket.recv_from(&mut room, flags) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                received => received?,
            };
            let datagram = self.buffer.get(..length).ok_or(io::ErrorKind::InvalidData)?;
            // Port 0 is the kernel's; a late answer to an earlier request is passed over.
            if sender.port_number() != 0 {
                continue;
            }
            for answer in messages(datagram) {
                if answer.sequence_number() != self.sequence {
                    continue;
                }
                interrupted |= answer.flags() & NLM_F_DUMP_INTR != 0;
                match step(&answer, &mut each) {
                    Step::More => {}
                    Step::Finished(Ok(())) if interrupted => {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                    Step::Finished(outcome) => return outcome,
                }
            }
        }
    }

    /// Waits until there is something to read, or fails with `TimedOut`.
    fn wait(&self, deadline: latido_core::time::Instant) -> io::Result<()> {
        let left = deadline.since(clock::now());
        if left == Duration::ZERO {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let millis = u16::try_from(left.as_millis() + 1).expect("PATIENCE is under a minute");
        let mut readable = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut readable, PollTimeout::from(millis)) {
            // A signal; the loop looks at the clock again.
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn step(answer: &NetlinkBuffer<&[u8]>, each: &mut impl FnMut(u16, &[u8])) -> Step {
    let malformed = || Step::Finished(Err(io::ErrorKind::InvalidData.into()));
    match answer.message_type() {
        NLMSG_ERROR => match ErrorBuffer::new_checked(answer.payload()) {
            Ok(error) => Step::Finished(outcome(error.code().map_or(0, i32::from))),
            Err(_) => malformed(),
        },
        NLMSG_DONE => match DoneBuffer::new_checked(answer.payload()) {
            Ok(done) => Step::Finished(outcome(done.code())),
            Err(_) => malformed(),
        },
        kind => {
            each(kind, answer.payload());
            Step::More
        }
    }
}

/// The kernel writes an error as its negative number and success as zero.
fn outcome(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code.saturating_neg())) }
}
