//! "Durable Subscriptions": what a listener gets that was away.

use crate::harness::{Server, close, events};

#[test]
fn what_was_published_while_the_listener_was_away_comes_once_and_what_it_had_does_not() {
    let server = Server::start();
    let mut listener = server.listen("");
    assert_eq!(server.publish("--count 2"), [1, 2]);
    assert_eq!(events(&mut listener, 2), [1, 2]);
    close(listener);
    // The group has no member now, and no process that knows it.
    server.publish("--count 3");
    let mut listener = server.listen("");
    server.publish("");
    assert_eq!(events(&mut listener, 4), [3, 4, 5, 6]);
    server.wait_until_nothing_is_pending();
    assert!(close(listener).is_empty());
    server.stop();
}

#[test]
fn deliver_all_without_a_durable_brings_everything_each_time() {
    let server = Server::start();
    server.publish("--count 3");
    for _ in 0..2 {
        let mut listener = server.listen("--lesson event-redelivery");
        assert_eq!(events(&mut listener, 3), [1, 2, 3]);
        close(listener);
    }
    server.stop();
}

#[test]
fn a_durable_without_a_group_belongs_to_its_client_id() {
    let server = Server::start();
    server.publish("--count 2");
    let mine = "--no-queue-group --durable accounts --client-id 123";
    let mut listener = server.listen(mine);
    assert_eq!(events(&mut listener, 2), [1, 2]);
    close(listener);
    server.publish("");
    let mut listener = server.listen(mine);
    assert_eq!(events(&mut listener, 1), [3]);
    close(listener);
    let mut other = server.listen("--no-queue-group --durable accounts --client-id 124");
    assert_eq!(events(&mut other, 3), [1, 2, 3]);
    close(other);
    server.stop();
}
