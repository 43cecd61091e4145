//! Connecting and closing.

use bus::{Connection, ErrorKind, ServerUrl};
use service::launch;
use testkit::{Broker, name};

#[tokio::test]
async fn an_unreachable_server_is_named() {
    let url: ServerUrl = "nats://127.0.0.1:1".parse().unwrap();
    let connection = Connection::new(url, name("ticketing"), name("a"));
    let error = launch("connection", connection).start().ready().await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("no NATS server answers at nats://127.0.0.1:1"), "{text}");
    assert!(matches!(ErrorKind::of(&error), Some(ErrorKind::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn another_clusters_server_is_refused_with_both_names() {
    let broker = Broker::start().await;
    broker.connect("a").await.close().await;
    let stranger = Connection { cluster_id: name("other"), ..broker.connection("b") };
    let error = launch("connection", stranger).start().ready().await.unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.contains("the cluster id is other, but this NATS server holds the events of cluster ticketing"),
        "{text}"
    );
    broker.stop().await;
}

#[test]
fn an_invalid_name_says_what_a_valid_one_is_made_of() {
    for text in ["", "a.b", "a b", "ü", "a:b", &"a".repeat(65)] {
        let error = text.parse::<bus::Name>().unwrap_err().to_string();
        assert!(error.starts_with("a name has 1 to 64 letters, digits, `-` or `_`"), "{error}");
    }
}

#[tokio::test]
async fn subjects_of_a_newer_program_stay_in_the_stream_when_an_older_one_connects() {
    let broker = Broker::start().await;
    broker.connect("a").await.close().await;
    let outsider = broker.outsider().await;
    let mut config = outsider.get_stream("ticketing").await.unwrap().cached_info().config.clone();
    config.subjects.push("ticket:refunded".to_owned());
    outsider.update_stream(config).await.unwrap();
    broker.connect("b").await.close().await;
    let stream = outsider.get_stream("ticketing").await.unwrap();
    assert!(stream.cached_info().config.subjects.contains(&"ticket:refunded".to_owned()));
    broker.stop().await;
}
