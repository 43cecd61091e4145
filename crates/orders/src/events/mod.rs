//! What this service says, and what it listens to.

mod listeners;
mod publishers;

use common::wiring::Wiring;
use service::Section;

use crate::config::OrdersSettings;

pub(crate) use listeners::{
    ExpirationCompleteListener, PaymentCreatedListener, TicketCreatedListener, TicketUpdatedListener,
};
pub(crate) use publishers::{OrderCancelledPublisher, OrderCreatedPublisher, Said};

/// With whom the listeners share their events: all processes of this service.
const QUEUE_GROUP: &str = "orders-service";

/// All that this service says and hears.
pub fn wiring() -> Wiring {
    Wiring::of(OrdersSettings::NAME)
        .records::<Said>()
        .listens::<TicketCreatedListener>()
        .listens::<TicketUpdatedListener>()
        .listens::<ExpirationCompleteListener>()
        .listens::<PaymentCreatedListener>()
}
