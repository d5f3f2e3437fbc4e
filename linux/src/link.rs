//! One `bcast` heartbeat device: a socket that hears what arrives on it and one that
//! broadcasts from it (specification 2). It neither reads nor checks a datagram, and
//! it does not watch the device: whoever listens to netlink says [`Link::refresh`],
//! [`Link::close`] and [`Link::open`].

use std::ffi::OsString;
use std::io;
use std::mem;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, recv, sendto, setsockopt,
    socket, sockopt,
};

/// Octets that the kernel may queue before it drops. Not only for a node that was
/// stopped for a while and still finds the beats of that time: of a hundred thousand
/// datagrams a second this holds some fifty milliseconds, and a beat that finds the
/// queue full is lost. It is the kernel's memory, taken only while something waits.
const RECEIVE_BUFFER: usize = 4 * 1_024 * 1_024;

mod request {
    nix::ioctl_read_bad!(broadcast_address, nix::libc::SIOCGIFBRDADDR, nix::libc::ifreq);
}

/// A heartbeat device and its two sockets. Closed when new.
#[derive(Debug)]
pub(crate) struct Link {
    device: String,
    port: u16,
    sockets: Option<Sockets>,
}

#[derive(Debug)]
struct Sockets {
    /// The device's number when it was opened; a device made anew has another.
    index: u32,
    receive: OwnedFd,
    send: OwnedFd,
    destination: SockaddrIn,
}

impl Link {
    /// The link over `device`, to and from UDP `port`; nothing is opened yet.
    #[must_use]
    pub(crate) fn new(device: &str, port: u16) -> Self {
        Self { device: device.to_owned(), port, sockets: None }
    }

    /// The device's name as configured.
    #[must_use]
    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// The UDP port.
    #[must_use]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether there are sockets to send and to receive with.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        self.sockets.is_some()
    }

    /// The number that the device had when the link was opened. When netlink reports
    /// this name with another number the device was made anew: open again.
    #[must_use]
    pub(crate) fn index(&self) -> Option<u32> {
        self.sockets.as_ref().map(|sockets| sockets.index)
    }

    /// The descriptor that becomes readable when a datagram has come.
    #[must_use]
    pub(crate) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.sockets.as_ref().map(|sockets| sockets.receive.as_fd())
    }

    /// Opens both sockets, in place of those that were open. A device that is down or
    /// has no address can be opened.
    ///
    /// # Errors
    /// The link is closed. [`is_device_absent`] tells a missing device from the rest,
    /// of which the likely one is a missing privilege for `port`.
    pub(crate) fn open(&mut self) -> io::Result<()> {
        self.close();
        // The kernel would cut a longer name short and take the empty one for "any".
        if self.device.is_empty() || self.device.len() >= libc::IFNAMSIZ {
            return Err(Errno::ENODEV.into());
        }
        let index = if_nametoindex(self.device.as_str())?;
        let receive = self.bound_socket()?;
        setsockopt(&receive, sockopt::ReuseAddr, &true)?;
        // Only CAP_NET_ADMIN may go beyond net.core.rmem_max.
        if setsockopt(&receive, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            setsockopt(&receive, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
        }
        bind(receive.as_raw_fd(), &SockaddrIn::new(0, 0, 0, 0, self.port))?;
        let send = self.bound_socket()?;
        setsockopt(&send, sockopt::Broadcast, &true)?;
        setsockopt(&send, sockopt::DontRoute, &true)?;
        setsockopt(&send, sockopt::Ipv4Tos, &i32::from(libc::IPTOS_LOWDELAY))?;
        let destination = self.destination(send.as_raw_fd())?;
        self.sockets = Some(Sockets { index, receive, send, destination });
        Ok(())
    }

    /// Closes the sockets; what they had queued is lost.
    pub(crate) fn close(&mut self) {
        self.sockets = None;
    }

    /// Reads the broadcast address anew; due whenever the device gained or lost an
    /// IPv4 address. Does nothing on a closed link.
    ///
    /// # Errors
    /// The old destination stays. [`is_device_absent`] is true when the device went.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        if let Some(sockets) = &self.sockets {
            let destination = self.destination(sockets.send.as_raw_fd())?;
            self.sockets.as_mut().expect("just seen to be open").destination = destination;
        }
        Ok(())
    }

    /// Where datagrams go.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn destination_address(&self) -> Option<Ipv4Addr> {
        self.sockets.as_ref().map(|sockets| sockets.destination.ip())
    }

    /// Broadcasts one datagram.
    ///
    /// # Errors
    /// `WouldBlock` when the device's queue is full: the datagram is lost, as any may
    /// be. On a closed link and on a device that is gone or down, an error for which
    /// [`is_device_absent`] is true.
    pub(crate) fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let Some(sockets) = &self.sockets else {
            return Err(Errno::ENODEV.into());
        };
        let fd = sockets.send.as_raw_fd();
        let sent = sendto(fd, datagram, &sockets.destination, MsgFlags::MSG_DONTWAIT)?;
        assert_eq!(sent, datagram.len(), "UDP sends a datagram whole or not at all");
        Ok(())
    }

    /// The next datagram: its true length, or `None` when there is none, or when the
    /// link is closed. Longer than `buffer` means that the datagram was cut there.
    ///
    /// # Errors
    /// Those of `recv`; the link stays open.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(sockets) = &self.sockets else {
            return Ok(None);
        };
        let flags = MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT;
        match recv(sockets.receive.as_raw_fd(), buffer, flags) {
            Ok(length) => Ok(Some(length)),
            Err(Errno::EAGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A UDP socket that sees only our device.
    fn bound_socket(&self) -> io::Result<OwnedFd> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
        setsockopt(&socket, sockopt::BindToDevice, &OsString::from(&self.device))?;
        Ok(socket)
    }

    /// The device's broadcast address, or 255.255.255.255 if it has none: beats go on
    /// over a device that lost its address.
    fn destination(&self, fd: RawFd) -> io::Result<SockaddrIn> {
        // SAFETY: `ifreq` is plain old data; all zeroes is a valid value of it.
        let mut request: libc::ifreq = unsafe { mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(self.device.bytes()) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        // SAFETY: `fd` is an open socket and `request` a valid ifreq whose name ends
        // with a zero, since `open` refuses longer names.
        let address = match unsafe { request::broadcast_address(fd, &raw mut request) } {
            Ok(_) => {
                // SAFETY: the kernel has written a `sockaddr_in` into this member of the
                // union, and `sa_data` is plain octets, whatever they are.
                let data = unsafe { request.ifr_ifru.ifru_broadaddr.sa_data };
                // Its port comes first, then its address.
                let [_, _, address @ .., _, _, _, _, _, _, _, _] = data;
                Ipv4Addr::from(address.map(|octet| octet.to_ne_bytes()[0]))
            }
            Err(Errno::EADDRNOTAVAIL) => Ipv4Addr::UNSPECIFIED,
            Err(error) => return Err(error.into()),
        };
        // An address that was added without a broadcast address has 0.0.0.0.
        let address = if address.is_unspecified() { Ipv4Addr::BROADCAST } else { address };
        Ok(std::net::SocketAddrV4::new(address, self.port).into())
    }
}

/// Whether `error` says that the device is missing, was removed or is down: then the
/// link is to be opened again once netlink reports the device.
#[must_use]
pub(crate) fn is_device_absent(error: &io::Error) -> bool {
    let absent = [Errno::ENODEV, Errno::ENXIO, Errno::ENETDOWN, Errno::ENETUNREACH];
    error.raw_os_error().is_some_and(|code| absent.contains(&Errno::from_raw(code)))
}

#[cfg(test)]
mod tests;
