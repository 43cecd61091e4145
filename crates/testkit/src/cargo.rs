//! cargo, when a test runs it.

use std::env;
use std::process::Command;

/// The beginnings of the names of those variables that cargo sets for a test, and that build scripts depend on.
const SET_FOR_A_TEST: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"];

/// The command `cargo`, in the environment that it would have outside a test.
///
/// Cargo informs each test about the test's package. With these variables, a cargo that the test starts would run build
/// scripts again, and then build most dependencies again; and so would the next cargo without them.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in env::vars_os() {
        if SET_FOR_A_TEST.iter().any(|beginning| name.to_string_lossy().starts_with(beginning)) {
            cargo.env_remove(name);
        }
    }
    cargo
}
