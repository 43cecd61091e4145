//! The commands as the user types them: the tool is part of more than one program, and each is started in several ways.

use std::env;

/// The variable by which cargo names the package of what it runs.
const CARGO_PACKAGE: &str = "CARGO_PKG_NAME";

/// The package that cargo runs without being told which.
const DEFAULT_PACKAGE: &str = "ticketing";

/// How the running program was started, to be typed again: `cargo run --`, `/operator`.
pub fn typed() -> String {
    #[expect(clippy::disallowed_methods, reason = "it is no setting: it says who has started this program")]
    let package = env::var_os(CARGO_PACKAGE).map(|name| name.to_string_lossy().into_owned());
    match package {
        Some(package) if package == DEFAULT_PACKAGE => "cargo run --".to_owned(),
        Some(package) => format!("cargo run --bin {package} --"),
        None => {
            let name = env::args_os().next().unwrap_or_default().to_string_lossy().into_owned();
            if name.is_empty() { "operator".to_owned() } else { name }
        }
    }
}

/// A command about the bus, in backquotes: `` `cargo run -- bus dlq ls` ``.
pub(crate) fn command(arguments: &str) -> String {
    format!("`{} bus {arguments}`", typed())
}

/// The examples at the end of a command's help.
pub(crate) fn examples(commands: &[&str]) -> String {
    examples_of("bus", commands)
}

/// The same of another group of commands.
pub(crate) fn examples_of(group: &str, commands: &[&str]) -> String {
    let typed = typed();
    let lines = commands.iter().map(|arguments| format!("\n  {typed} {group} {arguments}"));
    format!("Examples:{}", lines.collect::<String>())
}
