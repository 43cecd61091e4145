//! The numbers of terms.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of a term of leadership. A later term has a greater one, and no two terms of a cluster have the same.
///
/// The first term of a cluster whose nodes remember nothing has about the number of milliseconds since 1970; after that they
/// count up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The number after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
