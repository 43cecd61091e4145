//! cargo, run by a program that cargo has started.

use std::env;
use std::process::Command;

/// The beginnings of the names of those variables that cargo sets for what it runs, and that build scripts depend on.
const SET_BY_CARGO: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"];

/// The command `cargo`, in the environment that it would have in a shell.
///
/// Cargo informs each program that it runs about the program's package. With these variables, a cargo that the program
/// starts would run build scripts again, and then build most dependencies again; and so would the next cargo without them.
pub fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    for (name, _) in env::vars_os() {
        if SET_BY_CARGO.iter().any(|beginning| name.to_string_lossy().starts_with(beginning)) {
            cargo.env_remove(name);
        }
    }
    cargo
}
