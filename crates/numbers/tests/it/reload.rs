//! Reloading while clients are connected.

use std::fs;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::number_server::{NumberServer, until};

fn generation(server: &NumberServer) -> u64 {
    let status: Value = serde_json::from_str(&server.succeeds("status --json")).unwrap();
    status["generation"].as_u64().unwrap()
}

/// At one a minute the next number would be a minute away.
#[test]
fn an_open_connection_changes_its_pace_at_once_with_each_way_to_ask() {
    let server = NumberServer::started(1);
    let mut numbers = server.connect();
    let hang_up = |server: &NumberServer| server.signal(Signal::SIGHUP);
    let user = |server: &NumberServer| server.signal(Signal::SIGUSR1);
    let command = |server: &NumberServer| drop(server.succeeds("reload"));
    for (round, ask) in [hang_up, user, command].into_iter().enumerate() {
        let before = 2 * round as u64 + 1;
        server.set("rate_per_minute = 6000");
        ask(&server);
        for _ in 0..5 {
            numbers.next();
        }
        server.set("rate_per_minute = 1");
        ask(&server);
        until("the second reload", || (generation(&server) == before + 2).then_some(()));
        until("silence", || numbers.is_silent_for(Duration::from_millis(500)).then_some(()));
    }
}

#[test]
fn a_reload_that_is_refused_changes_nothing_and_says_why() {
    let server = NumberServer::started(6000);
    let mut numbers = server.connect();
    let refused = [
        ("rate_per_minute = = 1".to_owned(), "numbers.toml:3: "),
        ("rate_per_minute = 1\n[numberz]".to_owned(), "numbers.toml:4: numberz: unknown; the sections are [numbers]"),
    ];
    for (lines, error) in refused {
        server.set(&lines);
        let (code, _, stderr) = server.run("reload");
        assert_eq!(code, 1);
        assert!(stderr.contains(error), "{stderr}");
        for _ in 0..20 {
            numbers.next(); // at the old pace: at the new one this would take 20 minutes
        }
    }
    server.write("[numbers]\nbind = \"127.0.0.1:1\"\nrate_per_minute = 1\n");
    let (code, _, stderr) = server.run("reload");
    assert_eq!(
        (code, stderr.as_str()),
        (1, "error: numbers.toml:2: numbers.bind: needs a restart; nothing was changed\n")
    );
    for _ in 0..20 {
        numbers.next();
    }
    assert_eq!(generation(&server), 1);

    server.set("");
    assert_eq!(server.succeeds("reload"), "generation 2, changed: numbers.rate_per_minute\n");
}

fn resident(server: &NumberServer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn two_hundred_open_streams_outlive_fifty_reloads_in_the_same_memory() {
    let server = NumberServer::started(600);
    let mut streams: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for stream in &mut streams {
        stream.next();
    }
    let mut before = 0;
    for reload in 0..50 {
        server.set(&format!("rate_per_minute = {}", if reload % 2 == 0 { 1200 } else { 600 }));
        server.succeeds("reload");
        if reload == 10 {
            before = resident(&server);
        }
        thread::sleep(Duration::from_millis(20));
    }
    for stream in &mut streams {
        stream.next();
    }
    let after = resident(&server);
    assert!(after < before + before / 4, "{before} kB, then {after} kB");
}
