//! One download, as the console shows it.

use std::time::Duration;

use crate::console::{Console, is_terminal};

/// A download, until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    package: &'static str,
    console: Console,
}

impl Progress {
    /// The download of a package with this many bytes begins.
    pub(crate) fn begin(console: &Console, package: &'static str, of: u64) -> Self {
        console.change(|downloads| downloads.begin(package, of));
        Self { package, console: console.clone() }
    }

    /// How long to wait before the next report.
    pub(crate) fn pause(&self) -> Duration {
        if is_terminal() { Duration::from_millis(200) } else { Duration::from_secs(2) }
    }

    /// Shows how far this download is, and the others.
    pub(crate) fn report(&self, bytes: u64, since: Duration) {
        self.console.change(|downloads| downloads.fetched(self.package, bytes, since));
        self.console.show_progress();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.console.change(|downloads| downloads.end(self.package));
        self.console.hide_progress();
    }
}
