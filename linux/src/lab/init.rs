//! The first process of a node: it makes the node's namespaces, then starts what the lab asks
//! for, one JSON object a line over its standard input (a socket), and buries the dead. When it
//! is killed, the kernel ends every other process of the node in the same instant.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, sethostname, setsid};
use serde_json::{Value, json};

use super::root::{DISKS, bind, proc, tmpfs};
use super::{config, doing};

/// Where the output of a program that the lab waits for is collected. A file and not a pipe: a
/// daemon that it leaves behind would keep a pipe open.
const OUTPUT: &str = "/tmp/output";

/// Boots the node in the network namespace of the caller. The process that was called stays
/// outside of the node's pid namespace and ends when the node has.
pub(super) fn main(name: &str) -> io::Result<u8> {
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    setsid()?;
    unshare(
        CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC,
    )?;
    // SAFETY: this process has one thread, so the child may do whatever its parent could.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            say(&control, &json!({ "init": child.as_raw() }))?;
            drop(control);
            waitpid(child, None)?;
            Ok(0)
        }
        ForkResult::Child => {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            settle(name).map_err(doing(name.to_owned()))?;
            serve(&control)?;
            Ok(0)
        }
    }
}

/// Gives the node its disk, its empty run-time directories and its name.
fn settle(name: &str) -> io::Result<()> {
    let disk = config::disk(name);
    bind(&disk.join("etc"), "/etc")?;
    bind(&disk.join("var"), "/var")?;
    for directory in ["/run", "/tmp", DISKS] {
        tmpfs(directory)?;
    }
    fs::create_dir(Path::new("/run/heartbeat"))?;
    proc()?;
    Ok(sethostname(name)?)
}

/// Serves the lab until it goes away.
fn serve(control: &UnixStream) -> io::Result<()> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()?;
    let children = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    let mut requests = BufReader::new(control);
    let mut known = Known::default();
    say(control, &json!({ "ready": true }))?;
    loop {
        let mut sources = [
            PollFd::new(control.as_fd(), PollFlags::POLLIN),
            PollFd::new(children.as_fd(), PollFlags::POLLIN),
        ];
        poll(&mut sources, PollTimeout::NONE)?;
        let asked = sources[0].any() == Some(true);
        while children.read_signal()?.is_some() {}
        bury(control, &mut known)?;
        // The lab waits for an answer before it asks again, so that the buffer holds one
        // request at most and none is overlooked.
        let mut line = String::new();
        if asked && requests.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if asked {
            let request = serde_json::from_str(&line)?;
            match obey(&request) {
                Ok(Answer::Now(answer)) => say(control, &answer)?,
                Ok(Answer::Started(pid)) => {
                    known.started.push(pid);
                    say(control, &json!({ "pid": pid.as_raw() }))?;
                }
                Ok(Answer::AtEndOf(pid)) => known.awaited = Some(pid),
                Err(error) => say(control, &json!({ "error": error.to_string() }))?,
            }
        }
    }
}

/// The children that the lab knows of; all others are orphans.
#[derive(Default)]
struct Known {
    started: Vec<Pid>,
    awaited: Option<Pid>,
}

/// Reaps every child that has ended. The lab hears of those that it knows; for the one that it
/// waits for that is the answer.
fn bury(control: &UnixStream, known: &mut Known) -> io::Result<()> {
    loop {
        let (pid, code, end) = match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, Some(code), format!("status {code}")),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, None, signal.to_string()),
            Ok(_) | Err(_) => return Ok(()),
        };
        if known.awaited == Some(pid) {
            known.awaited = None;
            let output = String::from_utf8_lossy(&fs::read(OUTPUT)?).into_owned();
            say(control, &json!({ "code": code, "output": output }))?;
        } else if let Some(position) = known.started.iter().position(|one| *one == pid) {
            known.started.swap_remove(position);
            say(control, &json!({ "exited": pid.as_raw(), "end": end }))?;
        }
    }
}

/// When a request is answered.
enum Answer {
    Now(Value),
    /// With its number, and a second time when it has ended.
    Started(Pid),
    /// When this child has ended. Orphans are buried meanwhile: what the child waits for may be
    /// the end of one.
    AtEndOf(Pid),
}

/// Carries one request out.
fn obey(request: &Value) -> io::Result<Answer> {
    if let Some(program) = request.get("start") {
        let child = command(program)?.spawn().map_err(doing(program))?;
        return Ok(Answer::Started(pid(child.id().into())?));
    }
    if let Some(program) = request.get("run") {
        let output = File::create(OUTPUT)?;
        let mut command = command(program)?;
        command.stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().map_err(doing(program))?;
        return Ok(Answer::AtEndOf(pid(child.id().into())?));
    }
    let number = |key: &str| request.get(key).and_then(Value::as_i64);
    match (number("signal"), number("pid")) {
        (Some(signal), Some(process)) => {
            let signal = i32::try_from(signal).map_err(io::Error::other)?;
            kill(pid(process)?, Signal::try_from(signal)?)?;
            Ok(Answer::Now(json!({ "sent": signal })))
        }
        _ => Err(io::Error::other(format!("no such request: {request}"))),
    }
}

fn pid(number: i64) -> io::Result<Pid> {
    i32::try_from(number).map(Pid::from_raw).map_err(io::Error::other)
}

/// The program and arguments of a request; it speaks to the console unless told otherwise.
fn command(program: &Value) -> io::Result<Command> {
    let words: Option<Vec<&str>> =
        program.as_array().and_then(|words| words.iter().map(Value::as_str).collect());
    let words = words.unwrap_or_default();
    let (name, arguments) = words.split_first().ok_or_else(|| io::Error::other("no program"))?;
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null());
    Ok(command)
}

fn say(mut control: &UnixStream, message: &Value) -> io::Result<()> {
    control.write_all(format!("{message}\n").as_bytes())
}
