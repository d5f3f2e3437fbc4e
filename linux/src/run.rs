//! `latido run`: the node itself. Its loop is [`turns`]; the rest gets it started.

use std::io;
use std::net::Ipv4Addr;
use std::path::{self, PathBuf};
use std::process::ExitCode;

use latido_core::config::{GroupSettings, NodeSettings, Timing as CoreTiming};
use latido_core::id::{Key, Name, NodeId};
use latido_core::procedure::{OnStopFailure as CoreOnStopFailure, Policy};
use latido_core::{Config, Incarnation, Node, NodeKind, Settings};
use log::LevelFilter;

use crate::addresses::Addresses;
use crate::config::diagnostic::{self, Diagnostic, Severity};
use crate::config::ha_cf::MessageFormat;
use crate::config::latido_cf::OnStopFailure;
use crate::config::{self, Configuration};
use crate::control::Control;
use crate::echo::Echo;
use crate::journal::Layout;
use crate::link::Link;
use crate::netlink::Monitor;
use crate::os::{self, Os, Parts};
use crate::resources::{self, Directories, GroupSpec, ResourceSpec, Resources};
use crate::scribe::{Desk, Records, Scribe};
use crate::state::{self, State};
use crate::{clock, journal, memory};

/// The original's exit code for a configuration that does not allow a start.
const MISCONFIGURED: u8 = 6;

/// Where the node finds and keeps things.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The directory of ha.cf, haresources, authkeys and latido.cf.
    #[arg(long, value_name = "DIR", default_value = "/etc/ha.d")]
    config_dir: PathBuf,
    /// The directory of what outlives the daemon: generation, UUID.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/heartbeat")]
    state_dir: PathBuf,
    /// The directory of the control socket, and of what runs; in memory (tmpfs).
    #[arg(long, value_name = "DIR", default_value = "/run/heartbeat")]
    run_dir: PathBuf,
    /// This node's name in ha.cf, instead of the machine's.
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
}

impl Arguments {
    /// The same from wherever it is looked at: scripts run in another directory.
    ///
    /// # Errors
    /// If the system does not tell the current directory.
    fn absolute(&self) -> io::Result<Self> {
        Ok(Self {
            config_dir: path::absolute(&self.config_dir)?,
            state_dir: path::absolute(&self.state_dir)?,
            run_dir: path::absolute(&self.run_dir)?,
            node_name: self.node_name.clone(),
        })
    }
}

/// Runs the node until it is told to end.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let arguments = match arguments.absolute() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("latido: this directory is unknown: {error}");
            return ExitCode::FAILURE;
        }
    };
    let Some((configuration, found)) = load(&arguments) else {
        eprintln!("Configuration error, latido not started.");
        return ExitCode::from(MISCONFIGURED);
    };
    let ended = start(&arguments, &configuration, &found).and_then(|(mut node, mut os)| {
        drop((configuration, found));
        if let Err(error) = memory::release_start() {
            log::debug!(target: "heartbeat", "Memory is not given back: {error}");
        }
        turns(&mut node, &mut os)
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The log goes to standard error, too; before there is one, only that.
            if log::log_enabled!(target: "heartbeat", log::Level::Error) {
                log::error!(target: "heartbeat", "{error}");
            } else {
                eprintln!("latido: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Turn: wait once, read the clock once, hear everything, then let time pass.
fn turns(node: &mut Node, os: &mut Os) -> io::Result<()> {
    while !os.stopped() {
        let now = os.wait(node.deadline())?;
        while let Some(event) = os.next_event(now, node.deadline())? {
            let actions = node.handle(now, event);
            os.execute(now, node, &actions);
        }
        os.answer(now, node);
    }
    Ok(())
}

/// Reads the configuration and shows its mistakes.
fn load(arguments: &Arguments) -> Option<(Configuration, Vec<Diagnostic>)> {
    let name = match &arguments.node_name {
        Some(name) => name.clone(),
        None => config::node_name(&arguments.config_dir)
            .inspect_err(|error| eprintln!("latido: this machine does not tell its name: {error}"))
            .ok()?,
    };
    let (configuration, found) = config::load(&arguments.config_dir, &name);
    if configuration.is_none() {
        eprint!("{}", diagnostic::render(&found, false));
    }
    configuration.map(|configuration| (configuration, found))
}

/// What there is to say about a configuration that allows a start.
fn tell_configuration(found: &[Diagnostic]) {
    for diagnostic in found {
        match diagnostic.severity {
            Severity::Info => log::info!(target: "heartbeat", "{diagnostic}"),
            Severity::Warning => log::warn!(target: "heartbeat", "{diagnostic}"),
            Severity::Error => log::error!(target: "heartbeat", "{diagnostic}"),
        }
    }
}

/// Everything before the first turn. The order matters: first the scribe, a copy of
/// the process that has nothing to hold, and that touches nothing until it is told a
/// line; then the lock, for one daemon only; then a generation that is on disk, and
/// what an earlier daemon left behind.
fn start(
    arguments: &Arguments,
    configuration: &Configuration,
    found: &[Diagnostic],
) -> io::Result<(Node, Os)> {
    let desk = Desk {
        logfile: configuration.ha_cf.logging.logfile.clone(),
        stderr: true,
        record: state::record_path(&arguments.state_dir),
    };
    let scribe = Scribe::start(&desk).map_err(|error| {
        io::Error::new(error.kind(), format!("the log writer cannot be started: {error}"))
    })?;
    let records = Records::new(&scribe);
    let control = Control::open(&arguments.run_dir)?;
    let peer = configuration.ha_cf.nodes.iter().find(|name| **name != configuration.node_name);
    let state = State::begin(&arguments.state_dir, peer.map(String::as_str))?;
    let level =
        if configuration.ha_cf.logging.debug > 0 { LevelFilter::Debug } else { LevelFilter::Info };
    let layout =
        if configuration.ha_cf.logging.syslogmsgfmt { Layout::Syslog } else { Layout::Plain };
    journal::open(Box::new(scribe), &configuration.node_name, layout, level);
    tell_configuration(found);
    tell_start(&state);
    for left in resources::end_leftovers(&arguments.run_dir)? {
        let what = if left.ended { "ended" } else { "NOT ended: it does not react to SIGKILL" };
        log::warn!(
            target: resources::PROGRAM,
            "{} {} of an earlier daemon still ran for group {}: {what}",
            left.script, left.verb, left.group
        );
    }
    let seed = u64::from_ne_bytes(state::random()?);
    let incarnation = Incarnation {
        generation: state.generation,
        uuid: state.uuid,
        peer_generation: state.peer_generation,
        seed,
    };
    let config = Config::new(settings(configuration)).map_err(io::Error::other)?;
    let node = Node::new(config, configuration.authkeys.keys(), incarnation, clock::now());
    let ping_nodes = os::ping_nodes(&node);
    let echo = ping_nodes.iter().any(Option::is_some).then(Echo::open).transpose();
    let mut addresses = Addresses::open(configuration).map_err(|error| privileged(&error))?;
    let found = addresses.found()?;
    let port = configuration.ha_cf.udpport;
    let parts = Parts {
        links: configuration.ha_cf.bcast.iter().map(|device| Link::new(device, port)).collect(),
        echo: echo.map_err(|error| privileged(&error))?,
        ping_nodes,
        monitor: Monitor::open()?,
        addresses,
        resources: groups(arguments, configuration)?,
        control,
        records,
        names: resource_names(configuration),
        log_badpack: configuration.ha_cf.logging.log_badpack,
    };
    Ok((node, Os::new(parts, found)?))
}

fn tell_start(state: &State) {
    let version = env!("CARGO_PKG_VERSION");
    log::info!(target: "heartbeat", "Configuration validated. Starting latido {version}");
    let generation = state.generation;
    if state.is_first {
        log::warn!(target: "heartbeat", "No Previous generation - starting at {generation}");
    }
    log::info!(target: "heartbeat", "Heartbeat generation: {generation}");
}

/// An error with what to do about it.
fn privileged(error: &io::Error) -> io::Error {
    let help = match error.kind() {
        io::ErrorKind::PermissionDenied => "; latido run needs root",
        _ => "",
    };
    io::Error::new(error.kind(), format!("a network socket cannot be opened: {error}{help}"))
}

fn groups(arguments: &Arguments, configuration: &Configuration) -> io::Result<Resources> {
    let specs = configuration.groups.iter().map(|group| GroupSpec {
        preferred: group.preferred.clone(),
        resources: group
            .resources
            .iter()
            .map(|resource| ResourceSpec {
                name: resource.name.clone(),
                args: resource.args.clone(),
            })
            .collect(),
    });
    let directories = Directories {
        config: arguments.config_dir.clone(),
        fifo: arguments.state_dir.join("fifo"),
        working: arguments.state_dir.clone(),
        ..Directories::default()
    };
    let logging = &configuration.ha_cf.logging;
    let shown = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let about = resources::Settings {
        node: configuration.node_name.clone(),
        logfile: shown(&logging.logfile),
        debugfile: shown(&logging.debugfile),
        logfacility: logging.facility.clone(),
        use_logd: false,
        debug: u32::from(logging.debug),
        directives: configuration.ha_cf.parameters.clone(),
        variables: Vec::new(),
    };
    let path = std::env::var("PATH").ok();
    let environment = resources::environment(&about, &directories, path.as_deref());
    let timeout = &configuration.latido_cf.resource_timeout;
    let policy = Policy {
        start: timeout.start,
        stop: timeout.stop,
        status: timeout.status,
        on_stop_failure: match configuration.latido_cf.on_stop_failure {
            OnStopFailure::Block => CoreOnStopFailure::Block,
            OnStopFailure::Reboot => CoreOnStopFailure::Reboot,
        },
        ..Policy::DEFAULT
    };
    Resources::new(specs.collect(), &directories, &arguments.run_dir, &environment, policy)
}

fn resource_names(configuration: &Configuration) -> Vec<Vec<String>> {
    let names = |group: &config::haresources::Group| {
        group.resources.iter().map(|resource| resource.text.clone()).collect()
    };
    configuration.groups.iter().map(names).collect()
}

/// The configuration as the core wants it. The files' readers have checked every
/// bound, with the place of the mistake.
fn settings(configuration: &Configuration) -> Settings {
    let ha_cf = &configuration.ha_cf;
    let name = |text: &str| Name::try_from(text).expect("names were checked when they were read");
    let node_id = |wanted: &str| {
        let place = ha_cf.nodes.iter().position(|node| node == wanted);
        let place = place.expect("the readers refuse a node that is not in ha.cf");
        NodeId(u8::try_from(place).expect("nodes are few"))
    };
    let normal =
        ha_cf.nodes.iter().map(|node| NodeSettings { name: name(node), kind: NodeKind::Normal });
    let ping = ha_cf.ping_nodes.iter().map(|address: &Ipv4Addr| NodeSettings {
        name: name(&address.to_string()),
        kind: NodeKind::Ping,
    });
    let timing = &ha_cf.timing;
    Settings {
        me: node_id(&configuration.node_name),
        nodes: normal.chain(ping).collect(),
        links: ha_cf.bcast.iter().map(|device| name(device)).collect(),
        groups: configuration
            .groups
            .iter()
            .map(|group| GroupSettings {
                preferred: node_id(&group.preferred),
                key: Key::try_from(group.key()).expect("keys were checked when they were read"),
            })
            .collect(),
        timing: CoreTiming {
            keepalive: timing.keepalive,
            warntime: timing.warntime,
            deadtime: timing.deadtime,
            initdead: timing.initdead,
            deadping: timing.deadping,
            max_rexmit_delay: ha_cf.max_rexmit_delay,
        },
        auto_failback: ha_cf.auto_failback,
        hopfudge: ha_cf.hopfudge,
        inner_signature: ha_cf.msgfmt == MessageFormat::Classic,
        fingerprint: configuration.fingerprint,
    }
}

#[cfg(test)]
mod tests;
