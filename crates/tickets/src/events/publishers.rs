//! What this service publishes: recorded together with the change that it reports, and published by the relay.

use common::Outbox;
use common::events::{TicketCreated, TicketUpdated};

/// All events of this service.
pub(crate) type Published = (TicketCreated, TicketUpdated);

pub(crate) type TicketCreatedPublisher = Outbox<TicketCreated>;

pub(crate) type TicketUpdatedPublisher = Outbox<TicketUpdated>;
