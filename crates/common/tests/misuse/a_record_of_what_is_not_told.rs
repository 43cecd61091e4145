use common::events::{TicketCreated, TicketUpdated};
use common::store::{Outbox, Recorded, Store};

type Said = (TicketCreated,);

struct AppState {
    updated: Outbox<TicketUpdated>,
}

fn one_of_those_told(store: Store) -> AppState {
    let (updated,) = Said::outboxes(&store);
    AppState { updated }
}

fn one_of_its_own(store: Store) -> AppState {
    AppState { updated: Outbox::new(&store) }
}

fn main() {}
