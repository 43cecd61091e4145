//! Whether this process was started to outlive its terminal.

use std::fs;
use std::process::{Command, id};

/// The bit of SIGHUP, signal 1, in a mask of signals.
const HANG_UP: u64 = 1;

/// Whether SIGHUP is ignored, as `nohup` arranges it before it starts a program. It is not if that can't be found out.
///
/// Ask before a handler is installed, which replaces what `nohup` has arranged.
pub(crate) fn hang_up_is_ignored() -> bool {
    ignored_signals().is_some_and(|mask| mask & HANG_UP != 0)
}

/// The mask of the signals that this process ignores: from the kernel on Linux, from `ps` elsewhere.
fn ignored_signals() -> Option<u64> {
    let mask = match fs::read_to_string("/proc/self/status") {
        Ok(status) => status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?.to_owned(),
        Err(_) => {
            let shown = Command::new("ps").args(["-o", "ignored=", "-p", &id().to_string()]).output().ok()?;
            String::from_utf8(shown.stdout).ok()?
        }
    };
    u64::from_str_radix(mask.trim(), 16).ok()
}
