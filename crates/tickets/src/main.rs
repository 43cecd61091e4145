//! The tickets service as a program of its own.

use service::Exit;
use tickets::{Tickets, sections};

fn main() -> Exit {
    service::runner::main("tickets", sections(), || Tickets)
}
