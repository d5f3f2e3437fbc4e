//! What a scenario measured, and the spread over several runs of it.

use std::io;
use std::time::Duration;

use serde_json::json;

use super::stage::Lab;
use super::timeline::{Form, milliseconds, worded};

/// What a run measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Figures {
    /// The service gap (see each scenario for its two ends).
    pub(crate) gap: Duration,
    /// From what to what the gap goes, for people.
    pub(crate) from_to: &'static str,
    /// Further durations; the names are keys of the JSON line and end with `_ms`.
    pub(crate) more: Vec<(&'static str, Duration)>,
}

/// How a run ended.
pub(crate) struct Outcome {
    result: io::Result<Figures>,
}

impl Outcome {
    /// The result of a scenario.
    pub(super) fn new(result: io::Result<Figures>) -> Self {
        Self { result }
    }

    /// Whether the expected end was reached.
    pub(super) fn passed(&self) -> bool {
        self.result.is_ok()
    }

    /// The result line.
    pub(super) fn render(&self, form: Form, scenario: &str, lab: &Lab) -> String {
        let (nat, timings) = (lab.nat().name(), lab.timings().name);
        match (form, &self.result) {
            (Form::Json, result) => {
                let mut object = json!({
                    "scenario": scenario, "passed": result.is_ok(), "nat": nat,
                    "timings": timings,
                });
                match result {
                    Ok(figures) => {
                        object["gap_ms"] = json!(milliseconds(figures.gap));
                        for (name, duration) in &figures.more {
                            object[*name] = json!(milliseconds(*duration));
                        }
                    }
                    Err(error) => object["error"] = json!(error.to_string()),
                }
                object.to_string()
            }
            (Form::Text { .. }, Ok(figures)) => {
                let more: String = figures
                    .more
                    .iter()
                    .map(|(name, duration)| {
                        let name = name.trim_end_matches("_ms").replace('_', " ");
                        format!("; {name}: {}", worded(*duration))
                    })
                    .collect();
                let gap = worded(figures.gap);
                format!("{scenario}: passed. Service gap, {}: {gap}{more}", figures.from_to)
            }
            (Form::Text { .. }, Err(error)) => format!("{scenario}: FAILED. {error}"),
        }
    }
}

/// The gaps of several runs.
pub(super) struct Summary {
    scenario: &'static str,
    runs: usize,
    gaps: Vec<Duration>,
}

impl Summary {
    /// No run yet.
    pub(super) fn new(scenario: &'static str) -> Self {
        Self { scenario, runs: 0, gaps: Vec::new() }
    }

    /// Counts a run.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        if let Ok(figures) = &outcome.result {
            self.gaps.push(figures.gap);
            self.gaps.sort_unstable();
        }
    }

    /// The gap that a share of the passed runs (in percent) did not exceed: the nearest rank.
    fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.gaps.len() * percent).div_ceil(100).max(1);
        self.gaps.get(rank - 1).copied()
    }

    /// The last line of several runs.
    pub(super) fn render(&self, form: Form) -> String {
        let figures = [
            ("gap_ms", self.percentile(50)),
            ("gap_ms_min", self.gaps.first().copied()),
            ("gap_ms_p95", self.percentile(95)),
            ("gap_ms_max", self.gaps.last().copied()),
        ];
        let (passed, runs) = (self.gaps.len(), self.runs);
        match form {
            Form::Json => {
                let mut object =
                    json!({ "scenario": self.scenario, "runs": runs, "passed": passed });
                for (name, gap) in figures {
                    object[name] = json!(gap.map(milliseconds));
                }
                object.to_string()
            }
            Form::Text { .. } => {
                let word = |gap: Option<Duration>| gap.map_or_else(|| "none".to_owned(), worded);
                let [median, min, p95, max] = figures.map(|(_, gap)| word(gap));
                format!(
                    "{}: {passed} of {runs} runs passed; service gap: median {median}, \
                     min {min}, p95 {p95}, max {max}",
                    self.scenario
                )
            }
        }
    }
}

#[cfg(test)]
mod tests;
