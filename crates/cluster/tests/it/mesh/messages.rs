//! What the mesh carries for hubs.

use std::time::Duration;

use tokio::time::sleep;

use super::testnode::Place;

#[tokio::test]
async fn a_message_reaches_the_readers_at_every_node_once() {
    let place = Place::of(3);
    let nodes = place.start_all().await;
    let mut readers = Vec::new();
    for node in &nodes {
        readers.push(node.read("/pycon").await);
    }
    // One publisher after the other: only messages of the same node are in order.
    for (number, node) in nodes.iter().enumerate() {
        for count in 0..100 {
            node.publish("/pycon", &format!("{number}-{count}")).await;
        }
        for reader in &mut readers {
            for count in 0..100 {
                assert_eq!(reader.next().await, format!("{number}-{count}"));
            }
        }
    }
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_node_that_joins_exchanges_messages_and_one_that_stops_disturbs_nobody() {
    let place = Place::of(3);
    let first = place.start(0).await;
    let second = place.start(1).await;
    first.sees(&place.nodes[..2]).await;
    let (mut at_first, mut at_second) = (first.read("/pycon").await, second.read("/pycon").await);
    let third = place.start(2).await;
    third.sees(&place.nodes).await;
    first.sees(&place.nodes).await;
    let mut at_third = third.read("/pycon").await;
    first.publish("/pycon", "hello").await;
    for reader in [&mut at_first, &mut at_second, &mut at_third] {
        assert_eq!(reader.next().await, "hello");
    }
    third.stop().await;
    first.sees(&place.nodes[..2]).await;
    second.publish("/pycon", "again").await;
    for reader in [&mut at_first, &mut at_second] {
        assert_eq!(reader.next().await, "again");
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_reader_is_served_again_when_the_node_of_the_publisher_has_restarted() {
    let place = Place::of(2);
    let (first, second) = (place.start(0).await, place.start(1).await);
    first.sees(&place.nodes).await;
    let mut reader = first.read("/pycon").await;
    second.stop().await;
    first.sees(&place.nodes[..1]).await;
    let second = place.start(1).await;
    // What is published before the nodes are connected is lost.
    let publishing = async {
        loop {
            second.publish("/pycon", "hello").await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        message = reader.next() => assert_eq!(message, "hello"),
        () = publishing => {}
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_flood_costs_messages_but_no_member() {
    let place = Place::of(2);
    let nodes = place.start_all().await;
    let before = nodes[1].cluster.members().borrow().clone();
    let mut reader = nodes[1].read("/flood").await;
    let body = "x".repeat(1000);
    for _ in 0..50_000 {
        nodes[0].publish("/flood", &body).await;
    }
    let publishing = async {
        loop {
            nodes[0].publish("/flood", "end").await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    let reading = async {
        // Those that the ring could not keep are missed, and so are those that the connection could not carry.
        while reader.next_or_missed().await.is_none_or(|body| body != "end") {}
    };
    tokio::select! {
        () = reading => {}
        () = publishing => {}
    }
    assert_eq!(*nodes[1].cluster.members().borrow(), before);
    for node in nodes {
        node.stop().await;
    }
}
