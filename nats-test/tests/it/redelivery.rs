//! "Manual Ack Mode" and "Event Redelivery": which events are redelivered.

use crate::harness::{Server, close, events, until};

#[test]
fn with_manual_ack_a_failed_event_is_redelivered_after_the_ack_wait() {
    let server = Server::start();
    let mut listener = server.listen("--lesson manual-ack --fail always --ack-wait 300ms");
    server.publish("");
    assert_eq!(events(&mut listener, 3), [1, 1, 1]);
    listener.expect_stderr("Handling event #1 failed; without an ack it is redelivered in 300ms");
    close(listener);
    server.stop();
}

#[test]
fn without_manual_ack_a_failed_event_is_lost() {
    let server = Server::start();
    let mut listener = server.listen("--no-manual-ack --fail always --ack-wait 300ms");
    server.publish("");
    assert_eq!(events(&mut listener, 1), [1]);
    listener.expect_stderr("Handling event #1 failed; it was acked anyway, and is lost");
    server.wait_until_nothing_is_pending();
    assert!(close(listener).is_empty());
    server.stop();
}

#[test]
fn an_event_that_fails_twice_is_handled_the_third_time() {
    let server = Server::start();
    let mut listener = server.listen("--fail first-2 --ack-wait 300ms");
    server.publish("");
    assert_eq!(events(&mut listener, 3), [1, 1, 1]);
    server.wait_until_nothing_is_pending();
    assert!(close(listener).is_empty());
    server.stop();
}

#[test]
fn an_event_is_not_redelivered_while_it_is_being_handled() {
    let server = Server::start();
    let mut listener = server.listen("--delay 1200ms --ack-wait 300ms");
    server.publish("");
    assert_eq!(events(&mut listener, 1), [1]);
    server.wait_until_nothing_is_pending();
    assert_eq!(server.consumers()[0]["delivered"]["consumer_seq"], 1, "deliveries, redeliveries included");
    assert!(close(listener).is_empty());
    server.stop();
}

#[test]
fn a_message_that_is_not_json_does_not_stop_the_listener_and_becomes_a_dead_letter() {
    let server = Server::start();
    let mut listener = server.listen("");
    server.publish("--raw oops");
    server.publish("");
    assert_eq!(events(&mut listener, 1), [2]);
    listener.expect_stderr("Event #1 is invalid (not JSON: expected value at line 1 column 1)");
    let mut dead = server.listen("--dead-letters");
    dead.expect(
        "Dead letter #1 ticket:created #1 of queue-group-name, delivery 1: not JSON: expected value at line 1 column 1: \
         \"oops\"",
    );
    let mut again = server.listen("--dead-letters");
    assert_eq!(again.line().split(':').next(), Some("Dead letter #1 ticket"));
    server.wait_until_nothing_is_pending();
    until("nothing more", || listener.so_far().is_empty());
    for process in [listener, dead, again] {
        close(process);
    }
    server.stop();
}
