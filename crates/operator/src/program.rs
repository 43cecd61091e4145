//! The commands as the user types them: the tool is part of more than one program.

use std::env;
use std::path::Path;

/// The name of the running program.
fn name() -> String {
    let path = env::args_os().next().unwrap_or_default();
    let name = Path::new(&path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if name.is_empty() { "operator".to_owned() } else { name }
}

/// A command of this program, in backquotes: `` `operator bus dlq ls` ``.
pub(crate) fn command(arguments: &str) -> String {
    format!("`{} bus {arguments}`", name())
}

/// The examples at the end of a command's help.
pub(crate) fn examples(commands: &[&str]) -> String {
    examples_of("bus", commands)
}

/// The same of another group of commands.
pub(crate) fn examples_of(group: &str, commands: &[&str]) -> String {
    let name = name();
    let lines = commands.iter().map(|arguments| format!("\n  {name} {group} {arguments}"));
    format!("Examples:{}", lines.collect::<String>())
}
