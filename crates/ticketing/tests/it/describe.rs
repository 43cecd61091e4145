//! `ticketing bus describe`: the described publishers and listeners are those of the running application.

use std::collections::BTreeSet;

use bus::QUEUE_GROUP;
use futures_util::{StreamExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use testkit::{Api, Broker, Database, until};

use crate::process::{Program, run};

fn describe(options: &[&str]) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let output = run(&[&["bus", "describe"], options].concat(), temporary.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_listeners_on_the_broker_and_the_events_in_outboxes_and_stream_are_those_it_describes() {
    let (broker, database, data) = (Broker::start().await, Database::new(), tempfile::tempdir().unwrap());
    let options = ["--nats-url", broker.url(), "--mongo-uri", database.uri(), "--order-window-seconds", "1"];
    let program = Program::start(data.path(), &options);
    let described: Value = serde_json::from_str(&describe(&["--json"])).unwrap();
    let described = described.as_array().unwrap();

    let outsider = broker.outsider().await;
    let stream = outsider.get_stream("ticketing").await.unwrap();
    let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
    let listening: BTreeSet<_> = consumers
        .into_iter()
        .map(|consumer| (consumer.config.metadata[QUEUE_GROUP].clone(), consumer.config.filter_subject))
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listeners = described.iter().flat_map(|service| service["listens"].as_array().unwrap());
    let listeners = listeners.map(|listener| (text(&listener["queueGroup"]), text(&listener["subject"])));
    assert_eq!(listening, listeners.collect());

    // Sold, reserved, and expired: every event but the payment.
    let api = Api { address: program.api() };
    let person = json!({ "email": "test@test.com", "password": "password" });
    let session = api.post("/api/users/signup", &person).await.cookie();
    let sold = api.send("POST", "/api/tickets", &session, &json!({ "title": "concert", "price": 20 })).await;
    let order = json!({ "ticketId": sold.expect(201)["id"] });
    until("reserved", || async { api.send("POST", "/api/orders", &session, &order).await.status == 201 }).await;
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
