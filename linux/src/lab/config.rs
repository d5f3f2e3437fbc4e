//! What stands on a node's disk before its first boot: the document's files, with the timings
//! asked for, and the init script of the service.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::root::{DISKS, PROGRAM, copy_links};

/// The timings of both nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Timings {
    /// The word for them in output.
    pub(crate) name: &'static str,
    /// Time between two heartbeats.
    pub(crate) keepalive: Duration,
    /// Silence after which a heartbeat is called late.
    pub(crate) warntime: Duration,
    /// Silence after which a node is dead.
    pub(crate) deadtime: Duration,
    /// Deadtime of a node that was not heard since the start.
    pub(crate) initdead: Duration,
}

impl Timings {
    /// Fast enough that a show lasts seconds.
    pub(crate) const FAST: Self = Self {
        name: "fast",
        keepalive: Duration::from_millis(100),
        warntime: Duration::from_millis(300),
        deadtime: Duration::from_millis(500),
        initdead: Duration::from_secs(2),
    };
    /// The document's, with the initdead that follows from them.
    pub(crate) const SEED: Self = Self {
        name: "seed",
        keepalive: Duration::from_secs(2),
        warntime: Duration::from_secs(6),
        deadtime: Duration::from_secs(10),
        initdead: Duration::from_secs(20),
    };

    /// ha.cf: the document's own for its timings, else one with these.
    fn ha_cf(&self) -> String {
        if *self == Self::SEED {
            return include_str!("../../../tests/seed/ha.cf").to_owned();
        }
        let ms = |duration: Duration| format!("{}ms", duration.as_millis());
        format!(
            "logfile /var/log/ha-log\n\
             keepalive {}\nwarntime {}\ndeadtime {}\ninitdead {}\n\
             bcast eth0 eth2\nping 192.168.1.1\nauto_failback yes\nnode corman rabius\n",
            ms(self.keepalive),
            ms(self.warntime),
            ms(self.deadtime),
            ms(self.initdead)
        )
    }
}

/// What a scenario may choose about its nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// The timings of both nodes.
    pub(crate) timings: Timings,
    /// Whether the group is the address alone, without the service.
    pub(crate) bare: bool,
}

const HARESOURCES: &str = include_str!("../../../tests/seed/haresources");
const BARE_HARESOURCES: &str = "corman IPaddr2::192.168.2.10/24/eth0:0\n";
const AUTHKEYS: &str = include_str!("../../../tests/seed/authkeys");
const HOSTS: &str = "127.0.0.1 localhost\n172.168.0.1 corman\n172.168.0.2 rabius\n";

/// The directory that is a node's disk.
pub(super) fn disk(host: &str) -> PathBuf {
    Path::new(DISKS).join(host)
}

/// Writes a new disk in place of the one that was there.
pub(super) fn install(host: &str, settings: Settings) -> io::Result<()> {
    let disk = disk(host);
    if disk.exists() {
        fs::remove_dir_all(&disk)?;
    }
    for directory in ["etc/ha.d/resource.d", "etc/init.d", "var/lib/heartbeat", "var/log"] {
        fs::create_dir_all(disk.join(directory))?;
    }
    std::os::unix::fs::symlink("/run", disk.join("var/run"))?;
    let etc = disk.join("etc");
    let haresources = if settings.bare { BARE_HARESOURCES } else { HARESOURCES };
    for (name, text, mode) in [
        ("passwd", "root:x:0:0:root:/:/bin/sh\n", 0o644),
        ("group", "root:x:0:\n", 0o644),
        ("hosts", HOSTS, 0o644),
        ("hostname", host, 0o644),
        ("ha.d/ha.cf", &settings.timings.ha_cf(), 0o644),
        ("ha.d/haresources", haresources, 0o644),
        ("ha.d/authkeys", AUTHKEYS, 0o600),
        ("init.d/apache2", &init_script(), 0o755),
    ] {
        fs::write(etc.join(name), text)?;
        fs::set_permissions(etc.join(name), fs::Permissions::from_mode(mode))?;
    }
    if Path::new("/etc/ld.so.cache").exists() {
        fs::copy("/etc/ld.so.cache", etc.join("ld.so.cache"))?;
    }
    copy_links(Path::new("/etc/alternatives"), &etc.join("alternatives"))
}

fn init_script() -> String {
    format!(
        "#!/bin/sh\n\
         ### BEGIN INIT INFO\n\
         # Provides:          apache2\n\
         # Required-Start:    $network\n\
         # Required-Stop:     $network\n\
         # Default-Start:\n\
         # Default-Stop:\n\
         # Short-Description: a page that tells which host serves it\n\
         ### END INIT INFO\n\
         case \"$1\" in\n\
         start|stop|status) exec {PROGRAM} lab-part web \"$1\" ;;\n\
         *) echo \"Usage: $0 start|stop|status\" >&2; exit 2 ;;\n\
         esac\n"
    )
}
