//! What is wrong with settings.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The origin of what is not set.
pub(super) const NOT_SET: &str = "default";

/// Settings that were refused, and why; the current settings stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Refused {
    /// Everything that is wrong.
    pub refused: Vec<Refusal>,
}

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The key: `numbers.rate_per_minute`; empty if it concerns all keys.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
    /// Where it was set: a file and its line, a variable, a flag, or "default".
    pub origin: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, problem, origin } = self;
        let is_set = origin != NOT_SET;
        let place = [(is_set, origin), (!key.is_empty(), key)].into_iter().filter(|(is_known, _)| *is_known);
        place.into_iter().try_for_each(|(_, place)| write!(f, "{place}: "))?;
        f.write_str(problem)
    }
}

impl fmt::Display for Refused {
    /// One line for each refusal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.refused.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}
