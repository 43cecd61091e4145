//! Numbers over TCP.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use testkit::Process;

use crate::number_server::{NumberServer, number, until};

#[test]
fn each_connection_gets_its_own_numbers_one_a_line() {
    let server = NumberServer::started(6000);
    let (mut first, mut second) = (server.connect(), server.connect());
    let (first, second): (Vec<_>, Vec<_>) = (0..100).map(|_| (first.next(), second.next())).unzip();
    assert_ne!(first, second);
    for all in [first, second] {
        assert!(all.contains(&0) && all.contains(&10), "from 0 to 10, both included: {all:?}");
    }
}

fn sockets(server: &NumberServer) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", server.pid().unwrap())).unwrap();
    let is_socket = |target: std::path::PathBuf| target.to_string_lossy().starts_with("socket:");
    files.filter(|file| fs::read_link(file.as_ref().unwrap().path()).is_ok_and(is_socket)).count()
}

#[test]
fn clients_that_vanish_leave_no_socket_and_no_error() {
    let server = NumberServer::started(1); // so that no number finds them gone
    let before = sockets(&server); // and that of the last command, for a moment
    let clients: Vec<_> = (0..100).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    until("all connected", || (sockets(&server) >= 100).then_some(()));
    drop(clients);
    until("all gone", || (sockets(&server) <= before).then_some(()));
    let log = fs::read_to_string(server.folder().join("number-server.log")).unwrap();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

fn client(server: &NumberServer) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_number-client"));
    let source = format!("source.server={}", server.address);
    command.args(["--rundir", server.folder().to_str().unwrap(), "--set", &source]);
    Process::start(command)
}

#[test]
fn a_client_goes_on_after_its_server_was_killed_and_started_again() {
    let server = NumberServer::started(6000);
    let mut client = client(&server);
    for _ in 0..10 {
        number(&client.line());
    }
    server.signal(Signal::SIGKILL);
    until("the server gone", || (server.run("status").0 == 3).then_some(()));
    for line in client.so_far() {
        number(&line);
    }
    let ticks = client.cpu_ticks();
    thread::sleep(Duration::from_secs(2));
    assert!(client.cpu_ticks() - ticks < 50, "it spins while it waits"); // a quarter of one core
    assert!(client.so_far().is_empty());
    server.succeeds("start");
    for _ in 0..10 {
        number(&client.line());
    }
}

#[test]
fn a_client_that_comes_before_its_server_waits_for_it() {
    let server = NumberServer::new(6000);
    let mut client = client(&server);
    thread::sleep(Duration::from_millis(500)); // some attempts
    server.succeeds("start");
    number(&client.line());
}

#[test]
fn a_client_whose_reader_goes_away_ends_in_order() {
    let server = NumberServer::started(6000);
    let script = r#""$0" --rundir "$1" --set "source.server=$2" 2>/dev/null | head -1; exit "${PIPESTATUS[0]}""#;
    let mut bash = Command::new("bash");
    let (binary, folder) = (env!("CARGO_BIN_EXE_number-client"), server.folder());
    let output = bash.args(["-c", script, binary]).arg(folder).arg(&server.address).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    number(String::from_utf8(output.stdout).unwrap().trim_end());
}
