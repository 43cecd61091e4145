//! A service as a process: signals in, exit codes out.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Program, example};

#[test]
fn sigint_and_sigterm_end_an_orderly_program_with_0() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut program = Program::start("stubborn", &["patient"]);
        program.wait_for("ready");
        program.signal(signal);
        assert_eq!(program.end(), (Some(0), String::new()));
    }
}

#[test]
fn a_failure_ends_it_with_1_and_one_line_naming_the_service() {
    assert_eq!(
        Program::start("stubborn", &["fail"]).end(),
        (Some(1), "error: program/child: the disk is full\n".to_owned())
    );
    let (code, stderr) = Program::start("stubborn", &["panic"]).end();
    assert_eq!(code, Some(1));
    assert!(stderr.ends_with("error: program/child: panicked: a bug\n"), "{stderr}");
}

#[test]
fn a_service_that_had_to_be_aborted_ends_it_with_5_and_its_path() {
    let mut program = Program::start("stubborn", &["overrun"]);
    program.wait_for("ready");
    program.signal(Signal::SIGTERM);
    program.wait_for("stopping");
    let error = "error: did not stop in time and was aborted: program/child\n".to_owned();
    assert_eq!(program.end(), (Some(5), error));
}

#[test]
fn a_second_signal_ends_it_immediately_with_130_or_143() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut program = Program::start("stubborn", &["endless"]);
        program.wait_for("ready");
        program.signal(signal);
        program.wait_for("stopping");
        program.signal(signal);
        assert_eq!(program.end(), (Some(code), String::new()));
    }
}

/// A folder for one `cases` program, and how it is called there.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn arguments<'a>(&'a self, settings: &[&'a str], command: &'a str) -> Vec<&'a str> {
        let mut arguments = vec!["--rundir", self.folder.path().to_str().unwrap()];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        arguments.extend(command.split(' '));
        arguments
    }

    /// Runs a command to its end: exit code, stdout, stderr.
    fn command(&self, settings: &[&str], command: &str) -> (Option<i32>, String, String) {
        let output = Command::new(example("cases")).args(self.arguments(settings, command)).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.command(&[], "status --json").1).ok()
    }

    /// The row of one service.
    fn row(&self, path: &str) -> Option<Value> {
        let status = self.status()?;
        status["services"].as_array()?.iter().find(|row| row["path"] == path).cloned()
    }

    /// The order in which services came to this state, according to the log.
    fn logged(&self, state: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("cases.log")).unwrap();
        let messages = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let messages = messages.filter_map(|line| line["message"].as_str().map(str::to_owned));
        messages.filter_map(|message| message.strip_suffix(&format!(" is {state}")).map(str::to_owned)).collect()
    }
}

fn until<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1000 {
        if let Some(answer) = question() {
            return answer;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("not in time: {what}");
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(25)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn services_start_in_order_and_stop_in_reverse_and_the_log_says_so() {
    let place = Place::new();
    assert_eq!(place.command(&[], "start").0, Some(0));
    assert_eq!(place.command(&[], "stop").0, Some(0));
    let ours = |paths: Vec<String>| paths.into_iter().filter(|path| path.starts_with("cases/")).collect::<Vec<_>>();
    assert_eq!(ours(place.logged("ready")), ["cases/a", "cases/b", "cases/c"]);
    assert_eq!(ours(place.logged("stopped")), ["cases/c", "cases/b", "cases/a"]);
}

#[test]
fn a_service_that_fails_to_start_stops_those_before_it_and_is_named_with_its_cause() {
    let place = Place::new();
    let (code, _, stderr) = place.command(&["case.c=fails"], "start");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("error: cases/c: the disk is full"), "{stderr}");
    assert_eq!(place.logged("stopped"), ["cases/b", "cases/a", "admin"]);
}

#[test]
fn a_panic_that_escalates_ends_the_program_with_1_and_the_path() {
    let place = Place::new();
    let (code, _, stderr) = place.command(&["case.c=panics"], "run");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("\nerror: cases/c: panicked: a bug\n"), "{stderr}");
}

#[test]
fn a_service_that_is_restarted_shows_its_restarts_and_leaves_the_others_alone() {
    let place = Place::new();
    assert_eq!(place.command(&["case.c=restarts", "case.panics=1"], "start").0, Some(0));
    let c =
        until("c ready again", || place.row("cases/c").filter(|row| row["restarts"] == 1 && row["state"] == "ready"));
    let b = place.row("cases/b").unwrap();
    assert!(b["since"].as_str() < c["since"].as_str(), "{b} {c}");
    assert_eq!((&b["restarts"], &b["state"]), (&0.into(), &"ready".into()));
    assert_eq!(place.command(&[], "stop").0, Some(0));
}

#[test]
fn a_service_that_fails_too_often_ends_the_program() {
    let place = Place::new();
    let (code, _, stderr) = place.command(&["case.c=restarts", "case.panics=6"], "run");
    assert_eq!(code, Some(1));
    let error = "\nerror: failed again after 5 restarts within 60s: cases/c: panicked: a bug\n";
    assert!(stderr.contains(error), "{stderr}");
}

#[test]
fn a_service_that_never_becomes_ready_fails_the_start_and_is_named_by_readyz_until_then() {
    let place = Place::new();
    let address = free_address();
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            until("not ready", || get(&address, "/readyz").ok().filter(|answer| answer.contains("\"cases/c\"")))
        });
        let alive = scope.spawn(|| until("alive", || get(&address, "/livez").ok()));
        let mut arguments = place.arguments(&["case.c=never-ready"], "start");
        arguments.extend(["--admin", &address]);
        let output = Command::new(example("cases")).args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr.contains("error: cases/c: not ready within 1s"), "{stderr}");
        assert!(asked.join().unwrap().starts_with("HTTP/1.1 503"));
        assert!(alive.join().unwrap().starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn a_request_in_flight_is_answered_while_new_ones_are_refused() {
    let (place, address) = (Place::new(), free_address());
    let http = format!("case.http={address}");
    assert_eq!(place.command(&[&http], "start").0, Some(0));
    thread::scope(|scope| {
        let slow = scope.spawn(|| get(&address, "/sleep/2000"));
        let streamed = scope.spawn(|| get(&address, "/stream"));
        thread::sleep(Duration::from_millis(500)); // so that both are in flight
        let stopped = scope.spawn(|| place.command(&[], "stop"));
        until("refused", || TcpStream::connect(&address).err());
        assert!(!slow.is_finished());
        let streamed = streamed.join().unwrap().unwrap();
        assert!(streamed.ends_with("\r\n0\r\n\r\n"), "the stream's last chunk: {streamed}");
        let answer = slow.join().unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("rested\n"), "{answer}");
        assert_eq!(stopped.join().unwrap().0, Some(0));
    });
}

#[test]
fn a_request_that_takes_too_long_is_aborted_at_the_deadline_and_its_server_named() {
    let (place, address) = (Place::new(), free_address());
    let http = format!("case.http={address}");
    let arguments = place.arguments(&[&http, "case.http_stops_within=500"], "run");
    let mut program = Program::start("cases", &arguments);
    until("the API", || TcpStream::connect(&address).ok());
    thread::scope(|scope| {
        let slow = scope.spawn(|| get(&address, "/sleep/60000"));
        thread::sleep(Duration::from_millis(500)); // so that it is in flight
        program.signal(Signal::SIGTERM);
        let (code, stderr) = program.end();
        assert_eq!(code, Some(5), "{stderr}");
        assert!(stderr.contains("did not stop in time and was aborted: cases/http"), "{stderr}");
        assert!(!slow.join().unwrap().is_ok_and(|answer| answer.contains("rested")));
    });
}

#[test]
fn a_program_that_does_not_stop_in_time_is_left_alone_or_killed() {
    let place = Place::new();
    assert_eq!(place.command(&[], "start").0, Some(0));
    let pid = place.status().unwrap()["pid"].as_i64().unwrap();
    let pid = Pid::from_raw(pid.try_into().unwrap());
    kill(pid, Signal::SIGSTOP).unwrap(); // it can't even receive the request to stop
    let (code, _, stderr) = place.command(&[], "stop --within 1s --no-kill");
    assert_eq!(code, Some(1), "{stderr}");
    let (code, _, stderr) = place.command(&[], "stop --within 1s");
    assert_eq!(code, Some(5), "{stderr}");
    assert_eq!(place.command(&[], "stop").0, Some(3));
}

#[test]
fn metrics_and_services_list_every_service() {
    let (place, address) = (Place::new(), free_address());
    let mut program = Program::start("cases", &{
        let mut arguments = place.arguments(&[], "run");
        arguments.extend(["--admin", &address]);
        arguments
    });
    let ready = until("ready", || get(&address, "/readyz").ok().filter(|answer| answer.starts_with("HTTP/1.1 200")));
    assert!(ready.contains(r#""ready":true"#), "{ready}");
    let metrics = get(&address, "/metrics").unwrap();
    assert!(metrics.contains("service_ready{path=\"cases/a\"} 1"), "{metrics}");
    let services = get(&address, "/services").unwrap();
    assert!(services.contains(r#""path":"cases/c","#) && services.contains(r#""restarts":0,"#), "{services}");
    let config = get(&address, "/config").unwrap();
    assert!(config.contains(r#""case.c":{"#) && config.contains(r#""origin":"default""#), "{config}");
    program.signal(Signal::SIGTERM);
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn a_setting_with_a_former_name_is_a_warning_of_config_check_and_in_the_log_of_run() {
    let (place, address) = (Place::new(), free_address());
    let former = format!("http.bind={address}");
    let warning = "--set http.bind is now --set case.http; the next release does not know the old name";
    let (code, stdout, stderr) = place.command(&[&former], "config check");
    assert_eq!((code, stdout.as_str()), (Some(0), "the settings are fine\n"));
    assert_eq!(stderr, format!("warning: {warning}\n"));
    assert_eq!(place.command(&[&former], "start").0, Some(0));
    assert!(get(&address, "/sleep/0").unwrap().ends_with("rested\n"));
    assert_eq!(place.command(&[], "stop").0, Some(0));
    let log = std::fs::read_to_string(place.folder.path().join("cases.log")).unwrap();
    assert_eq!(log.matches(warning).count(), 1, "{log}");
}

#[test]
fn config_help_is_text_or_json() {
    let place = Place::new();
    let (code, text, _) = place.command(&[], "config help");
    assert_eq!(code, Some(0));
    assert!(text.contains("case.panics (integer, default 0)\n"), "{text}");
    assert!(text.contains("    variable CASE__PANICS\n"), "{text}");
    let (code, json, _) = place.command(&[], "config help --json");
    assert_eq!(code, Some(0));
    let settings: Vec<Value> = serde_json::from_str(&json).unwrap();
    let named = |setting: &Value| setting["section"] == "case" && setting["key"] == "panics";
    let panics = settings.iter().find(|setting| named(setting)).unwrap();
    assert_eq!(panics["variables"], serde_json::json!(["CASE__PANICS"]));
    assert_eq!(panics["live"], false);
}
