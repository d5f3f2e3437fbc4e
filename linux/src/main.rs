//! The `latido` command: which part of the program runs. The parts read their own
//! arguments and say how it went.

mod addresses;
mod arp;
mod check;
mod clock;
mod config;
mod control;
mod decode;
mod document;
mod echo;
mod journal;
mod lab;
mod link;
mod links;
mod load;
mod memory;
mod netlink;
mod os;
mod reboot;
mod resources;
mod run;
mod scribe;
mod state;
mod status;
#[cfg(test)]
mod testbed;

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
    /// Runs the node, in the foreground, until SIGTERM or SIGINT.
    ///
    /// Then it releases what it holds and hands it over to the other node.
    Run(run::Arguments),
    /// Plays a failover on the whole network, made of namespaces on this machine.
    Lab(lab::Args),
    #[command(hide = true)]
    LabPart(lab::part::Args),
    /// Shows what the running node sees and holds.
    Status(status::Arguments),
    /// Hands groups to the other node.
    Standby(status::MoveArguments),
    /// Takes groups from the other node.
    Takeover(status::MoveArguments),
    /// Reads the configuration, shows its mistakes and says what it means.
    ///
    /// Exits with 0 if all is well, 1 with warnings, 2 with errors.
    Check(check::Arguments),
    /// Shows what captured datagrams say and whether their signatures hold.
    Decode(decode::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Lab(arguments) => lab::main(&arguments),
        Command::LabPart(arguments) => lab::part::main(&arguments),
        Command::Status(arguments) => status::show(&arguments),
        Command::Standby(arguments) => status::request("standby", &arguments),
        Command::Takeover(arguments) => status::request("takeover", &arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Decode(arguments) => decode::run(&arguments),
    }
}
