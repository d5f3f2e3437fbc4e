//! The environment of resource and event scripts (specification 9.4).
//!
//! Only what the configuration fixes; the fields of a message that an event script
//! also gets are its caller's to add. The environment is whole: scripts inherit
//! nothing else. The daemon's language, for one, must not translate the words by
//! which `status` is judged.

use std::path::PathBuf;

/// Where things are.
#[derive(Clone, Debug)]
pub(crate) struct Directories {
    /// `/etc/ha.d`.
    pub(crate) config: PathBuf,
    /// `/etc/init.d`.
    pub(crate) init: PathBuf,
    /// The programs that scripts call: `/usr/libexec/heartbeat`.
    pub(crate) programs: PathBuf,
    /// The scripts' own programs: `/usr/share/heartbeat`.
    pub(crate) share: PathBuf,
    /// `/usr/share/doc/heartbeat`.
    pub(crate) documents: PathBuf,
    /// The FIFO for injected messages: `/var/lib/heartbeat/fifo`.
    pub(crate) fifo: PathBuf,
    /// `/usr/lib/ocf`.
    pub(crate) ocf: PathBuf,
    /// Where scripts run: `/var/lib/heartbeat/cores/root`.
    pub(crate) working: PathBuf,
}

impl Default for Directories {
    fn default() -> Self {
        Self {
            config: "/etc/ha.d".into(),
            init: "/etc/init.d".into(),
            programs: "/usr/libexec/heartbeat".into(),
            share: "/usr/share/heartbeat".into(),
            documents: "/usr/share/doc/heartbeat".into(),
            fifo: "/var/lib/heartbeat/fifo".into(),
            ocf: "/usr/lib/ocf".into(),
            working: "/var/lib/heartbeat/cores/root".into(),
        }
    }
}

/// What the configuration says about scripts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// This node's name.
    pub(crate) node: String,
    /// `logfile`; none is `/dev/null`.
    pub(crate) logfile: Option<String>,
    /// `debugfile`; none is `/dev/null`.
    pub(crate) debugfile: Option<String>,
    /// `logfacility`; empty if there is none.
    pub(crate) logfacility: Option<String>,
    /// `use_logd`.
    pub(crate) use_logd: bool,
    /// `debug`, told only above 0.
    pub(crate) debug: u32,
    /// Every directive of ha.cf with its value, as written there: `HA_<directive>`.
    pub(crate) directives: Vec<(String, String)>,
    /// The `env NAME=VALUE` directives: `HA_<NAME>`.
    pub(crate) variables: Vec<(String, String)>,
}

/// The search path where the daemon has none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The variables that every script gets, in the order of the specification.
/// `path` is the daemon's own search path, which ours are put before.
#[must_use]
pub(crate) fn environment(
    settings: &Settings,
    directories: &Directories,
    path: Option<&str>,
) -> Vec<(String, String)> {
    let Directories { config, programs, share, documents, fifo, ocf, .. } = directories;
    let null = || "/dev/null".to_owned();
    let mut variables: Vec<(String, String)> = [
        ("HA_CURHOST", settings.node.clone()),
        ("HA_DIR", config.display().to_string()),
        ("HA_FUNCS", config.join("shellfuncs").display().to_string()),
        ("HA_RCDIR", config.join("rc.d").display().to_string()),
        ("HA_RESOURCEDIR", config.join("resource.d").display().to_string()),
        ("HA_BIN", programs.display().to_string()),
        ("HA_FIFO", fifo.display().to_string()),
        ("HA_LOGFILE", settings.logfile.clone().unwrap_or_else(null)),
        ("HA_DEBUGLOG", settings.debugfile.clone().unwrap_or_else(null)),
        ("HA_LOGFACILITY", settings.logfacility.clone().unwrap_or_default()),
        ("HA_LOGD", if settings.use_logd { "yes" } else { "no" }.to_owned()),
        ("HA_DATEFMT", "%Y/%m/%d_%T\t".to_owned()),
        ("HA_DOCDIR", documents.display().to_string()),
        ("OCF_ROOT", ocf.display().to_string()),
        ("OCF_AGENTS", format!("{}/resource.d/heartbeat/", ocf.display())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if settings.debug > 0 {
        variables.push(("HA_debug".to_owned(), settings.debug.to_string()));
    }
    // A later one wins, as a later setenv does: `env` over directives over the rest.
    for (name, value) in settings.directives.iter().chain(&settings.variables) {
        set(&mut variables, format!("HA_{name}"), value.clone());
    }
    let (programs, share) = (programs.display(), share.display());
    let path = path.unwrap_or(PATH);
    set(&mut variables, "PATH".to_owned(), format!("{programs}:/usr/sbin:{share}:{path}"));
    variables
}

fn set(variables: &mut Vec<(String, String)>, name: String, value: String) {
    match variables.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => variables.push((name, value)),
    }
}
