//! The auth service as a program of its own.

use auth::{Auth, sections};
use service::Exit;

fn main() -> Exit {
    service::runner::main("auth", sections(), || Auth)
}
