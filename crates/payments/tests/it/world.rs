//! The service with its servers and the bank, and the orders service whose events it consumes.

use std::time::Duration;

use common::events::{
    CancelledTicket, Event, OrderCancelled, OrderCreated, OrderId, OrderStatus, OrderedTicket, PaymentCreated,
    PaymentRefunded, Price, UserId,
};
use mongodb::bson::{Document, doc};
use testkit::{Broker, Client, Database, new_id, session_for, settled, stored, until};
use time::OffsetDateTime;

use crate::app::{App, WEBHOOK_SECRET};
use crate::bank::Bank;

/// An order, and the session of its buyer.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) buyer: String,
    pub(crate) created: OrderCreated,
}

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) bank: Bank,
    pub(crate) database: Database,
    pub(crate) broker: Broker,
    neighbours: Client,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A bank with these settings.
    pub(crate) async fn with(bank: &[(&str, &str)]) -> Self {
        let (database, broker, bank) = (Database::new(), Broker::start().await, Bank::with(bank).await);
        let more = [("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)];
        let app = App::on(database.uri(), broker.url(), "payments-1", &bank.url(), &more).await;
        let neighbours = broker.connect("orders-1").await;
        Self { app, bank, database, broker, neighbours }
    }

    /// Another process of the service.
    pub(crate) async fn another_app(&self, client_id: &str) -> App {
        App::on(self.database.uri(), self.broker.url(), client_id, &self.bank.url(), &[]).await
    }

    /// Publishes an event of the orders service.
    pub(crate) async fn publish<E: Event>(&self, event: &E) {
        self.neighbours.publish_to(E::SUBJECT, serde_json::to_string(event).unwrap()).await;
    }

    /// An order of $20 that can be paid for 15 minutes, and that is in the projection.
    pub(crate) async fn order(&self) -> Order {
        self.order_of(2000, Duration::from_secs(900)).await
    }

    pub(crate) async fn order_of(&self, cents: u32, window: Duration) -> Order {
        let order = order_of(cents, window);
        self.publish(&order.created).await;
        until("the copy", || async { self.copy(&order).await.is_some() }).await;
        order
    }

    /// Cancels an order, and waits until the service has noticed.
    pub(crate) async fn cancel(&self, order: &Order) {
        self.publish(&cancelled(order)).await;
        let is_cancelled = async || self.copy(order).await.unwrap().get_bool("isCancelled").unwrap();
        until("the cancelled copy", async || is_cancelled().await).await;
    }

    /// The copy of an order.
    pub(crate) async fn copy(&self, order: &Order) -> Option<Document> {
        let it = doc! { "_id": order.id.to_string() };
        self.database.collection("orders").await.find_one(it).await.unwrap()
    }

    /// The payment of an order, as it is stored.
    pub(crate) async fn row(&self, order: &Order) -> Document {
        let it = doc! { "orderId": order.id.to_string() };
        self.database.collection("payments").await.find_one(it).await.unwrap().unwrap()
    }

    /// The payments that were reported, once there are this many.
    pub(crate) async fn payments(&self, count: usize) -> Vec<PaymentCreated> {
        until("published", || async { stored::<PaymentCreated>(&self.broker).await.len() >= count }).await;
        stored::<PaymentCreated>(&self.broker).await.into_iter().map(|one| one.event).collect()
    }

    /// The refunds that were reported, once there are this many.
    pub(crate) async fn refunds(&self, count: usize) -> Vec<PaymentRefunded> {
        until("published", || async { stored::<PaymentRefunded>(&self.broker).await.len() >= count }).await;
        stored::<PaymentRefunded>(&self.broker).await.into_iter().map(|one| one.event).collect()
    }

    /// Waits until a listener has handled all events.
    pub(crate) async fn settled(&self, subject: &str) {
        settled(&self.broker, &format!("payments-service:{subject}")).await;
    }

    pub(crate) async fn stop(self) {
        self.neighbours.close().await;
        self.app.stop().await;
        self.bank.stop().await;
        self.broker.stop().await;
    }
}

pub(crate) fn order_of(cents: u32, window: Duration) -> Order {
    let (id, user_id): (OrderId, UserId) = (new_id(), new_id());
    let created = OrderCreated {
        id,
        version: 0,
        status: OrderStatus::Created,
        user_id,
        expires_at: OffsetDateTime::now_utc() + window,
        ticket: OrderedTicket { id: new_id(), price: Price::from_cents(cents).unwrap() },
    };
    Order { id, buyer: session_for(&user_id.to_string()), created }
}

pub(crate) fn cancelled(order: &Order) -> OrderCancelled {
    OrderCancelled { id: order.id, version: 1, ticket: CancelledTicket { id: order.created.ticket.id } }
}
