use common::events::{OrderCreated, TicketUpdated};
use common::{Listener, Outbox, Store, Tx};

struct OrderCreatedListener {
    updated: Outbox<TicketUpdated>,
    event: TicketUpdated,
}

impl Listener for OrderCreatedListener {
    type Event = OrderCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = "tickets-service";

    async fn on_message(&self, _: &OrderCreated, tx: &mut Tx) {
        self.updated.record(tx, &self.event).await.unwrap();
    }
}

fn main() {}
