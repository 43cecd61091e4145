//! The whole application as one program: `cargo run`.

use service::Exit;
use ticketing::{Options, PROGRAMS};

fn main() -> Exit {
    ticketing::main(Options::read(), &PROGRAMS)
}
