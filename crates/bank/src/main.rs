//! The test bank as a program of its own.

use service::Exit;

fn main() -> Exit {
    common::main(bank::PROGRAM)
}
