//! What this service says. Recorded with the state it tells of; the relay publishes it.

use common::events::{TicketCreated, TicketUpdated};
use common::store::Outbox;

/// All of it.
pub(crate) type Said = (TicketCreated, TicketUpdated);

pub(crate) type TicketCreatedPublisher = Outbox<TicketCreated>;

pub(crate) type TicketUpdatedPublisher = Outbox<TicketUpdated>;
