//! "Durable Subscriptions": what a listener gets that was away.

use crate::harness::Server;

#[test]
fn what_was_published_while_the_listener_was_away_comes_once_and_what_it_had_does_not() {
    let server = Server::start();
    let mut listener = server.listen("");
    assert_eq!(server.publish("--count 2"), [1, 2]);
    assert_eq!(listener.events(2), [1, 2]);
    listener.close();
    // The group has no member now, and no process that knows it.
    server.publish("--count 3");
    let mut listener = server.listen("");
    server.publish("");
    assert_eq!(listener.events(4), [3, 4, 5, 6]);
    server.wait_until_nothing_is_pending();
    assert!(listener.close().is_empty());
    server.stop();
}

#[test]
fn deliver_all_without_a_durable_brings_everything_each_time() {
    let server = Server::start();
    server.publish("--count 3");
    for _ in 0..2 {
        let mut listener = server.listen("--lesson event-redelivery");
        assert_eq!(listener.events(3), [1, 2, 3]);
        listener.close();
    }
    server.stop();
}

#[test]
fn a_durable_without_a_group_belongs_to_its_client_id() {
    let server = Server::start();
    server.publish("--count 2");
    let mine = "--no-queue-group --durable accounts --client-id 123";
    let mut listener = server.listen(mine);
    assert_eq!(listener.events(2), [1, 2]);
    listener.close();
    server.publish("");
    let mut listener = server.listen(mine);
    assert_eq!(listener.events(1), [3]);
    listener.close();
    let mut other = server.listen("--no-queue-group --durable accounts --client-id 124");
    assert_eq!(other.events(3), [1, 2, 3]);
    other.close();
    server.stop();
}
