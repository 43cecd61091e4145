use common::events::{ExpirationComplete, OrderCancelled, TicketUpdated};
use common::{Outbox, Publisher, Tx};

async fn record(updated: Outbox<TicketUpdated>, tx: &mut Tx, event: OrderCancelled) {
    updated.record(tx, &event).await.unwrap();
}

async fn publish(publisher: Publisher<ExpirationComplete>, event: OrderCancelled) {
    publisher.publish(&event).await.unwrap();
}

fn main() {}
