//! Sends random numbers, one a line, to whoever connects.

use gateway::{NumberServer, Numbers};
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    service::runner::main("number-server", Sections::new().with::<Numbers>(), || NumberServer)
}
