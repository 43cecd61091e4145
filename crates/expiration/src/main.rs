//! The expiration service as a program of its own.

use expiration::{Expiration, sections};
use service::Exit;

fn main() -> Exit {
    service::runner::main("expiration", sections(), || Expiration)
}
