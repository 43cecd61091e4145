//! The pages of a list.

use serde::Deserialize;

/// How many tickets or orders a page lists.
pub(super) const PAGE: usize = 48;

/// Which page of a list: `?after=<id>`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Behind<I> {
    /// The last one of the page before.
    pub(super) after: Option<I>,
}
