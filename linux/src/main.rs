//! The `latido` command: which part of the program runs. The parts read their own
//! arguments and say how it went.

use std::process::ExitCode;

use clap::Parser as _;

mod decode;

/// High availability for two nodes, in place of Heartbeat
#[derive(clap::Parser)]
#[command(name = "latido", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show what captured datagrams say and whether their signatures hold
    Decode(decode::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Decode(arguments) => decode::run(&arguments),
    }
}
