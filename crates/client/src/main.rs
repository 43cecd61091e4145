//! The web client as a program of its own.

use service::Exit;

fn main() -> Exit {
    common::main(client::PROGRAM)
}
