//! The tickets service as a program of its own.

use service::Exit;
use service::settings::Sections;
use tickets::{Tickets, TicketsSettings};

fn main() -> Exit {
    service::runner::main("tickets", Sections::new().with::<TicketsSettings>(), || Tickets)
}
