//! Prints the numbers of a number server, one a line.

use gateway::{PrintNumbers, Source};
use service::Exit;
use service::settings::Sections;

fn main() -> Exit {
    service::runner::main("number-client", Sections::new().with::<Source>(), || PrintNumbers)
}
