//! The payments service as a program of its own.

use service::Exit;

fn main() -> Exit {
    common::main(payments::PROGRAM)
}
