use common::Publisher;
use common::events::TicketCreated;

#[derive(Clone)]
struct AppState {
    created: Publisher<TicketCreated>,
}

fn main() {}
