//! What a node says to another one, byte by byte.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::rawpeer::{RawPeer, greeting, heartbeat};
use super::testnode::Place;

#[tokio::test]
async fn a_channel_that_nobody_reads_there_crosses_no_wire() {
    let place = Place::of(2);
    let listener = TcpListener::bind(place.nodes[1].as_str()).await.unwrap();
    let node = place.start(0).await;
    let mut from_node = RawPeer::accept(&listener).await;
    let mut to_node = RawPeer::join(&place.nodes[1], &place.nodes[0], 2).await;
    to_node.send(&heartbeat(1), "").await;
    to_node.send(&json!({ "Interest": { "number": 1, "channel": "/read", "is_open": true } }), "").await;
    loop {
        let (frame, _) = from_node.receive().await.unwrap();
        if frame["Confirmed"]["number"] == 1 {
            break;
        }
    }
    for number in 0..1000 {
        node.publish("/unread", &number.to_string()).await;
    }
    node.publish("/read", "hello").await;
    loop {
        let (frame, body) = from_node.receive().await.unwrap();
        if let Some(publication) = frame.get("Publication") {
            assert_eq!((publication["channel"].as_str().unwrap(), body.as_str()), ("/read", "hello"));
            break;
        }
    }
    to_node.send(&json!({ "Interest": { "number": 2, "channel": "/read", "is_open": false } }), "").await;
    while from_node.receive().await.unwrap().0["Confirmed"]["number"] != 2 {}
    node.publish("/read", "hello").await;
    let rest = from_node.receive_for(Duration::from_millis(300)).await;
    assert!(rest.iter().all(|(frame, _)| frame.get("Publication").is_none()), "{rest:?}");
    node.stop().await;
}

#[tokio::test]
async fn nothing_of_an_earlier_term_reaches_a_reader_after_a_later_one() {
    let place = Place::of(2);
    let node = place.start(0).await;
    let mut reader = node.read("/numbers").await;
    let mut peer = RawPeer::join(&place.nodes[1], &place.nodes[0], 2).await;
    for (epoch, body) in [(Some(5), "one"), (Some(6), "two"), (Some(5), "old"), (None, "three"), (Some(6), "four")] {
        peer.send(&json!({ "Publication": { "channel": "/numbers", "epoch": epoch } }), body).await;
    }
    for expected in ["one", "two", "three", "four"] {
        assert_eq!(reader.next().await, expected);
    }
    node.stop().await;
}

#[tokio::test]
async fn who_does_not_belong_to_the_cluster_is_refused_with_a_reason() {
    let place = Place::of(2);
    let node = place.start(0).await;
    let (here, there) = (&place.nodes[0], &place.nodes[1]);
    let changed = |pointer: &str, value: serde_json::Value| {
        let mut greeting = greeting(there, here, 2);
        *greeting.pointer_mut(pointer).unwrap() = value;
        greeting
    };
    let cases = [
        (
            changed("/Greeting/version", json!(2)),
            format!("{there} speaks version 2 and {here} version 1: run the same program"),
        ),
        (
            changed("/Greeting/common/cluster", json!("other")),
            format!("{there} is of the cluster \"other\" and {here} of \"test\""),
        ),
        (
            changed("/Greeting/common/size", json!(3)),
            format!(
                "{there} counts 3 nodes with quorum Majority and {here} counts 2 with Majority: configure the same"
            ),
        ),
        (
            changed("/Greeting/to", json!(there)),
            format!("{there} looks for {there}, and {here} is here: each node needs a name of its own"),
        ),
    ];
    for (greeting, reason) in cases {
        let mut peer = RawPeer::connect(here).await;
        peer.send(&greeting, "").await;
        assert_eq!(peer.receive().await.unwrap().0["Refusal"], json!(reason));
        assert!(peer.receive().await.is_none());
    }
    node.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_frame_and_silence_end_their_connection_only() {
    let place = Place::of(2);
    let node = place.start(0).await;
    let (here, there) = (&place.nodes[0], &place.nodes[1]);
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 4, 0, 0, 0, 9], &[0, 0, 0, 6, 0, 0, 0, 2, b'{', b'}'], &[]]
    {
        let mut peer = RawPeer::connect(here).await;
        peer.send_bytes(bytes).await;
        assert!(peer.receive().await.is_none());
    }
    // It is silent after its greeting.
    let mut peer = RawPeer::join(there, here, 2).await;
    assert!(peer.receive().await.is_none());
    let mut reader = node.read("/pycon").await;
    node.publish("/pycon", "hello").await;
    assert_eq!(reader.next().await, "hello");
    node.stop().await;
}
