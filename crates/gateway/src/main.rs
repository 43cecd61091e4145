//! The live gateway as a program of its own.

use service::Exit;

fn main() -> Exit {
    common::main(gateway::PROGRAM)
}
