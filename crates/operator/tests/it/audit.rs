//! `bus audit` and `bus drop`.

use events::{Event, Subject, TicketCreated};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use serde_json::{Value, json};
use testkit::{Broker, Client, Database};

use crate::program::{Ended, TYPED, command, run};
use crate::shop::ticket;

/// The outbox of the tickets service with some published events, and their stream.
struct Tickets {
    broker: Broker,
    client: Client,
    database: Database,
    uri: String,
}

impl Tickets {
    async fn open() -> Self {
        let (database, broker) = (Database::new(), Broker::start().await);
        let client = broker.connect("a").await;
        let (server, options) = database.uri().split_once("/test-").unwrap();
        let (number, options) = options.split_once('?').unwrap();
        let uri = format!("{server}/shop{number}-tickets?{options}");
        Self { broker, client, database, uri }
    }

    /// Publishes an event, and records it as its relay does.
    async fn sell(&self, title: &str) -> u64 {
        let (id, event) = (ObjectId::new(), ticket(title));
        let payload = serde_json::to_string(&event).unwrap();
        let sequence = self.publish(&id.to_hex(), &payload).await;
        let row = doc! {
            "_id": id, "subject": TicketCreated::SUBJECT.as_str(), "payload": payload,
            "aggregate": event.aggregate().to_string(), "version": 0_i64, "recordedAt": DateTime::now(),
            "publishedAt": DateTime::now(), "sequence": i64::try_from(sequence).unwrap(),
        };
        let client = mongodb::Client::with_uri_str(&self.uri).await.unwrap();
        client.default_database().unwrap().collection("outbox").insert_one(row).await.unwrap();
        sequence
    }

    async fn publish(&self, id: &str, payload: &str) -> u64 {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Event-Id", id);
        let api = self.broker.outsider().await;
        let sent = api.publish_with_headers("ticket:created", headers, payload.to_owned().into()).await.unwrap();
        sent.await.unwrap().sequence
    }

    async fn run(&self, options: &[&str]) -> Ended {
        let command = command(&self.broker, &[options, &["--mongo-uri", &self.uri]].concat());
        tokio::task::spawn_blocking(move || run(command)).await.unwrap()
    }

    async fn close(self) {
        self.client.close().await;
        self.broker.stop().await;
        drop(self.database);
    }
}

#[tokio::test]
async fn an_unknown_event_is_named_with_the_command_that_deletes_it_and_no_other_event_can_be_deleted() {
    let tickets = Tickets::open().await;
    let sold = tickets.sell("concert").await;
    let (unknown, another) = (tickets.client.publish("123").await, tickets.publish("no id of ours", "{}").await);
    let order = tickets.client.publish_to(Subject::OrderCreated, "{}").await;
    let audit = tickets.run(&["audit"]).await;
    assert!(
        audit.stdout.contains(&format!("#{unknown}\n")) && audit.stdout.contains(&format!("#{another}\n")),
        "{audit:?}"
    );
    assert!(audit.stdout.contains("1 event committed, 3 in the stream: 2 unknown"), "{audit:?}");
    let hint = audit.failed(6);
    assert!(hint.contains(&format!("`{TYPED} bus drop SEQUENCE`")) && !hint.contains("nats stream"), "{hint}");

    for (sequence, reason) in [
        (sold, "is recorded in the outbox of shop"),
        (order, "the outboxes here do not show whether a service has recorded event"),
        (99, "there is no event #99"),
    ] {
        // With one that could be deleted, which stays too.
        let stderr = tickets.run(&["drop", &unknown.to_string(), &sequence.to_string(), "--yes"]).await.failed(1);
        assert!(stderr.contains(reason) && stderr.lines().count() == 1, "{stderr}");
    }
    let stderr = tickets.run(&["drop", &unknown.to_string()]).await.failed(2);
    assert!(stderr.contains("pass --yes"), "{stderr}");
    let dropped = tickets.run(&["drop", &unknown.to_string(), &another.to_string(), "--yes"]).await.succeeded();
    assert_eq!(dropped, "2 events deleted\n");
    let left = tickets.run(&["audit"]).await.succeeded();
    assert!(left.ends_with("1 event committed, 1 in the stream: no discrepancies\n"), "{left}");
    tickets.close().await;
}

#[tokio::test]
async fn the_json_of_an_audit_with_a_repair_is_one_object_with_what_was_found_and_what_is_left() {
    let tickets = Tickets::open().await;
    let sold = [tickets.sell("one").await, tickets.sell("two").await, tickets.sell("three").await];
    let agrees: Value = serde_json::from_str(&tickets.run(&["audit", "--json"]).await.succeeded()).unwrap();
    assert_eq!((&agrees["findings"], &agrees["counts"], &agrees["agreed"]), (&json!([]), &json!({}), &json!(3)));
    let stream = tickets.broker.outsider().await.get_stream("ticketing").await.unwrap();
    for sequence in &sold[..2] {
        stream.delete_message(*sequence).await.unwrap();
    }
    let unknown = tickets.client.publish("123").await;
    let audit = tickets.run(&["audit", "--repair", "--json"]).await;
    let found: Value = serde_json::from_str(&audit.stdout).unwrap();
    assert_eq!((audit.code, found["findings"].as_array().unwrap().len()), (Some(6), 3));
    assert_eq!((&found["counts"], &found["repaired"]), (&json!({ "missing": 2, "unknown": 1 }), &json!(2)));
    let left = found["left"].as_array().unwrap();
    assert_eq!((left.len(), &left[0]["sequences"]), (1, &json!([unknown])));
    tickets.close().await;
}
