//! What stands in for the routers' NAT where the kernel's packet filter cannot be used: every
//! connection to port 22 or 80 is opened again to the virtual address, and bytes are copied.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use nix::unistd::dup2_stdout;

use super::network::VIP;

/// How long the virtual address may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(1);

/// Forwards until it is killed; its output is closed as soon as it listens.
pub(super) fn main() -> io::Result<()> {
    let ssh = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 22))?;
    let web = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80))?;
    dup2_stdout(io::stderr())?;
    thread::spawn(move || listen(&ssh, 22));
    listen(&web, 80);
    Ok(())
}

fn listen(listener: &TcpListener, port: u16) {
    for near in listener.incoming().flatten() {
        thread::spawn(move || {
            let vip = SocketAddr::from((VIP, port));
            let Ok(far) = TcpStream::connect_timeout(&vip, PATIENCE) else { return };
            let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { return };
            thread::spawn(move || copy(&near_too, &far_too));
            copy(&far, &near);
        });
    }
}

/// Copies one direction to its end; a broken connection is the end, too.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let _copied = io::copy(&mut from, &mut to);
    let _gone = to.shutdown(Shutdown::Write);
}
