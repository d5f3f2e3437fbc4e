//! The arithmetic of several runs.

use std::io;
use std::time::Duration;

use super::{Figures, Outcome, Summary};
use crate::lab::timeline::Form;

fn passed(ms: u64) -> Outcome {
    let gap = Duration::from_millis(ms);
    Outcome::new(Ok(Figures::new("It was away for {}.", gap)))
}

#[test]
fn the_spread_of_twenty_runs_is_given_by_nearest_rank() {
    let mut summary = Summary::new("cord");
    for ms in (1..=20).rev() {
        summary.add(&passed(ms));
    }
    assert_eq!(
        summary.render(Form::Text { coloured: false }),
        "cord: 20 of 20 runs passed.\n  gap        median 10 ms, min 1 ms, p95 19 ms, max 20 ms"
    );
}

#[test]
fn a_failed_run_is_counted_and_has_no_gap() {
    let mut summary = Summary::new("cord");
    summary.add(&Outcome::new(Err(io::Error::other("no answer"))));
    let object: serde_json::Value =
        serde_json::from_str(&summary.render(Form::Json)).expect("it is JSON");
    assert_eq!(
        object,
        serde_json::json!({
            "scenario": "cord", "runs": 1, "passed": 0, "gap_ms": null, "gap_ms_min": null,
            "gap_ms_p95": null, "gap_ms_max": null,
        })
    );
}
