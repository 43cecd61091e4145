//! Three terminals.

use std::fs;
use std::process::Command;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::harness::{LIMIT, Server, TICKET, close, events, path_of, spawn, start, until};

#[test]
fn an_event_published_in_one_terminal_arrives_in_another_with_its_sequence_and_data() {
    let server = Server::start();
    let mut listener = server.listen("");
    let mut publisher = server.publisher("");
    publisher.expect("Event published: ticket:created #1");
    listener.expect(&format!("Received event #1, with data: {TICKET}"));
    for (number, typed) in ["rs", "", " rs "].iter().enumerate() {
        publisher.type_line(typed);
        publisher.expect(&format!("Event published: ticket:created #{}", number + 2));
        listener.expect(&format!("Received event #{}, with data: {TICKET}", number + 2));
    }
    publisher.type_line("restart");
    publisher.expect_stderr("unknown input \"restart\"");
    let ended = publisher.end();
    assert_eq!(ended.code, Some(0), "{:?}", ended.stderr);
    assert!(close(listener).is_empty());
    server.stop();
}

#[test]
fn the_options_of_publish_say_what_is_published_and_where() {
    let server = Server::start();
    let mut tickets = server.listen("--client-id tickets");
    let mut orders = server.listen("--client-id orders --subject order:created");
    server.publish("--id 7 --title opera --price 20.5");
    tickets.expect(r#"Received event #1, with data: {"id":"7","title":"opera","price":20.5}"#);
    let mut publisher = server.publisher(r#"--subject order:created --data {"b":[1,{"a":null}]}"#);
    publisher.expect("Event published: order:created #2");
    orders.expect(r#"Received event #2, with data: {"b":[1,{"a":null}]}"#);
    publisher.interrupt();
    assert_eq!(server.publish("--count 4 --interval 10ms"), [3, 4, 5, 6]);
    assert_eq!(events(&mut tickets, 4), [3, 4, 5, 6]);
    assert!(close(tickets).is_empty());
    assert!(close(orders).is_empty());
    server.stop();
}

#[test]
fn without_a_server_the_clients_say_within_seconds_where_they_looked_and_how_to_get_one() {
    for command in ["listen", "publish"] {
        let ended = start(command, &["--url", "nats://localhost:1"]).end();
        let [line] = &ended.stderr[..] else { panic!("{:?}", ended.stderr) };
        assert!(line.contains("no NATS server answers at nats://localhost:1 ("), "{line}");
        assert!(line.contains("`cargo run --bin server`"), "{line}");
        assert!(line.contains("`kubectl port-forward service/nats-srv 4222:4222`"), "{line}");
        assert_eq!((ended.code, ended.stdout), (Some(1), vec![]));
    }
}

/// An address that swallows what is sent to it, and never answers.
#[test]
fn a_server_that_never_answers_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", silent.local_addr().unwrap());
    let started = Instant::now();
    let ended = start("listen", &["--url", &url]).end();
    assert_eq!(ended.code, Some(1), "{:?}", ended.stderr);
    assert!(started.elapsed() < LIMIT / 2);
    assert!(ended.stderr[0].contains("no answer within 2s"), "{:?}", ended.stderr);
}

#[test]
fn a_killed_server_command_leaves_no_nats_server_behind() {
    let mut server = Server::start();
    let pids = processes_that_name(server.folder());
    assert!(pids.len() >= 2, "the command and its nats-server: {pids:?}");
    server.kill();
    until("the nats-server gone", || processes_that_name(server.folder()).is_empty());
}

/// The processes with this text on their command line.
fn processes_that_name(text: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let named = processes.filter(|process| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    });
    named.map(|process| process.display().to_string()).collect()
}

#[test]
fn a_fresh_server_has_no_event_of_the_one_before_and_empties_no_folder_of_others() {
    let server = Server::start();
    assert_eq!(server.publish("--count 3"), [1, 2, 3]);
    let server = server.again(&["--fresh"]);
    assert_eq!(server.publish(""), [1]);
    let server = server.again(&[]);
    assert_eq!(server.publish(""), [2]);
    server.stop();

    let others = tempfile::tempdir().unwrap();
    let folder = others.path().to_str().unwrap();
    let options = ["--fresh", "--data", folder, "--port", "0", "--monitoring-port", "0"];
    let mut fresh = start("server", &options);
    fresh.expect("NATS server with JetStream"); // an empty folder may be anybody's
    assert_eq!(fresh.interrupt().code, Some(0));
    fs::remove_file(others.path().join("in-use.lock")).unwrap();
    fs::write(others.path().join("letter.txt"), "dear").unwrap();
    let ended = start("server", &options).end();
    assert_eq!((ended.code, ended.stderr.len()), (Some(1), 1), "{:?}", ended.stderr);
    assert!(ended.stderr[0].contains("is not a data folder of ours, so it was not emptied"), "{:?}", ended.stderr);
    assert!(others.path().join("letter.txt").is_file());
}

#[test]
fn a_second_server_on_one_folder_or_port_says_what_is_in_the_way() {
    let server = Server::start();
    let folder = server.folder();
    let ended = start("server", &["--data", folder, "--port", "0", "--monitoring-port", "0"]).end();
    assert_eq!((ended.code, ended.stderr.len()), (Some(1), 1), "{:?}", ended.stderr);
    assert!(ended.stderr[0].contains("is in use by process"), "{:?}", ended.stderr);

    let other = tempfile::tempdir().unwrap();
    let port = server.url.rsplit_once(':').unwrap().1;
    let ended = start("server", &["--data", other.path().to_str().unwrap(), "--port", port]).end();
    assert_eq!((ended.code, ended.stderr.len()), (Some(1), 1), "{:?}", ended.stderr);
    assert!(ended.stderr[0].contains(port), "{:?}", ended.stderr);
    server.stop();
}

#[test]
fn a_reader_that_goes_away_ends_a_listener_in_order() {
    let server = Server::start();
    let mut command = Command::new("bash");
    command.args(["-c", r#"set -o pipefail; "$0" --url "$1" | head -1"#, path_of("listen"), &server.url]);
    let mut pipeline = spawn(command);
    pipeline.expect("Listener connected to NATS");
    until("its end", || {
        server.publish("");
        pipeline.has_ended()
    });
    let ended = pipeline.end();
    assert_eq!((ended.code, ended.stderr), (Some(0), vec![]));
    server.stop();
}

#[test]
fn sigterm_stops_a_command_as_ctrl_c_does() {
    let server = Server::start();
    let mut listener = server.listen("--delay 1h");
    server.publish("");
    listener.line();
    listener.signal(Signal::SIGTERM);
    let ended = listener.end();
    assert_eq!((ended.code, ended.stdout), (Some(0), vec!["NATS connection closed!".to_owned()]));
    server.stop();
}
