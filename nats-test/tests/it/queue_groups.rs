//! "Queue Groups": who gets which event.

use std::time::{Duration, Instant};

use testkit::Process;

use crate::harness::{Server, close, events, until};

#[test]
fn each_of_ten_events_is_at_exactly_one_of_two_members() {
    let server = Server::start();
    let lesson = "--lesson queue-groups";
    let mut members = [server.listen(lesson), server.listen(lesson)];
    let published = server.publish("--count 10");
    let mut seen: Vec<u64> = Vec::new();
    until("ten events", || {
        seen.extend(members.iter_mut().flat_map(Process::so_far).map(|line| crate::harness::sequence_of(&line)));
        seen.len() >= 10
    });
    server.wait_until_nothing_is_pending();
    let rest = members.into_iter().flat_map(close);
    seen.extend(rest.map(|line| crate::harness::sequence_of(&line)));
    seen.sort_unstable();
    assert_eq!(seen, published);
    server.stop();
}

#[test]
fn two_listeners_without_a_group_get_every_event_each() {
    let server = Server::start();
    let lesson = "--lesson client-id";
    let mut listeners = [server.listen(lesson), server.listen(lesson)];
    let published = server.publish("--count 10");
    for listener in &mut listeners {
        assert_eq!(events(listener, 10), published);
    }
    for listener in listeners {
        assert!(close(listener).is_empty());
    }
    server.stop();
}

#[test]
fn what_a_closing_member_had_fetched_goes_to_another() {
    let server = Server::start();
    let mut closing = server.listen("--delay 1h --ack-wait 1h");
    let published = server.publish("--count 10");
    closing.line();
    until("all of them fetched", || server.consumers()[0]["num_ack_pending"] == 10);
    let mut other = server.listen("--ack-wait 1h");
    close(closing);
    let closed = Instant::now();
    let mut seen = events(&mut other, 10);
    assert!(closed.elapsed() < Duration::from_secs(5), "five times what it may take");
    seen.sort_unstable();
    assert_eq!(seen, published);
    server.wait_until_nothing_is_pending();
    close(other);
    server.stop();
}
