//! `latido status`, `standby` and `takeover`: what an operator asks the daemon.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::Value;

use crate::control;

/// The exit code when the daemon cannot be asked.
const UNREACHABLE: u8 = 2;

#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Prints everything as one JSON document.
    #[arg(long)]
    json: bool,
    /// The directory of the control socket.
    #[arg(long, value_name = "DIR", default_value = "/run/heartbeat")]
    run_dir: PathBuf,
}

#[derive(clap::Args, Debug)]
pub(crate) struct MoveArguments {
    /// Which groups, from this node's point of view.
    #[arg(value_enum, default_value_t = Set::All)]
    set: Set,
    /// The directory of the control socket.
    #[arg(long, value_name = "DIR", default_value = "/run/heartbeat")]
    run_dir: PathBuf,
}

/// The sets of `hb_standby` and `hb_takeover`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Set {
    /// Every group.
    All,
    /// The groups that prefer this node.
    Local,
    /// The groups that prefer the other node.
    Foreign,
    /// What an automatic failback would move.
    Failback,
}

/// Shows the daemon's state.
pub(crate) fn show(arguments: &Arguments) -> ExitCode {
    let shown = control::ask(&arguments.run_dir, "status").and_then(|answer| {
        if arguments.json {
            return Ok(answer);
        }
        let document: Value = serde_json::from_str(&answer)
            .map_err(|_| io::Error::other(format!("not understood: {answer}")))?;
        Ok(page(&document))
    });
    finish(shown)
}

/// Asks for a move and shows what the daemon says to it.
pub(crate) fn request(verb: &str, arguments: &MoveArguments) -> ExitCode {
    let set = match (arguments.set, verb) {
        (Set::All, _) => "all",
        (Set::Local, _) => "local",
        (Set::Foreign, _) => "foreign",
        // As the original's commands: the giver's foreign groups go back; a taker
        // takes everything.
        (Set::Failback, "standby") => "foreign",
        (Set::Failback, _) => "all",
    };
    match control::ask(&arguments.run_dir, &format!("{verb} {set}")) {
        Ok(answer) if answer.starts_with("error:") => {
            eprint!("latido: {answer}");
            ExitCode::FAILURE
        }
        answer => finish(answer),
    }
}

fn finish(answer: io::Result<String>) -> ExitCode {
    match answer {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("latido: {error}");
            ExitCode::from(UNREACHABLE)
        }
    }
}

/// The document as a page for people.
fn page(document: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let mut page = format!(
        "{} is {}, holds {} ({})\n",
        text(&document["node"]),
        text(&document["state"]),
        text(&document["hold"]),
        if document["transition"] == true { "in transition" } else { "settled" },
    );
    if document["configuration_differs"] == true {
        page.push_str("! ha.cf or haresources differ from the other node's\n");
    }
    page.push_str("\nnodes\n");
    for node in document["nodes"].as_array().into_iter().flatten() {
        let heard = match node["heard_ms"].as_u64() {
            Some(ms) => format!("heard {ms} ms ago"),
            None => String::new(),
        };
        let line = format!(
            "  {:<16} {:<7} {:<7} {heard}",
            text(&node["name"]),
            text(&node["type"]),
            text(&node["status"])
        );
        page.push_str(line.trim_end());
        page.push('\n');
        for link in node["links"].as_array().into_iter().flatten() {
            page.push_str(&format!("    {:<14} {}\n", text(&link["name"]), text(&link["state"])));
        }
    }
    page.push_str("\ngroups\n");
    for group in document["groups"].as_array().into_iter().flatten() {
        let (key, preferred) = (text(&group["key"]), text(&group["preferred"]));
        page.push_str(&format!("  {key}  {}  (prefers {preferred})\n", text(&group["actual"])));
        if let Some(error) = group["error"].as_str() {
            page.push_str(&format!("    ! {error}\n"));
        }
    }
    let counters = document["counters"].as_object().into_iter().flatten();
    let dropped: Vec<String> = counters
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if !dropped.is_empty() {
        page.push_str(&format!("\npackets not believed: {}\n", dropped.join(", ")));
    }
    page
}
