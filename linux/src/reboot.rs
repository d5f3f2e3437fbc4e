//! The last resort of `on-stop-failure reboot`: a resource that does not stop must
//! not run on two nodes, so the machine is restarted, as the original does.
//!
//! It is the core that decides it; this is the only place that does it.

use std::io;

use nix::sys::reboot::{RebootMode, reboot};

/// Restarts the machine at once, without waiting for anything. Within a pid
/// namespace the kernel ends that namespace instead.
///
/// # Errors
/// If the kernel refuses; else it does not return.
pub(crate) fn restart_machine() -> io::Result<()> {
    reboot(RebootMode::RB_AUTOBOOT)?;
    Ok(())
}
