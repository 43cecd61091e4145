//! The last version of each ticket, so that nobody sees one go back.

use std::collections::HashMap;

use common::events::TicketId;

/// How many tickets are remembered at least; twice as many at most, in some 80 bytes each.
const TICKETS: usize = 100_000;

/// The last version that was seen of each ticket, and where. The tickets that changed longest ago are forgotten.
#[derive(Debug, Default)]
pub(super) struct Versions {
    recent: HashMap<TicketId, Seen>,
    earlier: HashMap<TicketId, Seen>,
}

/// A version of a ticket, and the sequence of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) version: u64,
    pub(super) sequence: u64,
}

impl Versions {
    /// The last version of a ticket, if it is remembered.
    pub(super) fn last(&self, ticket: TicketId) -> Option<Seen> {
        self.recent.get(&ticket).or_else(|| self.earlier.get(&ticket)).copied()
    }

    pub(super) fn remember(&mut self, ticket: TicketId, seen: Seen) {
        if self.recent.len() >= TICKETS && !self.recent.contains_key(&ticket) {
            self.earlier = std::mem::take(&mut self.recent);
        }
        self.recent.insert(ticket, seen);
    }
}
