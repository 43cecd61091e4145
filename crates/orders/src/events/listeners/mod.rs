//! The listeners, one event in each file.

mod expiration_complete;
mod payment_created;
mod ticket_created;
mod ticket_updated;

pub(crate) use expiration_complete::ExpirationCompleteListener;
pub(crate) use payment_created::PaymentCreatedListener;
pub(crate) use ticket_created::TicketCreatedListener;
pub(crate) use ticket_updated::TicketUpdatedListener;

/// All listeners of this service.
pub(crate) type Listeners =
    (TicketCreatedListener, TicketUpdatedListener, ExpirationCompleteListener, PaymentCreatedListener);
