//! What an event means to those who watch: a public view of a ticket, or that an order has changed.

use async_nats::header::NATS_MESSAGE_ID;
use axum::extract::ws::Utf8Bytes;
use bus::{Delivery, NotAnEvent};
use bytes::Bytes;
use common::events::{
    Event, ExpirationComplete, OrderCancelled, OrderCreated, OrderId, PaymentCreated, PaymentRefunded, Price, Subject,
    TicketCreated, TicketId, TicketUpdated,
};
use serde::Serialize;

use super::position::{Epoch, Position};
use super::versions::Seen;

/// The subjects whose events mean something to those who watch.
pub(super) const SUBJECTS: [Subject; 7] = [
    TicketCreated::SUBJECT,
    TicketUpdated::SUBJECT,
    OrderCreated::SUBJECT,
    OrderCancelled::SUBJECT,
    PaymentCreated::SUBJECT,
    PaymentRefunded::SUBJECT,
    ExpirationComplete::SUBJECT,
];

/// What an event means.
#[derive(Debug)]
pub(super) enum Change {
    /// The ticket looks like this now.
    Ticket(TicketChange),
    /// The order has changed; only its owner may see how.
    Order { sequence: u64, id: OrderId, is_payment: bool },
}

/// A ticket as it is after an event, encoded for everybody.
#[derive(Debug)]
pub(super) struct TicketChange {
    pub(super) id: TicketId,
    pub(super) seen: Seen,
    /// Whether the event was published again, as a repair does it: somebody may have seen it before.
    pub(super) is_repeated: bool,
    pub(super) event: Encoded,
}

/// An event for clients, in both encodings.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    pub(super) sse: Bytes,
    pub(super) websocket: Utf8Bytes,
}

/// What everybody may see of a ticket: not who sells it, and not who has reserved it.
#[derive(Serialize)]
struct TicketView {
    id: TicketId,
    title: String,
    price: Price,
    version: u64,
    reserved: bool,
}

impl Encoded {
    /// An event of this name at this position; `data` is JSON in one line.
    pub(super) fn new(name: &str, position: Position, data: &str) -> Self {
        Self {
            sse: format!("event: {name}\nid: {position}\ndata: {data}\n\n").into(),
            websocket: format!(r#"{{"event":"{name}","id":"{position}","data":{data}}}"#).into(),
        }
    }
}

impl Change {
    pub(super) fn sequence(&self) -> u64 {
        match self {
            Self::Ticket(ticket) => ticket.seen.sequence,
            Self::Order { sequence, .. } => *sequence,
        }
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Ticket(ticket) => ticket.event.sse.len() + ticket.event.websocket.len(),
            Self::Order { .. } => size_of::<Self>(),
        }
    }

    /// What an event of the stream means; `None` if it means nothing to those who watch.
    pub(super) fn of(delivery: &Delivery, epoch: Epoch) -> Result<Option<Self>, NotAnEvent> {
        // A redriven event has been in the stream before, and is for one queue group.
        if delivery.is_experiment() || delivery.redriven_for().is_some() {
            return Ok(None);
        }
        let order = |id, is_payment| Self::Order { sequence: delivery.sequence, id, is_payment };
        let subject = delivery.subject.as_str();
        let is = |other: Subject| subject == other.as_str();
        let change = if is(TicketCreated::SUBJECT) {
            let TicketCreated { id, version, title, price, .. } = delivery.event()?;
            Self::ticket(delivery, epoch, TicketView { id, title, price, version, reserved: false })
        } else if is(TicketUpdated::SUBJECT) {
            let TicketUpdated { id, version, title, price, order_id, .. } = delivery.event()?;
            Self::ticket(delivery, epoch, TicketView { id, title, price, version, reserved: order_id.is_some() })
        } else if is(OrderCreated::SUBJECT) {
            order(delivery.event::<OrderCreated>()?.id, false)
        } else if is(OrderCancelled::SUBJECT) {
            order(delivery.event::<OrderCancelled>()?.id, false)
        } else if is(PaymentCreated::SUBJECT) {
            order(delivery.event::<PaymentCreated>()?.order_id, true)
        } else if is(PaymentRefunded::SUBJECT) {
            order(delivery.event::<PaymentRefunded>()?.order_id, false)
        } else if is(ExpirationComplete::SUBJECT) {
            order(delivery.event::<ExpirationComplete>()?.order_id, false)
        } else {
            return Ok(None);
        };
        Ok(Some(change))
    }

    fn ticket(delivery: &Delivery, epoch: Epoch, view: TicketView) -> Self {
        let position = Position { epoch, sequence: delivery.sequence };
        let data = serde_json::to_string(&view).unwrap_or_default();
        // The first publish of an event has its id as the message id; a repair has a fresh one.
        let message_id = delivery.headers.get(NATS_MESSAGE_ID).map(async_nats::HeaderValue::as_str);
        Self::Ticket(TicketChange {
            id: view.id,
            seen: Seen { version: view.version, sequence: delivery.sequence },
            is_repeated: message_id != delivery.event_id(),
            event: Encoded::new("ticket", position, &data),
        })
    }
}
