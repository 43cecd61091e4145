//! `ticketing bus describe`: the described publishers and listeners are those of the running application.

use std::collections::BTreeSet;
use std::time::Instant;

use bus::{QUEUE_GROUP, READER};
use futures_util::{StreamExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use testkit::{Api, Broker, Database, LIMIT, until};

use crate::process::{Program, run, ticketing};

fn describe(options: &[&str]) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let output = run(&[&["bus", "describe"], options].concat(), temporary.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Orders a ticket as soon as that is possible, and returns the id of the order.
async fn reserve(api: Api, session: &str, order: &Value) -> Value {
    let end = Instant::now() + LIMIT;
    loop {
        let answer = api.send("POST", "/api/orders", session, order).await;
        if answer.status == 201 || Instant::now() > end {
            return answer.expect(201)["id"].clone();
        }
    }
}

#[tokio::test]
async fn the_listeners_on_the_broker_and_the_events_in_outboxes_and_stream_are_those_it_describes() {
    let (broker, database, data) = (Broker::start().await, Database::new(), tempfile::tempdir().unwrap());
    let mut command = ticketing();
    command.args(["--free-ports", "--listen", "127.0.0.1:0", "--order-window-seconds", "3", "--data-dir"]);
    command
        .arg(data.path())
        .args(["--nats-url", broker.url(), "--mongo-uri", database.uri()])
        .env("BANK__FAULTS", "true");
    let mut program = Program::of(command);
    program.wait_until_ready();
    let described: Value = serde_json::from_str(&describe(&["--json"])).unwrap();
    let described = described.as_array().unwrap();

    let outsider = broker.outsider().await;
    let stream = outsider.get_stream("ticketing").await.unwrap();
    let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
    let listening: BTreeSet<_> = consumers
        .into_iter()
        .filter(|consumer| !consumer.name.starts_with(READER)) // that of the live gateway
        .map(|consumer| (consumer.config.metadata[QUEUE_GROUP].clone(), consumer.config.filter_subject))
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listeners = described.iter().flat_map(|service| service["listens"].as_array().unwrap());
    let listeners = listeners.map(|listener| (text(&listener["queueGroup"]), text(&listener["subject"])));
    assert_eq!(listening, listeners.collect());

    // Sold, reserved, expired while it is being paid, refunded; reserved again, and paid.
    let api = Api { address: program.api() };
    let person = json!({ "email": "test@test.com", "password": "password" });
    let session = api.post("/api/users/signup", &person).await.cookie();
    let sold = api.send("POST", "/api/tickets", &session, &json!({ "title": "concert", "price": 20 })).await;
    let order = json!({ "ticketId": sold.expect(201)["id"] });
    let delay = json!({ "fault": "delay", "path": "/confirm", "milliseconds": 5_000 });
    Api { address: program.bank() }.post("/-/faults", &delay).await.expect(201);
    let pay = async |order: Value, status: u16| {
        let body = json!({ "token": "tok_visa", "orderId": order });
        until("paid", async || api.send("POST", "/api/payments", &session, &body).await.status == status).await;
    };
    pay(reserve(api, &session, &order).await, 400).await;
    pay(reserve(api, &session, &order).await, 201).await;
    let published: BTreeSet<_> = described.iter().flat_map(|service| texts(&service["publishes"])).collect();
    until("every event was published", || async {
        let mut subjects = stream.info_with_subjects("*").await.unwrap();
        let mut seen = BTreeSet::new();
        while let Some(subject) = subjects.next().await {
            seen.insert(subject.unwrap().0);
        }
        assert!(seen.is_subset(&published), "{seen:?}");
        seen == published
    })
    .await;
    let client = mongodb::Client::with_uri_str(database.uri()).await.unwrap();
    let base = client.default_database().unwrap().name().to_owned();
    for service in described {
        let outbox = client.database(&format!("{base}-{}", text(&service["service"]))).collection::<Document>("outbox");
        let recorded = outbox.distinct("subject", doc! {}).await.unwrap();
        let recorded: BTreeSet<_> = recorded.iter().map(|subject| subject.as_str().unwrap().to_owned()).collect();
        let has_database = service["service"] != "expiration";
        assert_eq!(recorded, if has_database { texts(&service["publishes"]) } else { BTreeSet::new() });
    }
    assert_eq!(program.interrupt(), Some(0));
    broker.stop().await;
}
