//! What a test has shown.

use std::fmt;

use anyhow::bail;
use service::Error;

use crate::bug::Test;

/// What a test of a copy has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It passes.
    Passes,
    /// It fails, with what it printed.
    Fails(String),
    /// The copy does not compile; cargo has printed why.
    DoesNotCompile,
}

impl Checked {
    /// Reads what the test harness printed.
    ///
    /// # Errors
    ///
    /// When there is no such test.
    pub(crate) fn of(test: &Test, succeeded: bool, printed: &str) -> Result<Self, Error> {
        let Test { package, name } = test;
        if let Some((_, seen)) = printed.split_once(&format!("---- {name} stdout ----\n")) {
            let seen = seen.split("\nfailures:\n").next().unwrap_or_default();
            let seen = seen.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("note: run with"));
            return Ok(Self::Fails(seen.collect::<Vec<_>>().join("\n")));
        }
        if !succeeded || !printed.contains("test result: ok. 1 passed") {
            bail!("{package} has no test {name}, or it ended without a result:\n{printed}");
        }
        Ok(Self::Passes)
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passes => "passes",
            Self::Fails(_) => "fails",
            Self::DoesNotCompile => "does not compile",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Checked, Test};

    #[test]
    fn what_a_failed_test_has_printed_is_shown_and_a_test_that_is_not_there_is_an_error() {
        let test = Test { package: "tickets".to_owned(), name: "a::b".to_owned() };
        let failed = "\nrunning 1 test\nF\nfailures:\n\n---- a::b stdout ----\n\nthread 'a::b' panicked at x.rs:1:2:\n\
                      left: 1\nnote: run with `RUST_BACKTRACE=1`\n\n\nfailures:\n    a::b\n\ntest result: FAILED.";
        let seen = "thread 'a::b' panicked at x.rs:1:2:\nleft: 1".to_owned();
        assert_eq!(Checked::of(&test, false, failed).unwrap(), Checked::Fails(seen));
        assert_eq!(Checked::of(&test, true, "test result: ok. 1 passed; 0 failed").unwrap(), Checked::Passes);
        assert!(Checked::of(&test, true, "test result: ok. 0 passed; 0 failed").is_err());
    }
}
