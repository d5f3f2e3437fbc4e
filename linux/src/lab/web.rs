//! The service `apache2` of the lab: it answers every request with the host name. The init
//! script calls it with the verb; it listens before `start` returns.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{
    ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, gethostname, setsid,
};

/// Where the process number of the running service is.
const PID_FILE: &str = "/run/apache2.pid";
/// The status of a stopped service, by the Linux Standard Base.
const STOPPED: u8 = 3;
/// How long a client may take with its request, and the service to stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// The argument of the init script.
#[derive(clap::Subcommand, Clone, Copy)]
pub(super) enum Verb {
    /// Listen on port 80, then go into the background.
    Start,
    /// End the service and wait until it has gone.
    Stop,
    /// Say whether it runs.
    Status,
}

/// Carries the verb out; the result is the status of the init script.
pub(super) fn main(verb: Verb) -> io::Result<u8> {
    match (verb, running()) {
        (Verb::Start, Some(_)) => Ok(0),
        (Verb::Start, None) => start(),
        (Verb::Stop, Some(pid)) => stop(pid),
        (Verb::Stop, None) => Ok(0),
        (Verb::Status, Some(_)) => {
            println!("apache2 is running");
            Ok(0)
        }
        (Verb::Status, None) => {
            println!("apache2 is not running");
            Ok(STOPPED)
        }
    }
}

/// The process of the service, if there is one.
fn running() -> Option<Pid> {
    let text = fs::read_to_string(Path::new(PID_FILE)).ok()?;
    let pid = Pid::from_raw(text.trim().parse().ok()?);
    kill(pid, None).is_ok().then_some(pid)
}

fn start() -> io::Result<u8> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80))?;
    // SAFETY: this process has one thread, so the child may do whatever its parent could.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            fs::write(PID_FILE, child.to_string())?;
            Ok(0)
        }
        ForkResult::Child => {
            setsid()?;
            // Whoever reads the output of the script to its end must not wait for us.
            let null = fs::File::options().read(true).write(true).open("/dev/null")?;
            dup2_stdin(&null)?;
            dup2_stdout(&null)?;
            dup2_stderr(&null)?;
            serve(&listener)
        }
    }
}

fn stop(pid: Pid) -> io::Result<u8> {
    let asked = Instant::now();
    kill(pid, Signal::SIGTERM)?;
    while kill(pid, None) != Err(Errno::ESRCH) {
        if asked.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("process {pid} does not end")));
        }
        thread::sleep(Duration::from_millis(1));
    }
    fs::remove_file(PID_FILE)?;
    Ok(0)
}

fn serve(listener: &TcpListener) -> io::Result<u8> {
    let host = gethostname()?.to_string_lossy().into_owned();
    for connection in listener.incoming() {
        let (connection, host) = (connection?, host.clone());
        // A client that went away in the middle is no concern of the service.
        thread::spawn(move || answer(connection, &host));
    }
    Ok(0)
}

/// Reads one request to its empty line and answers it.
fn answer(mut connection: TcpStream, host: &str) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut request = [0; 1024];
    let mut length = 0;
    while length < request.len() && !request[..length].ends_with(b"\r\n\r\n") {
        match connection.read(&mut request[length..])? {
            0 => return Ok(()),
            more => length += more,
        }
    }
    write!(
        connection,
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{host}\n",
        host.len() + 1
    )
}
