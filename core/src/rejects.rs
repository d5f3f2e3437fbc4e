//! Datagrams that were not believed: counted always, told now and then.
//!
//! The first of a kind is told; more of the same within [`QUIET`] are counted and
//! told as a number afterwards, so that a flood does not fill a log.

use crate::action::{Actions, tell};
use crate::notice::{Notice, Reject};
use crate::time::{Duration, Instant};

/// How long a kind is silent after it was told.
const QUIET: Duration = Duration::from_secs(60);

/// The counters, one a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rejects {
    kinds: [Kind; Reject::ALL.len()],
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Kind {
    count: u64,
    hidden: u32,
    told_at: Option<Instant>,
}

impl Rejects {
    /// Counts one of `why`, and says `notice` unless one was said lately.
    pub(crate) fn note(
        &mut self,
        now: Instant,
        why: Reject,
        notice: Notice,
        actions: &mut Actions,
    ) {
        let kind = self.kind(why);
        kind.count = kind.count.saturating_add(1);
        if kind.told_at.is_some_and(|told| now.since(told) < QUIET) {
            kind.hidden = kind.hidden.saturating_add(1);
            return;
        }
        if kind.hidden > 0 {
            tell(actions, Notice::Suppressed { why, count: kind.hidden });
        }
        kind.hidden = 0;
        kind.told_at = Some(now);
        tell(actions, notice);
    }

    /// Counts one of `why` and says nothing.
    pub(crate) fn count_only(&mut self, why: Reject) {
        let kind = self.kind(why);
        kind.count = kind.count.saturating_add(1);
    }

    /// How many of `why` there have been.
    pub(crate) fn count(&self, why: Reject) -> u64 {
        self.kinds.get(why as usize).map_or(0, |kind| kind.count)
    }

    fn kind(&mut self, why: Reject) -> &mut Kind {
        self.kinds.get_mut(why as usize).expect("there is one counter a kind")
    }
}
