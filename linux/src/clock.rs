//! The daemon's two clocks, and its only reads of them: one `now` a turn, and the
//! seconds that a frame is stamped with. It keeps no timers.

use latido_core::time::Instant;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};

/// The time since the machine started, its suspended time included
/// (`CLOCK_BOOTTIME`): a node that slept must see that its peer's deadline passed.
#[must_use]
pub(crate) fn now() -> Instant {
    let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME)
        .expect("Linux has had CLOCK_BOOTTIME since 2.6.39 and the pointer is ours");
    let micros =
        u64::try_from(since_boot.num_microseconds()).expect("time since boot is not negative");
    Instant::from_micros(micros)
}

/// Seconds since 1970 for the `ts` field (specification 3.4). A clock set outside
/// what 32 bits hold is clamped: `ts` is shown to people and decides nothing.
#[must_use]
pub(crate) fn unix_seconds() -> u32 {
    let since_epoch = clock_gettime(ClockId::CLOCK_REALTIME)
        .expect("every kernel has CLOCK_REALTIME and the pointer is ours");
    u32::try_from(since_epoch.num_seconds().max(0)).unwrap_or(u32::MAX)
}

/// The wall clock where the machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime {
    pub(crate) year: i32,
    /// 0 to 11.
    pub(crate) month: i32,
    pub(crate) day: i32,
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
}

/// The local time, for log lines.
#[must_use]
pub(crate) fn local_time() -> LocalTime {
    let seconds = clock_gettime(ClockId::CLOCK_REALTIME)
        .expect("every kernel has CLOCK_REALTIME and the pointer is ours")
        .tv_sec();
    // SAFETY: `tm` is plain numbers and a pointer that only the call fills in, and a
    // zeroed one is valid; both pointers are to locals that outlive the call.
    let local = unsafe {
        let mut local: nix::libc::tm = std::mem::zeroed();
        nix::libc::localtime_r(&raw const seconds, &raw mut local);
        local
    };
    LocalTime {
        year: 1900 + local.tm_year,
        month: local.tm_mon,
        day: local.tm_mday,
        hour: local.tm_hour,
        minute: local.tm_min,
        second: local.tm_sec,
    }
}

#[cfg(test)]
mod tests {
    use super::{now, unix_seconds};

    #[test]
    fn the_clock_advances_and_never_runs_backwards() {
        let first = now();
        let mut last = first;
        for _ in 0..100_000 {
            let next = now();
            assert!(next >= last, "{next:?} came after {last:?}");
            last = next;
        }
        assert!(last > first);
    }

    #[test]
    fn the_stamp_is_the_wall_clocks() {
        let before = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs();
        let stamp = u64::from(unix_seconds());
        let after = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs();
        assert!((before..=after).contains(&stamp), "{stamp} is not in {before}..={after}");
    }
}
