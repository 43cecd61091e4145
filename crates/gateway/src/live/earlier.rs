//! What happened before the feed begins, for a client that returns late.

use std::collections::HashMap;
use std::sync::Arc;

use bus::{Delivery, events_behind, stored_events};
use common::events::TicketId;
use service::Error;

use super::change::Change;
use super::feed::Feed;
use super::versions::Seen;

/// How many events are read at once.
const AT_ONCE: usize = 256;

/// How many clients read earlier events at the same time.
pub(super) const READERS: usize = 8;

/// Reads the stream from a position to where the feed begins.
#[derive(Debug)]
pub(super) struct Earlier {
    feed: Feed,
    /// Everything up to this sequence is read.
    pub(super) read: u64,
    /// The last version of each ticket among what was read.
    versions: HashMap<TicketId, u64>,
}

impl Earlier {
    /// Reads what follows this sequence; `None` if some of it is not stored any more.
    pub(super) async fn behind(feed: &Feed, sequence: u64) -> Result<Option<Self>, Error> {
        let is_stored = stored_events(&feed.bus).await?.first <= sequence + 1;
        let earlier = || Self { feed: feed.clone(), read: sequence, versions: HashMap::new() };
        Ok(is_stored.then(earlier))
    }

    /// Reads on. The answer is what comes next, and nothing once there is no more.
    pub(super) async fn next(&mut self) -> Result<Vec<Arc<Change>>, Error> {
        let deliveries = events_behind(&self.feed.bus, self.read, AT_ONCE).await?;
        if let Some(last) = deliveries.last() {
            self.read = last.sequence;
        }
        Ok(deliveries.iter().filter_map(|delivery| self.change(delivery)).map(Arc::new).collect())
    }

    /// What an event means, unless it would show a ticket as it was before.
    fn change(&mut self, delivery: &Delivery) -> Option<Change> {
        let change = Change::of(delivery, self.feed.epoch()).ok().flatten()?;
        if let Change::Ticket(ticket) = &change {
            let Seen { version, .. } = ticket.seen;
            let is_new = match self.versions.get(&ticket.id) {
                Some(last) => version > *last,
                // A repaired event may have been seen before; not if it was the last of its ticket that this process saw.
                None if ticket.is_repeated => {
                    self.feed.versions(|versions| versions.last(ticket.id)) == Some(ticket.seen)
                }
                None => true,
            };
            if !is_new {
                return None;
            }
            self.versions.insert(ticket.id, version);
        }
        Some(change)
    }
}
