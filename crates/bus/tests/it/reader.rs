//! Reading a stream.

use bus::{Connection, ErrorKind, Reader, Start, Streams};
use events::Subject;
use service::launch;
use testkit::{Broker, name};

#[tokio::test]
async fn a_reader_reads_stored_messages_then_new_ones_and_leaves_nothing_behind() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut published = Vec::new();
    for number in 0..600 {
        published.push(client.publish(number.to_string()).await); // more than one request asks for
    }
    client.publish_to(Subject::OrderCreated, "another").await;
    let subjects = [Subject::TicketCreated, Subject::TicketUpdated];
    let mut reader = Reader::of_events(&client.bus, &subjects, Start::All).await.unwrap();
    assert_eq!(reader.last(), 601);
    let mut read = Vec::new();
    while let Some(delivery) = reader.try_next().await.unwrap() {
        read.push(delivery.sequence);
    }
    assert_eq!(read, published);
    let (next, came) = tokio::join!(reader.next(), client.publish_to(Subject::TicketUpdated, "new"));
    let next = next.unwrap();
    assert_eq!((next.sequence, next.subject.as_str()), (came, "ticket:updated"));
    reader.close().await;
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    assert_eq!(stream.cached_info().state.consumer_count, 0);
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_reader_begins_at_its_start_position() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    client.publish("1").await;
    let second = client.publish("2").await;
    let mut reader = Reader::of_events(&client.bus, &Subject::ALL, Start::All).await.unwrap();
    reader.next().await.unwrap();
    let since = reader.next().await.unwrap().published;
    let mut later = Reader::of_events(&client.bus, &Subject::ALL, Start::Since(since)).await.unwrap();
    assert_eq!(later.next().await.unwrap().sequence, second);
    // Messages that are published before its first request count too.
    let mut new = Reader::of_events(&client.bus, &Subject::ALL, Start::New).await.unwrap();
    let third = client.publish("3").await;
    assert_eq!(new.next().await.unwrap().sequence, third);
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_reader_misses_nothing_and_repeats_nothing_when_the_broker_is_killed() {
    let mut broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut reader = Reader::of_events(&client.bus, &Subject::ALL, Start::New).await.unwrap();
    for round in 0..3 {
        let first = client.publish("before").await;
        assert_eq!(reader.next().await.unwrap().sequence, first, "round {round}");
        broker.kill().await;
        broker.restart().await;
        let (next, second) = tokio::join!(reader.next(), client.publish("after"));
        assert_eq!(next.unwrap().sequence, second, "round {round}");
    }
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_stream_that_was_deleted_and_created_again_is_read_from_its_beginning() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    for number in 0..5 {
        client.publish(number.to_string()).await;
    }
    let mut reader = Reader::of_events(&client.bus, &Subject::ALL, Start::New).await.unwrap();
    client.publish("last").await;
    assert_eq!(reader.next().await.unwrap().payload, "last");
    broker.outsider().await.delete_stream("ticketing").await.unwrap();
    let (next, first) = tokio::join!(reader.next(), client.publish("first of the new ones"));
    assert_eq!((next.unwrap().sequence, first), (1, 1));
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_read_only_connection_creates_no_stream_and_says_what_is_missing() {
    let broker = Broker::start().await;
    let read_only = || Connection { streams: Streams::Required, ..broker.connection("tool") };
    let error = launch("tool", read_only()).start().ready().await.unwrap_err();
    assert!(matches!(ErrorKind::of(&error), Some(ErrorKind::NoStream { .. })), "{error:#}");
    let outsider = broker.outsider().await;
    assert_eq!(outsider.query_account().await.unwrap().streams, 0);

    broker.connect("a").await.close().await;
    let mut running = launch("tool", read_only()).start();
    running.ready().await.unwrap();
    running.stop().await.result.unwrap();
    let other = Connection { cluster_id: name("other"), ..read_only() };
    let error = launch("tool", other).start().ready().await.unwrap_err();
    let Some(ErrorKind::OtherCluster { theirs, .. }) = ErrorKind::of(&error) else { panic!("{error:#}") };
    assert_eq!(theirs, "ticketing");
    broker.stop().await;
}
