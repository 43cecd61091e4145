//! Server-sent events, the tail view, the page; and all of them at once.

use testkit::{Reading, WebSocket};

use crate::hubs::TestHub;

#[tokio::test]
async fn an_event_has_an_id_and_a_returning_reader_continues_behind_it() {
    let hub = TestHub::start().await;
    let sse = [("accept", "text/event-stream")];
    let mut reader = Reading::with(hub.address, "/pycon", &sse).await;
    assert_eq!(reader.headers["content-type"], "text/event-stream");
    let opening = reader.through("\n\n").await;
    let position = opening.strip_prefix("id: ").unwrap().trim_end().to_owned();
    hub.publish("/pycon", "two\r\nlines").await;
    let event = reader.through("\n\n").await;
    let id = event.strip_prefix("id: ").unwrap().lines().next().unwrap().to_owned();
    assert_eq!(event, format!("id: {id}\ndata: two\ndata: lines\n\n"));
    drop(reader);
    hub.publish("/pycon", "while it was away").await;
    for (after, expected) in [(&position, "data: two\ndata: lines\n\n"), (&id, "data: while it was away\n\n")] {
        let mut again = Reading::with(hub.address, "/pycon", &[sse[0], ("last-event-id", after)]).await;
        assert_eq!(again.through("\n\n").await, format!("id: {after}\n\n"));
        assert!(again.through("\n\n").await.ends_with(expected));
    }
    // An EventSource that was opened behind a position returns with its header, and with that position again.
    let path = format!("/pycon?after={position}");
    let mut again = Reading::with(hub.address, &path, &[sse[0], ("last-event-id", &id)]).await;
    assert_eq!(again.through("\n\n").await, format!("id: {id}\n\n"));
    let mut unknown = Reading::with(hub.address, "/pycon", &[sse[0], ("last-event-id", "7")]).await;
    unknown.through("\n\n").await;
    assert_eq!(unknown.through("\n\n").await, "event: missed\ndata: null\n\n");
    hub.publish("/pycon", [0xff, 0x00]).await;
    assert!(unknown.through("\n\n").await.ends_with("\nevent: base64\ndata: /wA=\n\n"));
    hub.stop().await;
}

#[tokio::test]
async fn a_silent_channel_sends_comments_to_an_event_source() {
    let hub = TestHub::with(&[("HUB__KEEP_ALIVE_SECONDS", "1")]).await;
    let mut reader = Reading::open(hub.address, "/pycon?format=sse").await;
    reader.through("\n\n").await;
    for _ in 0..2 {
        assert_eq!(reader.through("\n\n").await, ":\n\n");
    }
    hub.stop().await;
}

#[tokio::test]
async fn each_part_of_the_tail_view_has_the_length_of_its_bytes() {
    let hub = TestHub::start().await;
    let mut reader = Reading::open(hub.address, "/pycon?view=tail").await;
    let kind = reader.headers["content-type"].to_str().unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/x-mixed-replace; boundary=").unwrap();
    assert_eq!(reader.line().await, format!("--{boundary}\r"));
    for message in ["caf\u{e9}", "", "a\r\nb"] {
        hub.publish("/pycon", message).await;
        let head = reader.through("\r\n\r\n").await;
        assert_eq!(
            head,
            format!("Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n", message.len())
        );
        assert_eq!(reader.through(&format!("\r\n--{boundary}\r\n")).await, format!("{message}\r\n--{boundary}\r\n"));
    }
    hub.stop().await;
}

#[tokio::test]
async fn the_page_for_people_may_run_its_own_script_and_nothing_else() {
    let hub = TestHub::start().await;
    let page = Reading::open(hub.address, "/pycon?view=page").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let (text, is_whole) = page.rest().await;
    assert!(is_whole && text.contains("new EventSource"));
    hub.stop().await;
}

#[tokio::test]
async fn one_message_reaches_every_kind_of_reader() {
    let hub = TestHub::start().await;
    let mut lines = Reading::open(hub.address, "/pycon").await;
    let mut json = Reading::open(hub.address, "/pycon?format=json").await;
    let mut events = Reading::open(hub.address, "/pycon?format=sse").await;
    let mut tail = Reading::open(hub.address, "/pycon?view=tail").await;
    let mut websocket = WebSocket::open(hub.address, "/pycon").await;
    hub.publish("/pycon", "to all").await;
    assert_eq!(lines.message().await, "to all");
    assert!(json.message().await.ends_with(r#""message":"to all"}"#));
    assert!(events.through("to all\n\n").await.ends_with("data: to all\n\n"));
    tail.through("\r\n\r\nto all\r\n--").await;
    assert_eq!(websocket.text().await, "to all");
    hub.stop().await;
}
