//! The outermost process of the lab: it makes the user and pid namespaces, starts the process
//! that plays in them, and waits. When it dies, in whatever way, the kernel ends all the rest.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::{env, thread};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getgid, getuid, pipe2};

use super::{doing, root};

/// The status of a machine on which the lab cannot be made.
const CANNOT: u8 = 2;

/// Runs `play` as the first process of a pid namespace with a private root, with the machine's
/// own `/proc` in its hand; its result is the status of the command.
pub(super) fn supervise(play: impl FnOnce(File) -> u8) -> ExitCode {
    match divide(play) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("latido lab: {error}");
            ExitCode::from(CANNOT)
        }
    }
}

fn divide(play: impl FnOnce(File) -> u8) -> io::Result<u8> {
    let binary = env::current_exe()?;
    user_namespace().map_err(refusal)?;
    let (mut lifeline, held) =
        pipe2(OFlag::O_CLOEXEC).map(|(read, write)| (File::from(read), write))?;
    // SAFETY: this process has one thread, so the child may do whatever its parent could.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            drop(lifeline);
            let status = wait(child);
            drop(held);
            status
        }
        ForkResult::Child => {
            drop(held);
            let status = match settle(&binary) {
                Ok(outer) => {
                    // The second line of defence beside the parent-death signal, which a
                    // supervisor that died before it was asked for never sends.
                    thread::spawn(move || {
                        let _end = lifeline.read(&mut [0]);
                        std::process::exit(1);
                    });
                    play(outer)
                }
                Err(error) => {
                    eprintln!("latido lab: {}", refusal(error));
                    CANNOT
                }
            };
            std::process::exit(i32::from(status))
        }
    }
}

/// The first process of the pid namespace makes its other namespaces and its root.
fn settle(binary: &Path) -> io::Result<File> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    root::build(binary)
}

fn wait(child: Pid) -> io::Result<u8> {
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
            Ok(WaitStatus::Exited(_, code)) => return Ok(u8::try_from(code).unwrap_or(1)),
            Ok(status) => return Err(io::Error::other(format!("the lab ended early: {status:?}"))),
        }
    }
}

/// A user namespace in which the caller is root, and a pid namespace for the child.
fn user_namespace() -> io::Result<()> {
    let (user, group) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// Why the machine cannot make the lab, and what its administrator can type.
fn refusal(error: io::Error) -> io::Error {
    let is =
        |file: &str, value: &str| fs::read_to_string(file).is_ok_and(|text| text.trim() == value);
    let advice = if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "sysctl -w kernel.unprivileged_userns_clone=1"
    } else if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else {
        "sysctl -w user.max_user_namespaces=10000\n\
         (in a container, start it with user namespaces allowed: docker run --privileged)"
    };
    doing("the lab needs user namespaces, and this machine refuses them")(format!(
        "{error}\nas root, type: {advice}"
    ))
}
