//! `ticketing bus audit` and `replay`: what the stream has lost comes back, and what a copy has lost too.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

use bus::READER;
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use testkit::{Api, Broker, Database, until};

use crate::process::{Program, run};

/// The whole application on servers of the test's own.
struct Shop {
    broker: Broker,
    database: Database,
    program: Program,
    _data: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let (broker, database, data) = (Broker::start().await, Database::new(), tempfile::tempdir().unwrap());
        let options = ["--nats-url", broker.url(), "--mongo-uri", database.uri(), "--order-window-seconds", "1"];
        let program = Program::start(data.path(), &options);
        Self { broker, database, program, _data: data }
    }

    /// Sells so many tickets, offers each for another price, and reserves some; waits until all is over.
    async fn trade(&self, tickets: usize, orders: usize) {
        let api = Api { address: self.program.api() };
        let person = json!({ "email": "test@test.com", "password": "password" });
        let session = api.post("/api/users/signup", &person).await.cookie();
        let mut sold = Vec::new();
        for _ in 0..tickets / 10 {
            let sales = (0..10).map(async |_| {
                let sold =
                    api.send("POST", "/api/tickets", &session, &json!({ "title": "concert", "price": 20 })).await;
                let id = sold.expect(201)["id"].as_str().unwrap().to_owned();
                let path = format!("/api/tickets/{id}");
                api.send("PUT", &path, &session, &json!({ "title": "concert", "price": 30 })).await.expect(200);
                id
            });
            sold.extend(join_all(sales).await);
        }
        for ticket in sold.iter().take(orders) {
            let order = json!({ "ticketId": ticket });
            until("reserved", || async { api.send("POST", "/api/orders", &session, &order).await.status == 201 }).await;
        }
        until("all is over", || async { self.is_over().await }).await;
    }

    async fn collection(&self, service: &str, name: &str) -> mongodb::Collection<Document> {
        let client = mongodb::Client::with_uri_str(self.database.uri()).await.unwrap();
        let base = client.default_database().unwrap().name().to_owned();
        client.database(&format!("{base}-{service}")).collection(name)
    }

    async fn is_over(&self) -> bool {
        let open = doc! { "status": "created" };
        let pending = || doc! { "pending": { "$exists": true } };
        self.collection("orders", "orders").await.count_documents(open).await.unwrap() == 0
            && self.collection("orders", "outbox").await.count_documents(pending()).await.unwrap() == 0
            && self.collection("tickets", "outbox").await.count_documents(pending()).await.unwrap() == 0
            && self.nothing_to_do().await
    }

    /// No listener has anything to do.
    async fn nothing_to_do(&self) -> bool {
        let stream = self.broker.outsider().await.get_stream("ticketing").await.unwrap();
        let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
        consumers.iter().all(|consumer| consumer.num_pending == 0 && consumer.num_ack_pending == 0)
    }

    /// All documents, by id.
    async fn documents(&self, service: &str, collection: &str) -> BTreeMap<String, Document> {
        let all: Vec<_> =
            self.collection(service, collection).await.find(doc! {}).await.unwrap().try_collect().await.unwrap();
        all.into_iter().map(|document| (document.get("_id").unwrap().to_string(), document)).collect()
    }

    /// One more ticket is sold, and copied.
    async fn another_is_received(&self) {
        let api = Api { address: self.program.api() };
        let copies = self.collection("orders", "tickets").await;
        let all = copies.count_documents(doc! {}).await.unwrap() + 1;
        let person = json!({ "email": "another@test.com", "password": "password" });
        let session = api.post("/api/users/signup", &person).await.cookie();
        api.send("POST", "/api/tickets", &session, &json!({ "title": "concert", "price": 20 })).await.expect(201);
        until("it is copied", || async { copies.count_documents(doc! {}).await.unwrap() == all }).await;
        until("all events are handled", || async { self.is_over().await }).await;
    }

    fn bus(&self, arguments: &[&str]) -> Output {
        let temporary = tempfile::tempdir().unwrap();
        let servers = ["--nats-url", self.broker.url(), "--mongo-uri", self.database.uri()];
        run(&[&["bus"], arguments, &servers].concat(), temporary.path())
    }

    fn audit(&self, more: &[&str]) -> (Option<i32>, Value) {
        let output = self.bus(&[&["audit", "--json"], more].concat());
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
    }

    async fn close(self) {
        assert_eq!(self.program.interrupt(), Some(0));
        self.broker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_deleted_messages_are_found_and_restored_and_no_effect_of_them_happens_again() {
    let shop = Shop::open().await;
    shop.trade(300, 30).await;
    let (code, agrees) = shop.audit(&[]);
    assert_eq!((code, &agrees["findings"]), (Some(0), &json!([])));
    let state = async || {
        let [tickets, orders] = [shop.documents("tickets", "tickets").await, shop.documents("orders", "orders").await];
        (tickets, orders, shop.documents("orders", "tickets").await, shop.documents("tickets", "outbox").await.len())
    };
    let before = state().await;

    let stream = shop.broker.outsider().await.get_stream("ticketing").await.unwrap();
    let committed = [shop.documents("tickets", "outbox").await, shop.documents("orders", "outbox").await];
    let mut stored = Vec::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        let Ok(message) = stream.get_raw_message(sequence).await else { continue };
        let id = message.headers.get("Event-Id").unwrap().to_string();
        if committed.iter().flatten().any(|(_, row)| row.get_object_id("_id").unwrap().to_hex() == id) {
            stored.push((sequence, id));
        }
    }
    stored.shuffle(&mut rand::rng());
    let deleted: BTreeSet<_> = stored[..500].iter().map(|(_, id)| id.clone()).collect();
    for (sequence, _) in &stored[..500] {
        stream.delete_message(*sequence).await.unwrap();
    }
    let (code, differs) = shop.audit(&[]);
    assert_eq!(code, Some(6));
    let missing = differs["findings"].as_array().unwrap().iter().map(|finding| {
        assert_eq!(finding["kind"], "missing", "{finding}");
        finding["eventId"].as_str().unwrap().to_owned()
    });
    assert_eq!(missing.collect::<BTreeSet<_>>(), deleted);

    let (code, repaired) = shop.audit(&["--repair"]);
    assert_eq!((code, &repaired["left"], &repaired["repaired"]), (Some(0), &json!([]), &json!(500)));
    assert_eq!(repaired["findings"], differs["findings"]);
    until("all events are handled", || async { shop.nothing_to_do().await }).await;
    assert!(state().await == before, "an effect has happened again");
    let dead = shop.broker.outsider().await.get_stream("ticketing-dead-letters").await.unwrap();
    assert_eq!(dead.cached_info().state.messages, 0);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_deleted_comes_back_and_the_repair_restores_what_stood_in_it() {
    let shop = Shop::open().await;
    shop.trade(20, 5).await;
    let outsider = shop.broker.outsider().await;
    let before = shop.documents("orders", "tickets").await;
    outsider.delete_stream("ticketing").await.unwrap();
    until("the stream is back", || async { outsider.get_stream("ticketing").await.is_ok() }).await;
    let (code, differs) = shop.audit(&[]);
    let committed = differs["committed"].as_u64().unwrap();
    assert_eq!((code, differs["findings"].as_array().unwrap().len() as u64), (Some(6), committed));
    assert_eq!(shop.audit(&["--repair"]).0, Some(0));
    shop.another_is_received().await;
    let after = shop.documents("orders", "tickets").await;
    assert!(before.iter().all(|(id, copy)| after.get(id) == Some(copy)) && after.len() == before.len() + 1);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_another_application_are_not_repaired_into_the_stream() {
    let shop = Shop::open().await;
    shop.trade(10, 0).await;
    let others = Database::new();
    let client = mongodb::Client::with_uri_str(others.uri()).await.unwrap();
    let base = client.default_database().unwrap().name().to_owned();
    let rows = shop.documents("tickets", "outbox").await.into_values().map(|mut row| {
        row.insert("_id", ObjectId::new());
        row
    });
    client.database(&format!("{base}-tickets")).collection("outbox").insert_many(rows).await.unwrap();
    let stream = async || shop.broker.outsider().await.get_stream("ticketing").await.unwrap();
    let before = stream().await.cached_info().state.messages;
    let output = run(
        &["bus", "audit", "--repair", "--nats-url", shop.broker.url(), "--mongo-uri", others.uri()],
        tempfile::tempdir().unwrap().path(),
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(6) && said.contains("are of different applications"), "{said}");
    assert_eq!(stream().await.cached_info().state.messages, before);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_consumers_are_made_again() {
    let shop = Shop::open().await;
    shop.trade(10, 2).await;
    let stream = shop.broker.outsider().await.get_stream("ticketing").await.unwrap();
    let consumers: Vec<_> = stream.consumer_names().try_collect().await.unwrap();
    for consumer in &consumers {
        stream.delete_consumer(consumer).await.unwrap();
    }
    shop.another_is_received().await;
    let again: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
    // A reader has another name each time.
    let durable =
        |names: Vec<String>| names.into_iter().filter(|name| !name.starts_with(READER)).collect::<BTreeSet<_>>();
    assert_eq!(durable(consumers), durable(again));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_are_lost_or_wrong_are_rebuilt_from_the_stream() {
    let shop = Shop::open().await;
    shop.trade(30, 5).await;
    let copies = shop.collection("orders", "tickets").await;
    let before = shop.documents("orders", "tickets").await;
    let ids: Vec<_> = before.values().map(|copy| copy.get_str("_id").unwrap().to_owned()).collect();
    for id in &ids[..10] {
        copies.delete_one(doc! { "_id": id }).await.unwrap();
    }
    for id in &ids[10..20] {
        copies.update_one(doc! { "_id": id }, doc! { "$set": { "title": "nonsense" } }).await.unwrap();
    }
    let output = shop.bus(&["replay", "orders-service"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.ends_with(" of 30 tickets: 20 copies rebuilt\n"), "{said}");
    assert!(shop.documents("orders", "tickets").await == before);
    let again = String::from_utf8(shop.bus(&["replay", "orders-service"]).stdout).unwrap();
    assert!(again.ends_with(" of 30 tickets: 0 copies rebuilt\n"), "{again}");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_takes_the_first_of_two_with_one_id_and_names_the_copies_that_it_can_not_account_for() {
    let shop = Shop::open().await;
    shop.trade(10, 0).await;
    let copies = shop.collection("orders", "tickets").await;
    let before = shop.documents("orders", "tickets").await;
    let outsider = shop.broker.outsider().await;
    let stream = outsider.get_stream("ticketing").await.unwrap();
    let first = stream.get_first_raw_message_by_subject("ticket:created", 1).await.unwrap();
    let mut false_one: Value = serde_json::from_slice(&first.payload).unwrap();
    false_one["title"] = "false".into();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Event-Id", first.headers.get("Event-Id").unwrap().clone());
    let published = outsider.publish_with_headers("ticket:created", headers, false_one.to_string().into());
    published.await.unwrap().await.unwrap();
    assert!(shop.bus(&["replay", "orders-service"]).status.success());
    assert!(shop.documents("orders", "tickets").await == before, "a copy was made from the false event");

    let (ahead, ghost) = (before.values().next().unwrap().get_str("_id").unwrap(), ObjectId::new().to_hex());
    copies.update_one(doc! { "_id": ahead }, doc! { "$set": { "version": 99_i64 } }).await.unwrap();
    copies.insert_one(doc! { "_id": &ghost, "title": "concert", "price": 2000_i64, "version": 0_i64 }).await.unwrap();
    let output = shop.bus(&["replay", "orders-service", "--json"]);
    let replayed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = replayed["findings"].as_array().unwrap().iter().map(|found| {
        assert_eq!(found["kind"], "beyond", "{found}");
        found["id"].as_str().unwrap()
    });
    assert_eq!((output.status.code(), found.collect::<BTreeSet<_>>()), (Some(6), [ahead, &ghost].into()));
    assert_eq!((&replayed["rebuilt"], &replayed["incomplete"]), (&json!(0), &json!(0)));
    shop.close().await;
}
