//! The HTTP streamer: lines, and lines of JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::Reading;

use crate::hubs::TestHub;

#[tokio::test]
async fn a_reader_gets_an_answer_and_an_empty_line_at_once_and_more_of_them_while_nothing_comes() {
    let hub = TestHub::with(&[("HUB__KEEP_ALIVE_SECONDS", "1")]).await;
    let mut reader = Reading::open(hub.address, "/pycon").await;
    assert_eq!(reader.status, 200);
    assert_eq!(reader.headers["transfer-encoding"], "chunked");
    assert_eq!(reader.headers["content-type"], "text/plain; charset=utf-8");
    for _ in 0..3 {
        assert_eq!(reader.line().await, "");
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_thousand_messages_reach_each_of_three_readers_in_order() {
    let hub = TestHub::start().await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Reading::open(hub.address, "/pycon").await);
    }
    for number in 0..1000 {
        hub.publish("/pycon", format!("hello {number}")).await;
    }
    for mut reader in readers {
        for number in 0..1000 {
            assert_eq!(reader.message().await, format!("hello {number}"));
        }
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_name_is_one_channel_whatever_it_contains_and_nothing_is_a_wildcard() {
    let hub = TestHub::start().await;
    names_are_exact(&hub).await;
    hub.stop().await;
}

/// Publishes to channels with similar names: each reader gets the message of its own.
pub(crate) async fn names_are_exact(hub: &TestHub) {
    const NAMES: [&str; 12] =
        ["/a/b", "/a.b", "/a%20b", "/a%2Fb", "/*", "/%3E", "/A", "/a", "/a//b", "/%C3%A9", "/a%25b", "/a*"];
    let mut readers = Vec::new();
    for name in NAMES {
        readers.push(Reading::open(hub.address, name).await);
    }
    for name in NAMES {
        hub.publish(name, name).await;
    }
    for (name, mut reader) in NAMES.into_iter().zip(readers) {
        assert_eq!(reader.message().await, name);
        hub.publish(name, "the end").await;
        assert_eq!(reader.message().await, "the end", "{name} got a message of another channel");
    }
    // Two ways to write one name.
    let mut reader = Reading::open(hub.address, "/caf%C3%A9/%7Euser/").await;
    hub.publish("/caf%c3%a9/~user", "the same").await;
    assert_eq!(reader.message().await, "the same");
}

#[tokio::test]
async fn a_message_without_a_reader_is_accepted_and_nobody_gets_it_later() {
    let hub = TestHub::start().await;
    hub.publish("/pycon", "early").await;
    let mut reader = Reading::open(hub.address, "/pycon").await;
    hub.publish("/pycon", "late").await;
    assert_eq!(reader.message().await, "late");
    hub.stop().await;
}

#[tokio::test]
async fn whatever_can_not_be_done_is_refused_with_what_would_do() {
    let hub = TestHub::with(&[("HUB__MAX_BODY", "100")]).await;
    let put = hub.api().request("PUT", "/pycon", "", b"").await;
    assert_eq!((put.status, &put.headers["allow"][..]), (405, "GET, POST"));
    assert!(put.body.contains("GET, to read it, and POST"), "{put:?}");
    hub.publish("/pycon", [b'a'; 100]).await;
    let large = hub.post("/pycon", [b'a'; 101]).await;
    assert!(large.status == 413 && large.body.contains("at most 100 bytes (hub.max_body)"), "{large:?}");
    let cases = [
        ("/", "a channel is a path with a name"),
        ("/%ff", "UTF-8"),
        (&format!("/{}", "a".repeat(2000)), "at most 1024 bytes"),
        ("/pycon?view=nothing", "view must be tail or page"),
        ("/pycon?format=xml", "format must be text, json or sse"),
        ("/pycon?after=yesterday", "after must be the id of a message"),
    ];
    for (path, reason) in cases {
        let answer = hub.api().request("GET", path, "", b"").await;
        assert!(answer.status == 400 && answer.body.contains(reason), "{path}: {answer:?}");
    }
    hub.stop().await;
}

#[tokio::test]
async fn json_tells_an_empty_message_from_a_keep_alive_and_keeps_newlines_and_bytes() {
    let hub = TestHub::start().await;
    let mut reader = Reading::open(hub.address, "/pycon?format=json").await;
    assert_eq!(reader.headers["content-type"], "application/x-ndjson");
    let bodies: [&[u8]; 4] = [b"a\nb", b"", "\u{e9}\u{2028}\0".as_bytes(), b"\xff\xfe\n\r"];
    for body in bodies {
        hub.publish("/pycon", body).await;
    }
    let mut last = 0;
    for body in bodies {
        let line: Value = serde_json::from_str(&reader.message().await).unwrap();
        let id = line["id"].as_u64().unwrap();
        assert!(id > last);
        last = id;
        let expected = match std::str::from_utf8(body) {
            Ok(text) => json!({ "id": id, "message": text }),
            Err(_) => json!({ "id": id, "base64": STANDARD.encode(body) }),
        };
        assert_eq!(line, expected);
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_returning_reader_gets_what_it_has_missed_or_learns_that_it_is_gone() {
    let hub = TestHub::with(&[("HUB__KEPT_MESSAGES", "10")]).await;
    let mut reader = Reading::open(hub.address, "/pycon?format=json").await;
    hub.publish("/pycon", "first").await;
    let first: Value = serde_json::from_str(&reader.message().await).unwrap();
    drop(reader);
    for number in 0..10 {
        hub.publish("/pycon", number.to_string()).await;
    }
    let path = format!("/pycon?format=json&after={}", first["id"]);
    let mut again = Reading::open(hub.address, &path).await;
    for number in 0..10 {
        let line: Value = serde_json::from_str(&again.message().await).unwrap();
        assert_eq!(line["message"], number.to_string());
    }
    hub.publish("/pycon", "one too many").await;
    let mut late = Reading::open(hub.address, &path).await;
    assert_eq!(late.message().await, r#"{"missed":null}"#);
    hub.publish("/pycon", "and on").await;
    assert!(late.message().await.contains("and on"));
    let lines = Reading::open(hub.address, &path.replace("format=json", "format=text")).await;
    assert_eq!(lines.status, 410, "lines have no way to say that some are gone");
    hub.stop().await;
}

#[tokio::test]
async fn no_more_readers_and_channels_are_taken_than_the_settings_allow() {
    let hub = TestHub::with(&[("HUB__MAX_READERS", "2"), ("HUB__MAX_CHANNELS", "2")]).await;
    let readers = (Reading::open(hub.address, "/a").await, Reading::open(hub.address, "/b").await);
    let refused = Reading::open(hub.address, "/a").await;
    assert_eq!((refused.status.as_u16(), &refused.headers["retry-after"]), (503, &"5".parse().unwrap()));
    assert!(refused.rest().await.0.contains("hub.max_readers"));
    drop(readers.0);
    testkit::until("a place is free", || async { Reading::open(hub.address, "/b").await.status == 200 }).await;
    testkit::until("a third channel is refused", || async {
        Reading::open(hub.address, "/c").await.rest().await.0.contains("hub.max_channels")
    })
    .await;
    hub.stop().await;
}
