//! The listeners, one event in each file.

mod order_cancelled;
mod order_created;

use common::events::{CancelledTicket, Event, OrderCancelled, OrderCreated, OrderStatus, OrderedTicket, TicketUpdated};
use common::events::{OrderId, Price};
use testkit::{Broker, Client, new_id, stored, until};

/// The broker as the orders service uses it.
pub(crate) struct Orders {
    client: Client,
}

impl Orders {
    pub(crate) async fn of(broker: &Broker) -> Self {
        Self { client: broker.connect("orders-1").await }
    }

    async fn publish<E: Event>(&self, event: &E) {
        self.client.publish_to(E::SUBJECT, serde_json::to_string(event).unwrap()).await;
    }

    pub(crate) async fn create(&self, order: &OrderId, ticket: &str) {
        let event = OrderCreated {
            id: *order,
            version: 0,
            status: OrderStatus::Created,
            user_id: new_id(),
            expires_at: time::OffsetDateTime::now_utc(),
            ticket: OrderedTicket { id: ticket.parse().unwrap(), price: Price::from_cents(2000).unwrap() },
        };
        self.publish(&event).await;
    }

    pub(crate) async fn cancel(&self, order: &OrderId, ticket: &str) {
        let ticket = CancelledTicket { id: ticket.parse().unwrap() };
        self.publish(&OrderCancelled { id: *order, version: 1, ticket }).await;
    }

    pub(crate) async fn close(self) {
        self.client.close().await;
    }
}

/// The updates in the stream, once there are this many.
pub(crate) async fn announced(broker: &Broker, count: usize) -> Vec<TicketUpdated> {
    until("published", || async { stored::<TicketUpdated>(broker).await.len() >= count }).await;
    stored::<TicketUpdated>(broker).await.into_iter().map(|one| one.event).collect()
}

pub(crate) const CREATED: &str = "tickets-service:order-created";
pub(crate) const CANCELLED: &str = "tickets-service:order-cancelled";
