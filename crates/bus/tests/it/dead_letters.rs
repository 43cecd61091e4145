//! Messages that can't be handled.

use std::time::Duration;

use async_nats::HeaderMap;
use bus::{Consumer, DeadLetter, EVENT_ID, FailedAttempt, Failures, Source, Verdict};
use testkit::{Broker, all_of_it, durable_group, listen_to, unanswered, until};

#[tokio::test]
async fn a_dead_letter_keeps_subject_bytes_and_reason_and_blocks_nobody() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut listener = listen_to(&client, durable_group("g"), |delivery| {
        if delivery.payload == "good" { Verdict::Ack } else { Verdict::dead_letter("not JSON:\nat line 1") }
    })
    .await;
    let bad = client.publish("\u{1}bad").await;
    let good = client.publish("good").await;
    assert_eq!(listener.sequences(2).await, [bad, good]);
    let api = broker.outsider().await;
    until("both settled", || async { unanswered(&api, "g:ticket-created").await == 0 }).await;

    let source = Source::DeadLetters;
    let mut dead = listen_to(&client, Consumer { source, ..all_of_it() }, |_| Verdict::Ack).await;
    let delivery = dead.next().await;
    assert_eq!(delivery.subject, "dead-letter.g.ticket:created");
    let letter = DeadLetter::read(&delivery).unwrap();
    assert_eq!(letter.group, "g");
    assert_eq!(letter.subject, "ticket:created");
    assert_eq!(letter.sequence, bad);
    assert_eq!((letter.deliveries, letter.failures), (1, 0));
    assert_eq!(letter.payload, "\u{1}bad");
    assert_eq!(letter.reason, "not JSON: at line 1");
    let line = format!("#1 ticket:created #{bad} of g, delivery 1: not JSON: at line 1: \"\\x01bad\"");
    assert_eq!(letter.to_string(), line);
    dead.close().await;
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_dead_letter_counts_failures_apart_from_deliveries() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut listener = listen_to(&client, durable_group("g"), |delivery| match delivery.attempt {
        1..=3 => Verdict::Nak(Duration::from_millis(1)), // it waits for an earlier event
        _ => Verdict::DeadLetter {
            reason: "failed".to_owned(),
            // The history is limited, the count is not.
            failures: Failures { count: 30, history: vec![FailedAttempt::now("once"), FailedAttempt::now("again")] },
        },
    })
    .await;
    client.publish("bad").await;
    while listener.next().await.attempt < 4 {}
    until("a dead letter", || async { DeadLetter::find(&client.bus, 1).await.is_ok_and(|found| found.is_some()) })
        .await;
    let letter = DeadLetter::find(&client.bus, 1).await.unwrap().unwrap();
    assert_eq!((letter.deliveries, letter.failures, letter.history.len()), (4, 30, 2));
    listener.close().await;
    client.close().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_letter_of_an_older_program_has_as_many_failures_as_its_history() {
    let broker = Broker::start().await;
    let client = broker.connect("a").await;
    let mut headers = HeaderMap::new();
    let history =
        r#"[{"at":"2026-01-01T00:00:00.000Z","error":"one"},{"at":"2026-01-01T00:00:01.000Z","error":"two"}]"#;
    for (name, value) in [
        (EVENT_ID, "letter"),
        ("Dead-Letter-Group", "g"),
        ("Dead-Letter-Subject", "ticket:created"),
        ("Dead-Letter-Sequence", "7"),
        ("Dead-Letter-Attempts", "9"),
        ("Dead-Letter-Reason", "failed"),
        ("Dead-Letter-History", history),
    ] {
        headers.insert(name, value);
    }
    let subject = "dead-letter.g.ticket:created";
    broker.outsider().await.publish_with_headers(subject, headers, "bad".into()).await.unwrap().await.unwrap();
    let letter = DeadLetter::find(&client.bus, 1).await.unwrap().unwrap();
    assert_eq!((letter.deliveries, letter.failures), (9, 2));
    client.close().await;
    broker.stop().await;
}
