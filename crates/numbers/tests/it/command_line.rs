//! What the commands take and print.

use std::process::Command;

use serde_json::Value;

use crate::number_server::NumberServer;

#[test]
fn an_option_that_a_command_cannot_use_is_refused() {
    let server = NumberServer::started(60);
    for command in ["reload", "stop", "status", "logs", "config help"] {
        for option in ["--set numbers.rate_per_minute=6", "--config other.toml", "--admin 127.0.0.1:1"] {
            for line in [format!("{option} {command}"), format!("{command} {option}")] {
                let (code, stdout, stderr) = server.run(&line);
                assert_eq!((code, stdout.as_str()), (2, ""), "{line}: {stderr}");
                let refusal = format!("error: {} has no effect here: ", option.split(' ').next().unwrap());
                assert!(stderr.starts_with(&refusal), "{line}: {stderr}");
            }
        }
    }
    let (_, _, stderr) = server.run("reload --set numbers.rate_per_minute=6");
    assert!(stderr.contains("reload reads what the program was started with"), "{stderr}");
    let (code, _, stderr) = server.run("--set numbers.rate_per_minute=6 config show --set numbers.rate_per_minute=7");
    assert_eq!(code, 2, "clap would forget the first");
    assert!(stderr.starts_with("error: --set is given before and after the command"), "{stderr}");
    server.connect();
}

#[test]
fn a_command_needs_nothing_but_what_it_uses() {
    let server = NumberServer::started(60);
    let bare = |command: &str| {
        let mut process = Command::new(env!("CARGO_BIN_EXE_number-server"));
        process.args(command.split(' ')).env_clear();
        process.output().unwrap()
    };
    let rundir = server.folder().display();
    server.write("[numbers]\nrate_per_minute = nonsense\n");
    for command in ["config help", "config show", "config check", "--help"] {
        assert!(bare(command).status.success(), "{command}");
    }
    for command in ["status", "logs", "stop"] {
        assert!(bare(&format!("--rundir {rundir} {command}")).status.success(), "{command}");
    }
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error_of_any_command_that_prints() {
    let server = NumberServer::started(60);
    let commands = ["status", "status --json", "logs", "config help", "config help --json", "config show"];
    for command in commands.into_iter().chain(["config check", "reload", "--help", "start --help", "restart", "stop"]) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = server.command(command).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()), "{command}");
    }
}

#[test]
fn a_terminal_shows_the_log_as_text_and_a_pipe_as_json() {
    let server = NumberServer::started(60);
    server.set("rate_per_minute = 77");
    server.succeeds("reload");
    let program = env!("CARGO_BIN_EXE_number-server");
    let on_a_terminal = |options: &str| {
        let mut script = Command::new("script");
        script.args(["-qec", &format!("{program} --rundir . logs -n 1 {options}"), "/dev/null"]);
        for name in ["CI", "CLICOLOR", "CLICOLOR_FORCE"] {
            script.env_remove(name);
        }
        script.current_dir(server.folder()).env("TERM", "dumb");
        String::from_utf8(script.output().unwrap().stdout).unwrap()
    };
    let text = on_a_terminal("");
    assert!(text.ends_with("  INFO reloaded generation=2 changed=numbers.rate_per_minute\r\n"), "{text:?}");
    for json in [server.succeeds("logs -n 1"), on_a_terminal("--json")] {
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["changed"], "numbers.rate_per_minute");
    }
}
