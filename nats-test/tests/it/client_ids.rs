//! "Client ID Generation": one live process for each client id.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Server, close};

#[test]
fn a_second_listener_with_a_client_id_in_use_is_refused_and_after_ctrl_c_the_id_is_free() {
    let server = Server::start();
    let first = server.listen("--client-id 123");
    let ended = server.listen_refused("--client-id 123");
    assert_eq!((ended.code, ended.stdout, ended.stderr.len()), (Some(1), vec![], 1), "{:?}", ended.stderr);
    assert!(ended.stderr[0].contains("client ID already registered"), "{:?}", ended.stderr);
    close(first);
    close(server.listen("--client-id 123"));
    server.stop();
}

#[test]
fn the_client_id_of_a_killed_listener_is_taken_over() {
    let server = Server::start();
    server.listen("--client-id 123").kill();
    close(server.listen("--client-id 123"));
    server.stop();
}

#[test]
fn a_frozen_listener_loses_its_client_id_and_says_so_when_it_wakes() {
    let server = Server::start();
    let frozen = server.listen("--client-id 123");
    frozen.signal(Signal::SIGSTOP);
    let began = Instant::now();
    let next = server.listen("--client-id 123");
    assert!(began.elapsed() < Duration::from_secs(5), "five times what it may take");
    frozen.signal(Signal::SIGCONT);
    let ended = frozen.end();
    assert_eq!((ended.code, ended.stderr.len()), (Some(1), 1), "{:?}", ended.stderr);
    assert!(ended.stderr[0].contains("client has been replaced"), "{:?}", ended.stderr);
    close(next);
    server.stop();
}

#[test]
fn listeners_without_a_client_id_get_one_of_eight_hex_digits_each() {
    let server = Server::start();
    let listeners = [server.listen(""), server.listen("")];
    let ids = server.connected();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        assert!(id.len() == 8 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{id}");
    }
    listeners.into_iter().for_each(|listener| drop(close(listener)));
    server.stop();
}
