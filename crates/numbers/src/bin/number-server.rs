//! Sends random numbers, one per line, to every client that connects.

use numbers::{NumberServer, Numbers};
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    service::runner::main("number-server", Sections::new().with::<Numbers>(), || NumberServer)
}
