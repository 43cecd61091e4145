//! The orders service as a program of its own.

use orders::{Orders, sections};
use service::Exit;

fn main() -> Exit {
    service::runner::main("orders", sections(), || Orders)
}
