//! The hidden subcommand with which the lab starts its own parts inside a namespace.

use std::process::ExitCode;

use super::{forwarder, init, web};

/// Which part of the lab this process is.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Part,
}

#[derive(clap::Subcommand)]
enum Part {
    /// Become the first process of a node.
    Node { name: String },
    /// The service `apache2`.
    Web {
        #[command(subcommand)]
        verb: web::Verb,
    },
    /// Forward ports 22 and 80 to the virtual address.
    Forward,
}

/// Runs the part; an error goes to stderr and ends it with 1.
pub(crate) fn main(args: &Args) -> ExitCode {
    let result = match &args.part {
        Part::Node { name } => init::main(name),
        Part::Web { verb } => web::main(*verb),
        Part::Forward => forwarder::main().map(|()| 0),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("latido lab-part: {error}");
            ExitCode::FAILURE
        }
    }
}
