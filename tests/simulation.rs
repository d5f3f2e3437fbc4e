//! Thousands of worlds: what two nodes do when everything goes wrong, by seed.
//!
//! - `LATIDO_SEEDS=10000` runs so many seeds; the default is 300. `LATIDO_FROM` is the
//!   first of them, 0 by default.
//! - `LATIDO_SEED=7` runs one and prints what happens.
//! - `LATIDO_SURVEY=3000` tries so many one after the other and lists all failures.
//! - A failure prints seed and step and leaves the timeline under `target/`.

mod sim;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, thread};

use sim::census::Census;
use sim::mutant::Mutant;
use sim::{Verdict, run};

/// Seeds that once showed a bug; each run tries them first.
const REGRESSIONS: [u64; 15] =
    [5, 14, 34, 35, 592, 597, 860, 1116, 1260, 1547, 1946, 1952, 10_768, 12_129, 30_706];

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

/// Runs `work` for 0 to `count` - 1, on all cores; stops at the first `Some`.
fn first_of<T: Send>(count: u64, work: impl Fn(u64) -> Option<T> + Sync) -> Option<T> {
    let next = AtomicU64::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let worker = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return None;
                }
                if let Some(found) = work(number) {
                    next.store(count, Ordering::Relaxed);
                    return Some(found);
                }
            }
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().filter_map(|one| one.join().expect("a worker ends")).next()
    })
}

/// Says what went wrong, and where it can be read and seen again.
fn report(seed: u64, verdict: &Verdict) -> String {
    let Some(violation) = &verdict.violation else { return String::new() };
    let again = run(seed, None, true);
    let name = format!("simulation-{seed}.txt");
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let timeline = again.timeline.unwrap_or_default();
    let (step, at, what) = (violation.step, violation.at, &violation.what);
    let text = format!(
        "# seed={seed} step={step} at={at}us: {what}\n\
         # again: LATIDO_SEED={seed} cargo test --test simulation\n{timeline}"
    );
    fs::write(&path, text).expect("the timeline can be written");
    format!("seed={seed} step={step} at={at}us: {what}; timeline in {}", path.display())
}

/// Tries `count` seeds and lists all failures.
fn survey(from: u64, count: u64) {
    let none = first_of(count, |place| {
        let verdict = run(from + place, None, false);
        if verdict.violation.is_some() {
            println!("{}", report(from + place, &verdict));
        }
        None::<()>
    });
    assert!(none.is_none(), "a survey does not stop");
}

#[test]
fn two_nodes_keep_every_rule_whatever_happens() {
    if let Some(seed) = number("LATIDO_SEED") {
        let verdict = run(seed, None, true);
        println!("{}", verdict.timeline.as_deref().unwrap_or_default());
        println!("{}", verdict.census);
        assert!(verdict.violation.is_none(), "{}", report(seed, &verdict));
        return;
    }
    let from = number("LATIDO_FROM").unwrap_or(0);
    if let Some(count) = number("LATIDO_SURVEY") {
        survey(from, count);
        return;
    }
    let seeds = number("LATIDO_SEEDS").unwrap_or(300);
    let total = std::sync::Mutex::new(Census::default());
    let failure = first_of(seeds + REGRESSIONS.len() as u64, |place| {
        let known = usize::try_from(place).ok().and_then(|place| REGRESSIONS.get(place).copied());
        let seed = known.unwrap_or_else(|| from + place - REGRESSIONS.len() as u64);
        let verdict = run(seed, None, false);
        total.lock().expect("no worker panicked").add(&verdict.census);
        verdict.violation.is_some().then(|| report(seed, &verdict))
    });
    assert_eq!(failure, None);
    let total = total.into_inner().expect("no worker panicked");
    println!("{seeds} seeds\n{total}");
    let unseen = total.unseen();
    assert!(seeds < 300 || unseen.is_empty(), "never happened: {unseen:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let differs = first_of(20, |seed| {
        let (one, other) = (run(seed, None, false), run(seed, None, true));
        (one.hash != other.hash).then_some(seed)
    });
    assert_eq!(differs, None);
}

#[test]
fn every_mutant_is_found_within_a_thousand_seeds() {
    for mutant in Mutant::ALL {
        let found = first_of(1_000, |seed| {
            let verdict = run(seed, Some(mutant), false);
            let other = match mutant {
                Mutant::Irreproducible => run(seed, Some(mutant), false).hash,
                _ => verdict.hash,
            };
            let what = verdict.violation.map(|violation| violation.what);
            let what = what.or_else(|| (verdict.hash != other).then(|| "another trace".into()));
            what.map(|what| format!("seed {seed}: {what}"))
        });
        println!("{mutant:?}: {}", found.as_deref().unwrap_or("not found"));
        assert!(found.is_some(), "{mutant:?} breaks a rule and no check notices");
    }
}
