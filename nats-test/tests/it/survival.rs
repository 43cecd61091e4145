//! The broker is killed under its clients.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Server, close, sequence_of};

#[test]
fn every_sequence_the_publisher_printed_is_among_those_a_durable_listener_printed() {
    let mut server = Server::start();
    // Events in flight when the broker died are redelivered after the ack wait.
    let mut listener = server.listen("--ack-wait 1s");
    let mut publisher = server.publisher("--count 400 --interval 5ms");
    let mut published = BTreeSet::new();
    // The second time it is away longer than one attempt to publish takes.
    for (killed_after, away) in [(50, Duration::ZERO), (100, Duration::from_millis(2500))] {
        while published.len() < killed_after {
            published.insert(sequence_of(&publisher.line()));
        }
        server.kill();
        thread::sleep(away);
        server.restart();
    }
    while published.len() < 400 {
        published.insert(sequence_of(&publisher.line()));
    }
    let ended = publisher.end();
    assert_eq!(ended.code, Some(0), "{:?}", ended.stderr);
    assert_eq!(published.last(), Some(&400), "stored twice");
    let mut received = BTreeSet::new();
    while received != published {
        received.insert(sequence_of(&listener.line()));
    }
    server.wait_until_nothing_is_pending();
    close(listener);
    server.stop();
}

/// The long form, a million events, has its place outside the gate:
/// `cargo test --release -p nats-test -- --ignored --nocapture million`.
#[test]
fn no_batch_size_pauses() {
    through_all_batch_sizes(10_000);
}

#[test]
#[ignore = "takes minutes"]
fn no_batch_size_pauses_in_a_million_events() {
    through_all_batch_sizes(1_000_000);
}

#[expect(clippy::print_stdout, reason = "the long form is run for its numbers")]
fn through_all_batch_sizes(count: usize) {
    let server = Server::start();
    let mut publisher = server.publisher(&format!("--count {count}"));
    let mut last = 0;
    while last < count {
        last = usize::try_from(sequence_of(&publisher.line())).unwrap();
    }
    for batch in [1, 10, 200] {
        let mut listener = server.listen(&format!("--lesson event-redelivery --batch {batch}"));
        let started = Instant::now();
        let mut before = started;
        let mut longest = Duration::ZERO;
        for number in 1..=count {
            assert_eq!(sequence_of(&listener.line()), number as u64);
            longest = longest.max(before.elapsed());
            before = Instant::now();
        }
        assert!(longest < Duration::from_secs(5), "batch {batch}: {longest:?}"); // five times what it may be
        println!("batch {batch}: {count} events in {:?}, longest pause {longest:?}", started.elapsed());
        close(listener);
    }
    server.stop();
}
