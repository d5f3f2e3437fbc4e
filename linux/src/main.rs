//! The `latido` command.

mod check;
mod config;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Two-node high availability: a drop-in for Linux-HA Heartbeat's haresources clusters.
#[derive(Parser)]
#[command(name = "latido", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads the configuration, shows its mistakes and says what it means.
    ///
    /// Exits with 0 if all is well, 1 with warnings, 2 with errors.
    Check(check::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
    }
}
