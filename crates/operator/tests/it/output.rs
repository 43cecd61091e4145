//! How the tool prints: styles, and the name of the program in its help.

use std::process::Command;

use crate::program::{operator, run};

/// The table on a terminal, with this environment.
fn on_a_terminal(environment: &[(&str, &str)]) -> String {
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{} bus describe", env!("CARGO_BIN_EXE_operator")), "/dev/null"]);
    for name in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(environment.iter().copied());
    run(command).succeeded()
}

#[test]
fn styles_show_on_a_terminal_only_and_not_if_the_environment_refuses_them() {
    let is_styled = |text: &str| text.contains("\u{1b}[");
    assert!(is_styled(&on_a_terminal(&[])));
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!is_styled(&on_a_terminal(&[environment])), "{environment:?}");
    }
    assert!(!is_styled(&run(operator(&["describe"])).succeeded()));
}

#[test]
fn the_examples_of_the_help_name_the_running_program() {
    let help = run(operator(&["dlq", "redrive", "--help"])).succeeded();
    assert!(help.contains("\n  operator bus dlq redrive --all --rate 10\n"), "{help}");
    assert!(!help.contains("ticketing bus"), "{help}");
}
