//! What this service says, and what it listens to.

mod listeners;
mod publishers;

use common::wiring::Wiring;
use service::Section;

use crate::config::TicketsSettings;

pub(crate) use listeners::{OrderCancelledListener, OrderCreatedListener};
pub(crate) use publishers::{Said, TicketCreatedPublisher, TicketUpdatedPublisher};

/// With whom the listeners share their events: all processes of this service.
const QUEUE_GROUP: &str = "tickets-service";

/// All that this service says and hears.
pub fn wiring() -> Wiring {
    Wiring::of(TicketsSettings::NAME)
        .records::<Said>()
        .listens::<OrderCreatedListener>()
        .listens::<OrderCancelledListener>()
}
