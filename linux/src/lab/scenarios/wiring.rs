//! The network alone: cables, carrier, NAT, silence, the service, the client's measurements and
//! the death of a node are what the other scenarios take for granted. No daemon runs; the
//! virtual address is moved by hand.

use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::expect;
use crate::lab::network::{Segment, UPSTREAM};
use crate::lab::node::Host::{self, Corman, Rabius};
use crate::lab::stage::{Lab, crossover};
use crate::lab::summary::Figures;

/// Within this time the network follows whatever was done to it.
const SOON: Duration = Duration::from_secs(3);
/// How long corman is dead before the address is moved by hand.
const PAUSE: Duration = Duration::from_millis(300);
/// Files that outlive the power of their node.
const NOTE: &str = "/etc/note";
const STATE: &str = "/var/lib/heartbeat/wiring";
/// By how much the measured gap may exceed the pause: the address must be set, the ARP heard
/// and the next request answered, on a machine that may be busy.
const OVERHEAD: Duration = Duration::from_millis(400);

/// Plays it.
pub(super) fn play(lab: &mut Lab) -> io::Result<Figures> {
    let begun = Instant::now();
    for host in [Corman, Rabius] {
        lab.power_on(host)?;
        let name = lab.run(host, &["uname", "-n"])?.output;
        expect(name.trim() == host.name(), &format!("{} is called {name:?}", host.name()))?;
        console(lab, host)?;
        service(lab, host)?;
        upstream_answers(lab, host)?;
    }
    lab.phase("192.168.2.10 on corman by hand");
    lab.add_vip(Corman)?;
    serves(lab, Corman)?;

    cable(lab)?;
    silence(lab)?;
    let gap = death(lab)?;

    lab.phase("corman gets power again and the address back");
    lab.power_on(Corman)?;
    expect(lab.read(Corman, STATE)? == "kept\n", "corman's disk is not as it was")?;
    let lost = lab.run(Corman, &["cat", STATE, "/run/state"])?;
    expect(lost.output.starts_with("kept\n"), "corman does not see its own disk")?;
    expect(lost.code != Some(0), "a file in /run has survived a death")?;
    service(lab, Corman)?;
    lab.remove_vip(Rabius)?;
    lab.add_vip(Corman)?;
    serves(lab, Corman)?;
    lab.service(Corman, "stop")?;
    lab.wait_until("nobody answers", SOON, |world| !world.served())?;
    let stopped = lab.service(Corman, "status")?;
    expect(stopped.code == Some(3), &format!("a stopped service says {stopped:?}"))?;
    Ok(Figures::new("After 300 ms without the address the service was away for {} in all.", gap)
        .and("took_ms", "All of it took {}.", begun.elapsed()))
}

/// What a node says is heard, what is started there can be ended, and this program is there.
fn console(lab: &mut Lab, host: Host) -> io::Result<()> {
    let begun = Instant::now();
    let pid = lab.start(host, &["sh", "-c", "echo awake; exec sleep 600"])?;
    lab.wait_until("the console speaks", SOON, |world| world.said(host, "awake", begun).is_some())?;
    lab.signal(host, pid, Signal::SIGKILL)?;
    let version = lab.latido(host, &["--version"])?;
    let expected = concat!("latido ", env!("CARGO_PKG_VERSION"), "\n");
    expect(version.output == expected, &format!("this program says {version:?}"))
}

/// Starts the service by its init script and asks for its status.
fn service(lab: &mut Lab, host: Host) -> io::Result<()> {
    let started = Instant::now();
    let start = lab.service(host, "start")?;
    let took = started.elapsed();
    expect(start.code == Some(0), &format!("apache2 start: {start:?}"))?;
    let status = lab.service(host, "status")?;
    let running = status.code == Some(0) && status.output == "apache2 is running\n";
    expect(running, &format!("apache2 status: {status:?}"))?;
    lab.step(&format!("apache2 started on {} in {} ms", host.name(), took.as_millis()));
    Ok(())
}

/// A closed port of the upstream gateway refuses: both ways through clase are open.
fn upstream_answers(lab: &Lab, host: Host) -> io::Result<()> {
    let closed = SocketAddr::from((UPSTREAM, 9));
    let tried = lab.within(host, || TcpStream::connect_timeout(&closed, SOON))?;
    let refused = tried.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    expect(refused, &format!("{} does not reach {UPSTREAM}", host.name()))
}

fn serves(lab: &mut Lab, host: Host) -> io::Result<()> {
    let what = format!("{} alone holds the address and answers", host.name());
    lab.wait_until(&what, SOON, |world| world.only_holder() == Some(host) && world.served_by(host))
}

/// A pulled cable takes the carrier and the answers away, and brings both back.
fn cable(lab: &mut Lab) -> io::Result<()> {
    lab.cable(Corman, "eth0", false)?;
    expect(!lab.has_carrier(Corman, "eth0")?, "a pulled cable has a carrier")?;
    expect(lab.has_carrier(Corman, "eth2")?, "the other cable has lost its carrier")?;
    lab.wait_until("nobody answers", SOON, |world| !world.served())?;
    lab.cable(Corman, "eth0", true)?;
    lab.wait_until("corman answers", SOON, |world| world.served_by(Corman))?;
    expect(lab.has_carrier(Corman, "eth0")?, "a plugged cable has no carrier")
}

/// Silence drops heartbeats and nothing else, and the client does not notice.
fn silence(lab: &mut Lab) -> io::Result<()> {
    let at_all = |lab: &Lab| Ok::<_, io::Error>((passes(lab, 694)?, passes(lab, 6940)?));
    expect(at_all(lab)? == (true, true), "eth2 does not carry UDP")?;
    if let Err(error) = lab.silence(Segment::Crossover, true) {
        lab.step(&format!("no silence on this machine: {error}"));
        return Ok(());
    }
    expect(at_all(lab)? == (false, true), "silence is not of UDP 694 alone")?;
    lab.silence(Segment::Crossover, false)?;
    expect(at_all(lab)? == (true, true), "silence does not end")?;
    expect(lab.world().served_by(Corman), "the client noticed a silence on eth2")
}

/// Whether a datagram from corman reaches rabius over eth2.
fn passes(lab: &Lab, port: u16) -> io::Result<bool> {
    let ear = lab.within(Rabius, || UdpSocket::bind((crossover(Rabius), port)))??;
    ear.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mouth = lab.within(Corman, || UdpSocket::bind((crossover(Corman), 0)))??;
    mouth.send_to(b"ping", (crossover(Rabius), port))?;
    Ok(ear.recv(&mut [0; 8]).is_ok())
}

/// A death ends every process, and the gap that is measured is the one that was made.
fn death(lab: &mut Lab) -> io::Result<Duration> {
    let namespace = lab.pid_namespace(Corman)?;
    let before = lab.processes(&namespace)?;
    expect(before >= 2, &format!("corman has {before} processes before its death"))?;
    lab.write(Corman, NOTE, "kept\n")?;
    lab.run(Corman, &["cp", NOTE, STATE])?;
    lab.run(Corman, &["cp", NOTE, "/run/state"])?;
    let fault = lab.death(Corman)?;
    let after = lab.processes(&namespace)?;
    expect(after == 0, &format!("{after} processes of corman have survived it"))?;
    lab.stay("corman is dead", PAUSE.saturating_sub(fault.elapsed()), |_| true)?;
    lab.add_vip(Rabius)?;
    serves(lab, Rabius)?;
    let gap = lab.gap(fault, Rabius)?;
    let right = (PAUSE..PAUSE + OVERHEAD).contains(&gap);
    expect(right, &format!("the gap is {gap:?} after a pause of {PAUSE:?}"))?;
    Ok(gap)
}
