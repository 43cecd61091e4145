//! An open store, and events to record.

use events::{Event, Price, TicketCreated, TicketUpdated};
use service::{Running, launch};
use store::{Connection, Outbox, Outboxes, Store, new_id};

pub(crate) struct Opened {
    running: Running<Store>,
    pub(crate) store: Store,
}

pub(crate) async fn open(uri: &str) -> Opened {
    let mut running = launch("store", Connection { uri: uri.parse().unwrap() }).start();
    let store = running.ready().await.unwrap();
    Opened { running, store }
}

impl Opened {
    pub(crate) async fn close(self) {
        drop(self.store);
        self.running.stop().await.result.unwrap();
    }
}

pub(crate) fn outbox<E: Event>(store: &Store) -> Outbox<E> {
    <(E,)>::open(store).0
}

pub(crate) fn ticket(title: &str) -> TicketCreated {
    let (id, user_id) = (new_id(), new_id());
    TicketCreated { id, version: 0, title: title.to_owned(), price: Price::from_cents(2000).unwrap(), user_id }
}

pub(crate) fn update(ticket: &TicketCreated, version: u64) -> TicketUpdated {
    let TicketCreated { id, title, price, user_id, .. } = ticket.clone();
    TicketUpdated { id, version, title, price, user_id, order_id: None }
}
