//! "Graceful Client Shutdown": what a client leaves behind.

use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Server, close, events, path_of, until};

#[test]
fn after_ctrl_c_the_server_has_no_connection_and_nothing_pending() {
    let server = Server::start();
    let mut listener = server.listen("--client-id 123");
    let publisher = server.publisher("--client-id abc --count 20");
    events(&mut listener, 20);
    let mut ids = server.connected();
    ids.sort_unstable();
    assert_eq!(ids, ["123", "abc"]);
    close(listener);
    let consumers = server.consumers();
    assert_eq!((&consumers[0]["num_ack_pending"], &consumers[0]["num_pending"]), (&0.into(), &0.into()));
    assert_eq!(publisher.interrupt().code, Some(0));
    until("no connection", || server.connected().is_empty());
    server.stop();
}

#[test]
fn a_listener_without_a_durable_leaves_no_consumer() {
    let server = Server::start();
    close(server.listen("--lesson event-redelivery"));
    assert!(server.consumers().is_empty());
    server.stop();
}

#[test]
fn ctrl_c_ends_a_client_whose_broker_is_gone() {
    let mut server = Server::start();
    let mut listener = server.listen("--delay 1h");
    server.publish("--count 20");
    listener.line();
    server.kill();
    close(listener);
}

/// As with `listen | less`: the pipe is full, and nobody takes anything out of it.
#[test]
fn ctrl_c_ends_a_listener_whose_reader_pauses() {
    let server = Server::start();
    server.publish("--count 3000");
    let mut command = Command::new(path_of("listen"));
    let mut listener = command.args(["--url", &server.url]).stdout(Stdio::piped()).spawn().unwrap();
    let handled = || server.consumers().first().and_then(|consumer| consumer["ack_floor"]["stream_seq"].as_u64());
    until("a listener that stands still", || {
        let before = handled();
        sleep(Duration::from_millis(500));
        before.is_some_and(|before| before > 0) && before == handled()
    });
    assert!(handled() < Some(3000));
    kill(Pid::from_raw(listener.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    until("its end", || listener.try_wait().unwrap().is_some());
    assert_eq!(listener.wait().unwrap().code(), Some(0));
    server.stop();
}
