//! Readers that are slow, and readers that come and go.

use std::time::Duration;

use serde_json::Value;
use testkit::{Reading, WebSocket, until};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::hubs::TestHub;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_costs_others_nothing_and_learns_what_it_has_missed() {
    let hub = TestHub::with(&[("HUB__KEPT_MESSAGES", "4096"), ("HUB__MAX_BODY", "65536")]).await;
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(Reading::open(hub.address, "/pycon?format=json").await);
    }
    let mut stopped = Reading::open(hub.address, "/pycon?format=json").await;
    let mut lines = Reading::open(hub.address, "/pycon").await;
    let mut websocket = WebSocket::open(hub.address, "/pycon").await;
    lines.line().await;
    let text = "x".repeat(16_000);
    for number in 0..3000 {
        // Those that read keep pace.
        hub.publish("/pycon", format!("{number} {text}")).await;
        for other in &mut others {
            let line: Value = serde_json::from_str(&other.message().await).unwrap();
            assert!(line["message"].as_str().unwrap().starts_with(&format!("{number} ")));
        }
    }
    let (mut seen, mut missed) = (0, 0);
    while seen + missed < 3000 {
        let line: Value = serde_json::from_str(&stopped.message().await).unwrap();
        match line["missed"].as_u64() {
            Some(count) => missed += count,
            None => {
                let message = line["message"].as_str().unwrap();
                assert!(message.starts_with(&format!("{} ", seen + missed)), "{seen} seen, {missed} missed");
                seen += 1;
            }
        }
    }
    assert!(missed > 0 && seen > 0, "{seen} seen, {missed} missed");
    let (_, is_whole) = lines.rest().await;
    assert!(!is_whole, "a stream of lines can't say what is missed, so it breaks off");
    // It learns why, unless it did not even take that, and was cut.
    assert!(matches!(websocket.code().await, Some(1008) | None));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_left_are_forgotten_and_publishing_does_not_wait_for_them() {
    let hub = TestHub::with(&[("HUB__MAX_READERS", "50")]).await;
    for round in 0..5000 {
        let mut socket = TcpStream::connect(hub.address).await.unwrap();
        socket.write_all(b"GET /pycon HTTP/1.1\r\nhost: hub.test\r\n\r\n").await.unwrap();
        if round % 100 == 0 {
            hub.publish("/pycon", "to whoever is there").await;
        }
    }
    until("all are forgotten", || async {
        let mut readers = Vec::new();
        for _ in 0..50 {
            readers.push(Reading::open(hub.address, "/pycon").await);
        }
        readers.iter().all(|reader| reader.status == 200)
    })
    .await;
    hub.stop().await;
}

#[tokio::test]
async fn a_keep_alive_of_a_reload_holds_for_the_streams_that_are_open() {
    // An hour without a sign of life would be longer than the test.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.toml");
    let write = |seconds: u32| {
        std::fs::write(&file, format!("[hub]\nbind = \"127.0.0.1:0\"\nkeep_alive_seconds = {seconds}\n")).unwrap();
    };
    write(3600);
    let sources = service::settings::Sources { file: Some(file.clone()), ..Default::default() };
    let sections = service::settings::Sections::new().with::<hub::HubSettings>();
    let settings = service::Settings::load(sections, sources).unwrap();
    let mut running =
        service::launch("hub", hub::HubProgram { views: hub::Views::All }).settings(settings.clone()).start();
    let address = running.ready().await.unwrap();
    let mut reader = Reading::open(address, "/pycon").await;
    assert_eq!(reader.line().await, "");
    write(1);
    settings.reload().unwrap();
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), reader.line()).await.unwrap(), "");
    running.stop().await.result.unwrap();
}
