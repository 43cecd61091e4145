//! A program on a terminal.

use std::process::Command;

use nix::sys::signal::Signal;

use crate::program::{Program, example};

/// What a program that fails prints on a terminal, with this environment: its log and its error.
fn on_a_terminal(environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let program = example("cases");
    let line = format!("{} --rundir {} --set case.c=fails", program.display(), folder.path().display());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]);
    for name in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm").envs(environment.iter().copied());
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

#[test]
fn log_and_error_have_colours_on_a_terminal_unless_the_environment_refuses_them() {
    let coloured = on_a_terminal(&[]);
    assert!(coloured.contains("\u{1b}[32m INFO\u{1b}[0m"), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[31merror:\u{1b}[0m cases/c: the disk is full"), "{coloured:?}");
    for refused in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
        let plain = on_a_terminal(&[refused]);
        assert!(plain.contains(" INFO cases/a is ready"), "{plain:?}");
        assert!(plain.contains("error: cases/c: the disk is full"), "{plain:?}");
        assert!(!plain.contains('\u{1b}'), "{refused:?}: {plain:?}");
    }
}

#[test]
fn the_environment_says_what_is_logged_and_levels_that_can_not_be_read_are_ignored_with_a_warning() {
    let log = |levels| on_a_terminal(&[("NO_COLOR", "1"), ("RUST_LOG", levels)]);
    let is_ready = " INFO cases/a is ready";
    for levels in ["", "info", "service=info", "error, service=debug"] {
        assert!(log(levels).contains(is_ready), "{levels}");
    }
    for levels in ["warn", "hub=info", "info,service=warn"] {
        assert!(!log(levels).contains(is_ready), "{levels}");
    }
    let log = log("error, service=loud");
    assert!(log.contains(is_ready), "{log:?}");
    assert!(log.contains(" WARN RUST_LOG is ignored: "), "{log:?}");
    assert!(log.contains("; it is a list of levels, as info or bus=debug,warn"), "{log:?}");
}

#[test]
fn a_program_whose_terminal_is_closed_stops_unless_nohup_has_started_it() {
    let mut program = Program::start("stubborn", &["patient"]);
    program.wait_for("ready");
    program.signal(Signal::SIGHUP);
    assert_eq!(program.end(), (Some(0), String::new()));

    for ignoring in ["exec nohup \"$0\" \"$@\"", "trap '' HUP; exec \"$0\" \"$@\""] {
        let mut command = Command::new("sh");
        command.args(["-c", ignoring]).arg(example("stubborn")).arg("patient");
        let mut program = Program::of(command);
        program.wait_for("ready");
        program.signal(Signal::SIGHUP);
        program.signal(Signal::SIGHUP);
        program.signal(Signal::SIGTERM); // a second signal would end it with 143, had it received the first
        program.wait_for("stopping");
        assert_eq!(program.end().0, Some(0), "{ignoring}");
    }
}
