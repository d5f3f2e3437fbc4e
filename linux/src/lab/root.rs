//! The private root of the lab: a tmpfs with the machine's programs and devices bound into it.
//! Nothing on the machine's own file systems is written, and `/usr` is read-only here.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::statvfs;
use nix::unistd::{chdir, pivot_root};

use super::doing;

/// Where the lab's own program is inside, for nodes and scripts.
pub(super) const PROGRAM: &str = "/opt/latido";

/// Where the disks of the nodes are, one directory each.
pub(super) const DISKS: &str = "/nodes";

/// Leaves the machine's mount, network, host name and IPC namespaces and makes the root.
/// The result is the machine's own `/proc`, where the lab's processes have other numbers.
///
/// # Errors
/// What the kernel refused, and the step in which it did.
pub(super) fn build(program: &Path) -> io::Result<File> {
    unshare(
        CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC,
    )
    .map_err(doing("new namespaces"))?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(doing("private mounts"))?;
    tmpfs("/tmp")?;
    for directory in ["old", "usr", "dev", "proc", "etc", "run", "tmp", "var", "opt", "nodes"] {
        fs::create_dir(Path::new("/tmp").join(directory))?;
    }
    // From here on what was covered by the tmpfs is reachable again under /old, which
    // matters when the program itself was built under /tmp.
    pivot_root("/tmp", "/tmp/old").map_err(doing("the private root"))?;
    chdir("/")?;
    programs()?;
    bind(Path::new("/old/dev"), "/dev")?;
    tmpfs("/dev/shm")?;
    fs::write(PROGRAM, "")?;
    bind(&Path::new("/old").join(program.strip_prefix("/").unwrap_or(program)), PROGRAM)?;
    proc()?;
    copy_links(Path::new("/old/etc/alternatives"), Path::new("/etc/alternatives"))?;
    if let Ok(cache) = fs::read("/old/etc/ld.so.cache") {
        fs::write("/etc/ld.so.cache", cache)?;
    }
    let outer = File::open("/old/proc")?;
    umount2("/old", MntFlags::MNT_DETACH).map_err(doing("leaving the machine's root"))?;
    fs::remove_dir("/old")?;
    Ok(outer)
}

/// `/usr`, and `/bin` and its like in whichever way the machine has them.
fn programs() -> io::Result<()> {
    bind(Path::new("/old/usr"), "/usr")?;
    let kept = statvfs("/usr")?.flags();
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    for (flag, mount_flag) in [
        (nix::sys::statvfs::FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (nix::sys::statvfs::FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (nix::sys::statvfs::FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (nix::sys::statvfs::FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        // A flag that the machine's mount has is locked here, so it is asked for again.
        flags.set(mount_flag, kept.contains(flag));
    }
    mount(None::<&str>, "/usr", None::<&str>, flags, None::<&str>)
        .map_err(doing("a read-only /usr"))?;
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let (old, new) = (Path::new("/old").join(name), Path::new("/").join(name));
        if let Ok(target) = fs::read_link(&old) {
            symlink(target, new)?;
        } else if old.is_dir() {
            fs::create_dir(&new)?;
            bind(&old, &new)?;
        }
    }
    Ok(())
}

/// Mounts an empty file system.
pub(super) fn tmpfs(at: &str) -> io::Result<()> {
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
        .map_err(doing(format_args!("an empty file system at {at}").to_string()))
}

/// Mounts `/proc` for the pid namespace of the caller.
pub(super) fn proc() -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>).map_err(doing("/proc"))
}

/// Makes a file or a directory, with all that is mounted below it, appear at another place.
pub(super) fn bind(from: &Path, to: impl AsRef<Path>) -> io::Result<()> {
    let to = to.as_ref();
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(doing(format!("{} at {}", from.display(), to.display())))
}

/// Copies a directory of symbolic links, such as Debian's alternatives; none is no error.
pub(super) fn copy_links(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    fs::create_dir_all(to)?;
    for entry in entries {
        let entry = entry?;
        if let Ok(target) = fs::read_link(entry.path()) {
            symlink(target, to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
