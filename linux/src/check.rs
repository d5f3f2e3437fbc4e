//! `latido check`: the configuration's mistakes, what it means, and whether this
//! machine fits it.
//!
//! It changes nothing and needs no daemon. What it says about the machine (scripts,
//! interfaces, what starts at boot) the daemon lives with.

mod machine;
mod summary;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::diagnostic::{Diagnostic, Severity, render, worst};
use crate::config::{load, node_name};

/// The arguments of `latido check`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where ha.cf, haresources, authkeys and latido.cf are.
    #[arg(long, value_name = "DIR", default_value = "/etc/ha.d")]
    config_dir: PathBuf,
    /// This machine's name in the cluster [default: nodeinfo, else `uname -n`].
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// Where this machine's /etc and /sys are.
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

/// Checks, prints, and says how it went.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let given = arguments.node_name.clone().map(Ok);
    let name = match given.unwrap_or_else(|| node_name(&arguments.config_dir)) {
        Ok(name) => name,
        Err(error) => {
            eprintln!("latido: this machine's name is unknown: {error}; say --node-name NAME");
            return ExitCode::from(2);
        }
    };
    let (diagnostics, summary) = examine(&arguments.config_dir, &name, &arguments.root);
    let shown = render(&diagnostics, io::stdout().is_terminal());
    // Somebody who closes the pipe has seen enough.
    let _closed = io::stdout().write_all((shown + &summary).as_bytes());
    ExitCode::from(status(&diagnostics))
}

/// The exit status: 0 if all is well, 1 with warnings, 2 with errors.
fn status(diagnostics: &[Diagnostic]) -> u8 {
    match worst(diagnostics) {
        None | Some(Severity::Info) => 0,
        Some(Severity::Warning) => 1,
        Some(Severity::Error) => 2,
    }
}

/// All diagnostics, and the configuration in sentences.
fn examine(config_dir: &Path, node_name: &str, root: &Path) -> (Vec<Diagnostic>, String) {
    let (configuration, mut diagnostics) = load(config_dir, node_name);
    let mut summary = String::new();
    if let Some(configuration) = &configuration {
        diagnostics.extend(machine::check(configuration, config_dir, root));
        summary = summary::of(configuration);
    }
    let count = |severity| diagnostics.iter().filter(|found| found.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let verdict = match (errors, warnings) {
        (0, 0) => "All is well.".to_owned(),
        (0, _) => format!("Warnings: {warnings}. The daemon starts."),
        _ if configuration.is_some() => {
            format!("Errors: {errors}, warnings: {warnings}. The daemon starts, and this fails.")
        }
        _ => format!("Errors: {errors}, warnings: {warnings}. The daemon does not start."),
    };
    (diagnostics, summary + &verdict + "\n")
}
