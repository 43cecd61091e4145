use common::bus::{Bus, Publisher};
use common::events::TicketCreated;

#[derive(Clone)]
struct AppState {
    created: Publisher<TicketCreated>,
}

fn state(bus: Bus) -> AppState {
    AppState { created: bus.publisher() }
}

fn main() {}
