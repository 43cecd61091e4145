use common::events::TicketUpdated;
use common::{Outbox, Store};

async fn without_any(updated: Outbox<TicketUpdated>, event: TicketUpdated) {
    updated.record(&event).await.unwrap();
}

async fn with_the_store(updated: Outbox<TicketUpdated>, mut store: Store, event: TicketUpdated) {
    updated.record(&mut store, &event).await.unwrap();
}

fn main() {}
