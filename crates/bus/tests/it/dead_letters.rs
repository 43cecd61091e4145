//! What can never be handled.

use bus::{Consumer, DeadLetter, Source, Verdict};
use testkit::{Broker, all_of_it, durable_group, listen_to, unanswered, until};

#[tokio::test]
async fn a_dead_letter_keeps_subject_bytes_and_reason_and_stops_nobody() {
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
    assert_eq!(letter.attempts, 1);
    assert_eq!(letter.payload, "\u{1}bad");
    assert_eq!(letter.reason, "not JSON: at line 1");
    let line = format!("#1 ticket:created #{bad} of g, attempt 1: not JSON: at line 1: \"\\x01bad\"");
    assert_eq!(letter.to_string(), line);
    dead.close().await;
    listener.close().await;
    client.close().await;
    broker.stop().await;
}
