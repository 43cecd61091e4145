//! Prints the numbers of a number server, one per line.

use numbers::{PrintNumbers, Source};
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    service::runner::main("number-client", Sections::new().with::<Source>(), || PrintNumbers)
}
