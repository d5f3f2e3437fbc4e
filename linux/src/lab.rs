//! `latido lab`: the document's network on one machine, made by the program itself: corman,
//! rabius, the routers clase and rafa, the upstream gateway and a client. It plays scenarios and
//! prints a timeline. Everything lives in namespaces without names, so nothing is left behind.
//!
//! It decides nothing about a cluster; the nodes run the same daemon as on real machines.

mod arp;
mod client;
mod config;
mod forwarder;
mod init;
mod netns;
mod network;
mod node;
pub(crate) mod part;
mod root;
mod scenarios;
mod stage;
mod summary;
mod supervisor;
mod svg;
mod timeline;
mod web;
mod world;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use config::{Settings, Timings};
use network::Network;
use scenarios::{SCENARIOS, Scenario};
use stage::Lab;
use summary::Summary;
use timeline::{Form, Timeline, print, worded};

/// What `latido lab` can be asked.
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Scenarios to play, in this order (`--list` names them).
    #[arg(default_value = "cord", value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Name the scenarios and stop.
    #[arg(long)]
    list: bool,
    /// Play each scenario N times and end with the spread of the gaps.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Use the document's timings (keepalive 2 s, deadtime 10 s) and not the fast ones.
    #[arg(long)]
    seed_timings: bool,
    /// Give the cluster the address alone; the service runs on both nodes all the time.
    #[arg(long)]
    bare: bool,
    /// Draw the timeline of the last run as a picture.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Stay after the last scenario until Ctrl-C, and print how to enter a node.
    #[arg(long)]
    keep: bool,
}

/// Plays what was asked; 0 if every scenario reached its expected end, 1 if one did not, 2 if
/// none could be played.
pub(crate) fn main(args: &Args) -> ExitCode {
    if args.list {
        for scenario in SCENARIOS {
            println!("{:<10}  {}", scenario.name, scenario.summary);
        }
        return ExitCode::SUCCESS;
    }
    let chosen = match chosen(&args.scenarios) {
        Ok(chosen) => chosen,
        Err(refusal) => {
            eprintln!("latido lab: {refusal}");
            return ExitCode::from(2);
        }
    };
    // The lab's own root has no way to the machine's files, so the file is opened before.
    let create = |path: &PathBuf| File::create(path).map_err(doing(path.display()));
    let svg = match args.svg.as_ref().map(create).transpose() {
        Ok(svg) => svg,
        Err(error) => {
            eprintln!("latido lab: {error}");
            return ExitCode::from(2);
        }
    };
    supervisor::supervise(|outer| match play(args, &chosen, svg.as_ref(), &outer) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            eprintln!("latido lab: {error}");
            1
        }
    })
}

/// The scenarios called so, or which name is wrong and the nearest right one.
fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    let find = |name: &String| {
        SCENARIOS.iter().find(|scenario| scenario.name == name).ok_or_else(|| {
            let nearest = SCENARIOS
                .iter()
                .max_by(|a, b| {
                    let nearness = |known: &str| strsim::jaro_winkler(known, name);
                    nearness(a.name).total_cmp(&nearness(b.name))
                })
                .expect("there is a scenario");
            format!("no scenario is called '{name}'; did you mean '{}'?", nearest.name)
        })
    };
    names.iter().map(find).collect()
}

/// Inside the private root: every scenario as often as asked, each run in a fresh network.
fn play(
    args: &Args,
    chosen: &[&'static Scenario],
    svg: Option<&File>,
    outer: &File,
) -> io::Result<bool> {
    let form = Form::of(args.json);
    let timings = if args.seed_timings { Timings::SEED } else { Timings::FAST };
    let settings = Settings { timings, bare: args.bare };
    // A person who asks for many runs wants their results, and the story of one that fails.
    let quiet = args.runs > 1 && form != Form::Json;
    let mut all_passed = true;
    for (position, scenario) in chosen.iter().enumerate() {
        if form != Form::Json {
            print(&title(scenario, settings, position == 0));
        }
        let mut summary = Summary::new(scenario.name);
        for run in 1..=args.runs {
            let last = run == args.runs;
            let mut lab = Lab::new(Network::build()?, settings, Timeline::new(form, quiet))?;
            lab.announce();
            let outcome = lab.play(scenario);
            summary.add(&outcome);
            all_passed &= outcome.passed();
            if !quiet && form != Form::Json {
                print("");
            }
            print(&outcome.render(form, scenario.name, &lab));
            if last && args.runs > 1 {
                print(&summary.render(form));
            }
            if last && position + 1 == chosen.len() {
                if let Some(mut file) = svg {
                    let title = format!("latido lab {}: {}", scenario.name, scenario.summary);
                    file.write_all(lab.picture(&title).as_bytes())?;
                }
                if args.keep {
                    lab.keep(outer);
                }
            }
        }
    }
    Ok(all_passed)
}

/// What a person reads before a scenario; how to read the timeline stands before the first.
fn title(scenario: &Scenario, settings: Settings, first: bool) -> String {
    let Timings { keepalive, deadtime, initdead, .. } = settings.timings;
    let Scenario { name, summary, .. } = scenario;
    let timings = format!(
        "keepalive {}, deadtime {}, initdead {}",
        worded(keepalive),
        worded(deadtime),
        worded(initdead)
    );
    if !first {
        return format!("\n{name}: {summary}");
    }
    format!(
        "{name}: {summary}\n\
         ({timings}; a client asks for the page every 5 ms)\n\n\
         Lines with ! are what the lab does to the cluster, and times count from the latest;\n\
         * is what the kernels and the client see; the other lines of a node are its log."
    )
}

/// Puts what was being done before an error.
fn doing<E: Display>(what: impl Display) -> impl FnOnce(E) -> io::Error {
    move |error| io::Error::other(format!("{what}: {error}"))
}
