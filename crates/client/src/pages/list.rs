//! The pages of a list.

use common::events::TicketId;
use serde::Deserialize;

/// How many tickets a page lists.
pub(super) const PAGE: usize = 48;

/// Which page of a list: `?after=<id>`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Behind {
    /// The last ticket of the page before.
    pub(super) after: Option<TicketId>,
}
