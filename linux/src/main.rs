//! The `latido` command: which subcommand was asked for, and nothing else.

mod lab;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// High availability for two nodes, a drop-in for Linux-HA Heartbeat.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play scenarios on the whole network, made of namespaces on this machine.
    Lab(lab::Args),
    #[command(hide = true)]
    LabPart(lab::part::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Lab(args) => lab::main(&args),
        Command::LabPart(args) => lab::part::main(&args),
    }
}
