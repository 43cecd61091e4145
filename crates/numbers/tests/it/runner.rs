//! Starting in the background, looking after, stopping.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

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
    assert!(status.contains("number-server  ready since "), "{status}");
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
    server.set("rate_per_minute = 0");
    let pid = server.pid();
    assert_eq!(server.run("restart").0, 1);
    assert_eq!(server.pid(), pid, "bad settings stop nothing");
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
