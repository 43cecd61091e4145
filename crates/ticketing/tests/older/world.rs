//! The servers that the programs share, and what people and other services do with them.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use async_nats::HeaderMap;
use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use testkit::{Api, Broker, Database, dump, until};

/// A broker, and a database for each service that has one.
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) folder: tempfile::TempDir,
    databases: BTreeMap<&'static str, Database>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let databases = ["auth", "tickets", "orders"].map(|name| (name, Database::new())).into();
        Self { broker: Broker::start().await, folder: tempfile::tempdir().unwrap(), databases }
    }

    /// One with the data of a commit.
    pub(crate) async fn restored(commit: &str) -> Self {
        let world = Self::new().await;
        for (name, database) in &world.databases {
            dump::restore_collections(database.uri(), &dump::dump_of(name, commit)).await;
        }
        dump::restore_streams(&world.broker, &dump::dump_of(dump::BUS, commit)).await;
        world
    }

    pub(crate) fn database_of(&self, service: &str) -> Option<&Database> {
        self.databases.get(service)
    }

    /// All documents of a collection.
    pub(crate) async fn documents(&self, service: &str, collection: &str) -> Vec<Document> {
        let found = self.databases[service].collection(collection).await.find(doc! {}).await.unwrap();
        found.try_collect().await.unwrap()
    }

    /// Publishes an event as a service would that is not here; returns its id.
    pub(crate) async fn publish(&self, subject: &str, event: &Value) -> String {
        let (api, id) = (self.broker.outsider().await, id());
        let mut headers = HeaderMap::new();
        headers.insert("Event-Id", id.as_str());
        headers.insert("Nats-Msg-Id", id.as_str());
        let published = api.publish_with_headers(subject.to_owned(), headers, event.to_string().into());
        published.await.unwrap().await.unwrap();
        id
    }

    /// Publishes that an order was paid.
    pub(crate) async fn pay(&self, order: &str) {
        self.publish("payment:created", &json!({ "id": id(), "orderId": order, "stripeId": "pi_1" })).await;
    }

    /// How often the stream has each event, by the event's id.
    pub(crate) async fn times_published(&self) -> BTreeMap<String, usize> {
        let folder = tempfile::tempdir().unwrap();
        dump::dump_messages(&self.broker, dump::EVENTS, folder.path()).await;
        let mut times = BTreeMap::new();
        for message in dump::messages(folder.path(), dump::EVENTS) {
            let id = message.header("Event-Id").unwrap_or_default().to_owned();
            *times.entry(id).or_default() += 1;
        }
        times
    }

    /// How many dead letters there are.
    pub(crate) async fn dead_letters(&self) -> u64 {
        let stream = self.broker.outsider().await.get_stream(dump::DEAD_LETTERS).await.unwrap();
        stream.cached_info().state.messages
    }

    /// Waits until every row of the outboxes is in the stream and every listener is through, but for `waiting` events.
    pub(crate) async fn settled(&self, waiting: usize) {
        let stream = self.broker.outsider().await.get_stream(dump::EVENTS).await.unwrap();
        until("everything is published and handled", || async {
            let times = self.times_published().await;
            for service in ["tickets", "orders"] {
                let rows = self.documents(service, "outbox").await;
                if rows.iter().any(|row| !times.contains_key(&row.get_object_id("_id").unwrap().to_hex())) {
                    return false;
                }
            }
            let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
            let unanswered: usize = consumers.iter().map(|consumer| consumer.num_ack_pending).sum();
            consumers.iter().all(|consumer| consumer.num_pending == 0) && unanswered <= waiting
        })
        .await;
    }

    /// Waits until every row of the outboxes is in the stream; none is there twice. Today's services record more rows
    /// meanwhile: they cancel the orders of the dump, which are overdue.
    pub(crate) async fn has_published_every_row_once(&self) {
        until("every row is published", || async {
            let mut rows = Vec::new();
            for service in ["tickets", "orders"] {
                rows.extend(self.documents(service, "outbox").await);
            }
            let times = self.times_published().await;
            rows.iter().all(|row| {
                let count = times.get(&row.get_object_id("_id").unwrap().to_hex()).copied().unwrap_or_default();
                assert!(count <= 1, "{row} is published {count} times");
                count == 1
            })
        })
        .await;
    }
}

/// An id that nobody has.
pub(crate) fn id() -> String {
    ObjectId::new().to_hex()
}

/// The id of what an answer shows.
pub(crate) fn id_of(shown: &Value) -> String {
    shown["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn sign_up(auth: Api, email: &str, password: &str) -> String {
    let answer = auth.post("/api/users/signup", &json!({ "email": email, "password": password })).await;
    answer.expect(201);
    answer.cookie()
}

pub(crate) async fn sell(tickets: Api, seller: &str, title: &str, price: Value) -> String {
    let body = json!({ "title": title, "price": price });
    id_of(&tickets.send("POST", "/api/tickets", seller, &body).await.expect(201))
}

pub(crate) async fn change(tickets: Api, seller: &str, ticket: &str, title: &str, price: Value) -> Value {
    let body = json!({ "title": title, "price": price });
    tickets.send("PUT", &format!("/api/tickets/{ticket}"), seller, &body).await.expect(200)
}

pub(crate) async fn ticket(tickets: Api, ticket: &str) -> Value {
    tickets.get(&format!("/api/tickets/{ticket}"), "").await.expect(200)
}

/// Reserves a ticket as soon as the orders service knows of it, and that it is free.
pub(crate) async fn reserve(orders: Api, buyer: &str, ticket: &str) -> String {
    let order = OnceCell::new();
    until("a reservation", async || {
        let answer = orders.send("POST", "/api/orders", buyer, &json!({ "ticketId": ticket })).await;
        answer.status == 201 && order.set(id_of(&answer.json())).is_ok()
    })
    .await;
    order.into_inner().unwrap()
}

pub(crate) async fn cancel(orders: Api, buyer: &str, order: &str) {
    let answer = orders.send("DELETE", &format!("/api/orders/{order}"), buyer, &json!(null)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

pub(crate) async fn order(orders: Api, buyer: &str, order: &str) -> Value {
    orders.get(&format!("/api/orders/{order}"), buyer).await.expect(200)
}

/// Waits until an order has this status.
pub(crate) async fn is(orders: Api, buyer: &str, id: &str, status: &str) {
    until(status, || async { order(orders, buyer, id).await["status"] == status }).await;
}

/// Waits until a ticket is held by this order, or by none.
pub(crate) async fn is_held_by(tickets: Api, id: &str, order: Option<&str>) {
    until("the ticket is reserved, or free", || async { ticket(tickets, id).await["orderId"].as_str() == order }).await;
}
