use common::events::{TicketCreated, TicketUpdated};
use common::{Outbox, Outboxes, Store};

type Published = (TicketCreated,);

struct AppState {
    updated: Outbox<TicketUpdated>,
}

fn one_of_those_declared(store: Store) -> AppState {
    let (updated,) = Published::open(&store);
    AppState { updated }
}

fn one_of_its_own(store: Store) -> AppState {
    AppState { updated: Outbox::new(&store) }
}

fn main() {}
