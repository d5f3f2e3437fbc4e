//! What a scenario measured, and the spread over several runs of it.

use std::io;
use std::time::Duration;

use serde_json::json;

use super::stage::Lab;
use super::timeline::{Form, milliseconds, worded};

/// What a run measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Figures {
    /// The gap that the scenario is about.
    pub(crate) gap: Figure,
    /// Further ones.
    pub(crate) more: Vec<Figure>,
    /// What could not be played on this machine, and why.
    pub(crate) left_out: Vec<String>,
}

/// A measured duration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Figure {
    /// Its key in the JSON line; it ends with `_ms`.
    pub(crate) key: &'static str,
    /// A sentence for people, with `{}` for the duration.
    pub(crate) sentence: &'static str,
    /// The duration.
    pub(crate) value: Duration,
}

impl Figures {
    /// The gap alone; `sentence` says from what to what it goes, with `{}` for the duration.
    pub(crate) fn new(sentence: &'static str, gap: Duration) -> Self {
        let gap = Figure { key: "gap_ms", sentence, value: gap };
        Self { gap, more: Vec::new(), left_out: Vec::new() }
    }

    /// One more duration.
    pub(crate) fn and(
        mut self,
        key: &'static str,
        sentence: &'static str,
        value: Duration,
    ) -> Self {
        self.more.push(Figure { key, sentence, value });
        self
    }

    fn all(&self) -> impl Iterator<Item = &Figure> {
        std::iter::once(&self.gap).chain(&self.more)
    }
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
        match form {
            Form::Json => {
                let mut object = json!({
                    "scenario": scenario, "passed": self.passed(), "nat": lab.nat().name(),
                    "timings": lab.timings().name, "bare": lab.bare(),
                });
                match &self.result {
                    Ok(figures) => {
                        for Figure { key, value, .. } in figures.all() {
                            object[*key] = json!(milliseconds(*value));
                        }
                        object["left_out"] = json!(figures.left_out);
                    }
                    Err(error) => object["error"] = json!(error.to_string()),
                }
                object.to_string()
            }
            Form::Text { .. } => match &self.result {
                Ok(figures) => text(scenario, figures),
                Err(error) => format!("{scenario}: FAILED: {error}"),
            },
        }
    }
}

/// The result as sentences.
fn text(scenario: &str, figures: &Figures) -> String {
    let mut text = format!("{scenario}: passed.");
    for figure in figures.all() {
        text.push_str("\n  ");
        text.push_str(&figure.sentence.replace("{}", &worded(figure.value)));
    }
    for left_out in &figures.left_out {
        text.push_str(&format!("\n  NOT PLAYED: {left_out}"));
    }
    text
}

/// The figures of several runs.
pub(super) struct Summary {
    scenario: &'static str,
    runs: usize,
    passed: usize,
    /// Sorted, by the key of the figure.
    values: Vec<(&'static str, Vec<Duration>)>,
}

impl Summary {
    /// No run yet.
    pub(super) fn new(scenario: &'static str) -> Self {
        Self { scenario, runs: 0, passed: 0, values: vec![("gap_ms", Vec::new())] }
    }

    /// Counts a run.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        let Ok(figures) = &outcome.result else { return };
        self.passed += 1;
        for Figure { key, value, .. } in figures.all() {
            let known = self.values.iter_mut().position(|(known, _)| known == key);
            let place = known.unwrap_or_else(|| {
                self.values.push((key, Vec::new()));
                self.values.len() - 1
            });
            let values = &mut self.values[place].1;
            values.push(*value);
            values.sort_unstable();
        }
    }

    /// The last line of several runs.
    pub(super) fn render(&self, form: Form) -> String {
        let Self { scenario, runs, passed, values } = self;
        match form {
            Form::Json => {
                let mut object = json!({ "scenario": scenario, "runs": runs, "passed": passed });
                for (key, values) in values {
                    for (spread, value) in spread(values) {
                        let name = if spread == MEDIAN { "" } else { spread };
                        let separator = if name.is_empty() { "" } else { "_" };
                        object[format!("{key}{separator}{name}")] = json!(value.map(milliseconds));
                    }
                }
                object.to_string()
            }
            Form::Text { .. } => {
                let mut text = format!("{scenario}: {passed} of {runs} runs passed.");
                for (key, values) in values {
                    let name = key.trim_end_matches("_ms").replace('_', " ");
                    let words: Vec<String> = spread(values)
                        .into_iter()
                        .map(|(spread, value)| {
                            format!("{spread} {}", value.map_or("none".to_owned(), worded))
                        })
                        .collect();
                    text.push_str(&format!("\n  {name:<10} {}", words.join(", ")));
                }
                text
            }
        }
    }
}

const MEDIAN: &str = "median";

/// Median, least, 95th percentile and greatest of sorted values.
fn spread(values: &[Duration]) -> [(&'static str, Option<Duration>); 4] {
    [
        (MEDIAN, percentile(values, 50)),
        ("min", values.first().copied()),
        ("p95", percentile(values, 95)),
        ("max", values.last().copied()),
    ]
}

/// The value that a share of them (in percent) does not exceed: the nearest rank.
fn percentile(values: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

#[cfg(test)]
mod tests;
