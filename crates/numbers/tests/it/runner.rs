//! Starting in the background, looking after, stopping.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use serde_json::Value;
use testkit::Process;

use crate::number_server::{NumberServer, until};

#[test]
fn start_returns_when_the_port_answers_and_stop_when_process_and_port_are_gone() {
    let server = NumberServer::new(60);
    assert_eq!(server.run("status").0, 3);
    server.succeeds("start");
    TcpStream::connect(&server.address).unwrap();
    let pid = server.pid().unwrap();
    let status = server.succeeds("status");
    assert!(status.starts_with(&format!("process {pid}, generation 1 of the settings\n")), "{status}");
    let line = status.lines().nth(1).unwrap();
    assert!(line.starts_with(&format!("number-server  ready at {} for ", server.address)), "{line}");
    assert!(line.ends_with('s'), "whole seconds: {line}");
    server.succeeds("stop");
    // Its parent, the system's first process, may not have asked yet how it ended.
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(kill(pid, None).is_err() || state.contains(") Z "), "{state}");
    TcpStream::connect(&server.address).unwrap_err();
    assert_eq!((server.run("stop").0, server.run("status").0, server.run("reload").0), (3, 3, 3));
}

#[test]
fn a_port_that_is_taken_fails_the_start_with_path_and_address_and_leaves_nothing_behind() {
    let (first, second) = (NumberServer::started(60), NumberServer::new(60));
    second.write(&format!("[numbers]\nbind = \"{}\"\n", first.address));
    let (code, _, stderr) = second.run("start");
    assert_eq!(code, 1);
    let error = format!("error: number-server: listening on {}: Address already in use", first.address);
    assert!(stderr.contains(&error), "{stderr}");
    let left: Vec<_> = fs::read_dir(second.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "numbers.toml" || name == "number-server.log"), "{left:?}");
    TcpStream::connect(&first.address).unwrap();
}

#[test]
fn a_second_start_is_refused_and_after_kill_9_the_next_one_needs_no_cleaning() {
    let server = NumberServer::started(60);
    let pid = server.pid().unwrap();
    for command in ["start", "run"] {
        let (code, _, stderr) = server.run(command);
        assert_eq!(code, 4);
        assert!(stderr.contains(&format!("number-server is running already, as process {pid}")), "{stderr}");
    }
    assert_eq!(server.pid(), Some(pid));
    server.connect();

    server.signal(Signal::SIGKILL);
    until("the lock free", || (server.run("status").0 == 3).then_some(()));
    server.succeeds("start");
    assert_ne!(server.pid(), Some(pid));
}

#[test]
fn restarting_many_times_never_fails() {
    let server = NumberServer::started(60);
    for _ in 0..20 {
        let pid = server.pid();
        server.succeeds("restart");
        assert_ne!(server.pid(), pid);
        server.connect();
    }
}

#[test]
fn a_restart_keeps_the_options_of_the_start_and_those_of_its_own_replace_them() {
    let server = NumberServer::new(60);
    let admin = free_address();
    let elsewhere = tempfile::tempdir().unwrap();
    let restart = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_number-server"));
        command.current_dir(elsewhere.path()).arg("--rundir").arg(server.folder()).arg("restart").args(options);
        command.output().unwrap()
    };
    let rate = |admin: &str| {
        let config = http(admin, "GET /config").split_once("\r\n\r\n").unwrap().1.to_owned();
        assert!(config.ends_with("}\n"), "{config:?}");
        serde_json::from_str::<Value>(&config).unwrap()["numbers.rate_per_minute"]["value"].as_f64()
    };
    server.succeeds(&format!("start --admin {admin} --set numbers.rate_per_minute=66"));
    assert!(restart(&[]).status.success());
    assert_eq!(rate(&admin), Some(66.0), "the file, the setting and the address of the start");
    server.connect();
    assert!(restart(&["--set", "numbers.rate_per_minute=77"]).status.success());
    assert_eq!(rate(&admin), Some(77.0), "another value of the same setting");
    let other = free_address();
    fs::write(elsewhere.path().join("other.toml"), format!("[numbers]\nbind = \"{}\"\n", free_address())).unwrap();
    assert!(restart(&["--config", "other.toml", "--admin", &other]).status.success());
    assert_eq!(rate(&other), Some(77.0));
    TcpStream::connect(&server.address).expect_err("the address was that of the other file");
}

#[test]
fn what_a_start_refuses_a_restart_a_reload_and_a_check_refuse_with_the_same_words_and_nothing_stops() {
    let server = NumberServer::started(60);
    let (pid, address) = (server.pid(), server.address.clone());
    for (lines, problem) in [
        (
            format!("bind = \"{address}\"\nrate_per_minute = 0"),
            "3: numbers.rate_per_minute: must be from 0.001 to 60000",
        ),
        ("bind = \"localhost\"".to_owned(), "2: numbers.bind: invalid socket address syntax"),
        ("bind = 7776".to_owned(), "2: numbers.bind: must be a text, in quotes"),
        ("rate = 1".to_owned(), "2: numbers.rate: unknown; [numbers] has bind, rate_per_minute"),
        ("rate_per_minute = = 1".to_owned(), "2: "),
    ] {
        server.write(&format!("[numbers]\n{lines}\n"));
        for command in ["config check", "config show", "run", "start", "restart", "reload"] {
            let (code, stdout, stderr) = server.run(command);
            assert_eq!((code, stdout.as_str()), (1, ""), "{command}: {stderr}");
            let stderr = stderr.replace(&format!("{}/", server.folder().display()), "");
            assert!(stderr.starts_with(&format!("error: numbers.toml:{problem}")), "{command}: {stderr}");
        }
    }
    assert_eq!(server.pid(), pid);
    server.connect();
}

#[test]
fn config_help_lists_every_setting_and_check_names_file_line_and_key() {
    let server = NumberServer::new(60);
    let help = server.succeeds("config help");
    assert!(help.contains("numbers.bind (string, default \"127.0.0.1:7776\")"), "{help}");
    assert!(help.contains("numbers.rate_per_minute (number, default 60.0, changes on reload)"), "{help}");
    assert_eq!(server.succeeds("config check"), "the settings are fine\n");
    let show = server.succeeds("config show --set numbers.rate_per_minute=7");
    assert!(show.contains("numbers.rate_per_minute = 7.0  # --set numbers.rate_per_minute\n"), "{show}");
    assert!(show.contains("# numbers.toml:2\n"), "{show}");
    for (lines, error) in [
        ("rate_per_minute = -1", "numbers.toml:3: numbers.rate_per_minute: must be from 0.001 to 60000"),
        ("rate_per_minute = 1e-300", "numbers.toml:3: numbers.rate_per_minute: must be from 0.001 to 60000"),
        ("rate = 1", "numbers.toml:3: numbers.rate: unknown; [numbers] has bind, rate_per_minute"),
        ("rate_per_minute = nan", "numbers.toml:3: numbers.rate_per_minute: must be from 0.001 to 60000"),
    ] {
        server.set(lines);
        for command in ["config check", "start", "run"] {
            assert_eq!(server.run(command), (1, String::new(), format!("error: {error}\n")), "{command}");
        }
    }
}

#[test]
fn followed_logs_show_new_lines_and_go_on_in_a_new_file_after_mv_and_reload() {
    let server = NumberServer::started(60);
    let mut logs = Process::start(server.command("logs -f -n 1"));
    assert!(logs.line().contains("number-server is ready"));
    server.succeeds("reload");
    assert!(logs.line().contains("reloaded"));
    fs::rename(server.folder().join("number-server.log"), server.folder().join("log.1")).unwrap();
    server.succeeds("reload");
    server.succeeds("reload");
    for _ in 0..2 {
        assert!(logs.line().contains("reloaded"));
    }
    assert!(fs::read_to_string(server.folder().join("number-server.log")).unwrap().contains("reloaded"));
    let ticks = logs.cpu_ticks();
    std::thread::sleep(Duration::from_secs(2));
    assert!(logs.cpu_ticks() - ticks < 50, "it spins"); // a quarter of one core
    assert_eq!(server.succeeds("logs -n 1").lines().count(), 1);
}

#[test]
fn the_answers_of_the_admin_routes_end_with_a_newline() {
    let server = NumberServer::new(60);
    let admin = free_address();
    server.succeeds(&format!("start --admin {admin}"));
    for request in ["GET /livez", "GET /readyz", "GET /services", "GET /config", "GET /metrics", "POST /-/reload"] {
        let answer = http(&admin, request);
        assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with('\n'), "{request}: {answer:?}");
    }
    assert!(http(&admin, "GET /-/options").starts_with("HTTP/1.0 404"), "they may contain secrets");
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The answer of the admin routes.
fn http(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
