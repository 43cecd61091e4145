//! Tickets that an older version wrote.

use std::collections::BTreeMap;

use common::events::{TicketCreated, TicketUpdated};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document};
use serde_json::{Value, json};
use testkit::{Broker, Client, Database, SOMEBODY, dump, session_for, settled, stored, until};

use crate::app::{App, PATH};

const CREATED: &str = "tickets-service:order-created";
const CANCELLED: &str = "tickets-service:order-cancelled";

/// Today's service with what a commit wrote.
struct Restored {
    app: App,
    broker: Broker,
    orders: Client,
    tickets: Vec<Document>,
    commit: &'static str,
    _database: Database,
}

impl Restored {
    async fn of(commit: &'static str) -> Self {
        let (database, broker) = (Database::new(), Broker::start().await);
        let folder = dump::dump_of("tickets", commit);
        dump::restore_collections(database.uri(), &folder).await;
        dump::restore_streams(&broker, &dump::dump_of(dump::BUS, commit)).await;
        let app = App::on(database.uri(), broker.url(), "tickets-1").await;
        let orders = broker.connect("orders").await;
        let tickets = dump::documents(&folder.join("tickets.bson"));
        assert!(tickets.len() > 10, "{commit}");
        Self { app, broker, orders, tickets, commit, _database: database }
    }

    /// The rows of the dump's outbox.
    fn outbox(&self) -> Vec<Document> {
        dump::documents(&dump::dump_of("tickets", self.commit).join("outbox.bson"))
    }

    /// The ids of this service's events in the stream.
    async fn announced(&self) -> Vec<String> {
        let created = stored::<TicketCreated>(&self.broker).await.into_iter().map(|event| event.event_id);
        let updated = stored::<TicketUpdated>(&self.broker).await.into_iter().map(|event| event.event_id);
        created.chain(updated).collect()
    }

    /// Waits until the service has handled and published everything.
    async fn settled(&self) {
        let rows: Vec<_> = self.outbox().iter().map(|row| row.get_object_id("_id").unwrap().to_hex()).collect();
        let all = async || {
            let announced = self.announced().await;
            rows.iter().all(|row| announced.contains(row))
        };
        until("every row is published", all).await;
        settled(&self.broker, CREATED).await;
        settled(&self.broker, CANCELLED).await;
    }

    /// All tickets as they are shown.
    async fn shown(&self) -> BTreeMap<&str, Value> {
        let mut shown = BTreeMap::new();
        for ticket in &self.tickets {
            shown.insert(id(ticket), self.app.show(id(ticket)).await.expect(200));
        }
        shown
    }

    /// The dump's tickets that no order has reserved, without those of which a cancellation arrived before its order.
    fn free(&self) -> impl Iterator<Item = &Document> {
        self.tickets.iter().filter(|ticket| !ticket.contains_key("orderId") && !ticket.contains_key("cancelledEarly"))
    }

    /// Publishes that an order was created.
    async fn create(&self, order: &str, ticket: &str) {
        let event = json!({
            "id": order, "version": 0, "status": "created", "userId": SOMEBODY,
            "expiresAt": "2100-01-01T00:00:00.000Z", "ticket": { "id": ticket, "price": 20 }
        });
        self.orders.publish_to("order:created".parse().unwrap(), event.to_string()).await;
    }

    /// Publishes that an order was cancelled.
    async fn cancel(&self, order: &str, ticket: &str) {
        let event = json!({ "id": order, "version": 1, "ticket": { "id": ticket } });
        self.orders.publish_to("order:cancelled".parse().unwrap(), event.to_string()).await;
    }

    async fn stop(self) {
        self.orders.close().await;
        self.app.stop().await;
        self.broker.stop().await;
    }
}

fn id(ticket: &Document) -> &str {
    ticket.get_str("_id").unwrap()
}

/// An int or a double, as it was stored.
fn price(ticket: &Document) -> f64 {
    match ticket.get("price").unwrap() {
        Bson::Int32(price) => (*price).into(),
        Bson::Int64(price) => *price as f64,
        Bson::Double(price) => *price,
        other => panic!("{other} is not a price"),
    }
}

fn version(ticket: &Document) -> i64 {
    let version = ticket.get("version").unwrap();
    version.as_i64().or_else(|| version.as_i32().map(i64::from)).unwrap()
}

fn order(ticket: &Document) -> Option<&str> {
    ticket.get_str("orderId").ok()
}

#[tokio::test]
async fn every_ticket_is_shown_and_listed_as_it_was() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        for ticket in &restored.tickets {
            let shown = restored.app.show(id(ticket)).await.expect(200);
            assert_eq!(shown["title"], ticket.get_str("title").unwrap());
            assert_eq!(shown["price"].as_f64(), Some(price(ticket)), "{shown}");
            assert_eq!(shown["userId"], ticket.get_str("userId").unwrap());
            // The service may have handled events that it had not handled before the dump.
            assert!(shown["version"].as_i64().unwrap() >= version(ticket), "{shown}");
        }
        restored.settled().await;
        let listed = restored.app.get(PATH, "").await.expect(200);
        let listed: Vec<_> = listed.as_array().unwrap().iter().map(|ticket| ticket["id"].as_str().unwrap()).collect();
        let shown = restored.shown().await;
        let free: Vec<_> = shown.values().filter(|ticket| ticket["orderId"].is_null()).collect();
        assert_eq!(listed, free.iter().map(|ticket| ticket["id"].as_str().unwrap()).collect::<Vec<_>>());
        restored.stop().await;
    }
}

#[tokio::test]
async fn its_seller_changes_it_to_the_next_version_unless_it_is_reserved() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        restored.settled().await;
        for (id, shown) in restored.shown().await {
            let seller = session_for(shown["userId"].as_str().unwrap());
            let answer = restored.app.change(&seller, id, "changed – 改", json!(45.67)).await;
            if shown["orderId"].is_null() {
                let changed = answer.expect(200);
                assert_eq!(changed["version"].as_i64(), Some(shown["version"].as_i64().unwrap() + 1));
                assert_eq!((&changed["title"], &changed["price"]), (&json!("changed – 改"), &json!(45.67)));
                assert_eq!(restored.app.show(id).await.expect(200), changed);
                until("published", async || {
                    let events = stored::<TicketUpdated>(&restored.broker).await;
                    events
                        .iter()
                        .any(|stored| stored.event.id.to_string() == id && stored.event.title == "changed – 改")
                })
                .await;
            } else {
                assert_eq!(answer.status, 400, "{answer:?}");
            }
        }
        restored.stop().await;
    }
}

#[tokio::test]
async fn orders_reserve_and_release_it() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        restored.settled().await;
        for ticket in restored.free() {
            let (id, new) = (id(ticket), ObjectId::new().to_hex());
            restored.create(&new, id).await;
            let held_by = async || restored.app.show(id).await.json()["orderId"].as_str().map(str::to_owned);
            until("reserved", async || held_by().await == Some(new.clone())).await;
            restored.cancel(&new, id).await;
            until("free", async || held_by().await.is_none()).await;
        }
        for ticket in restored.tickets.iter().filter(|ticket| order(ticket).is_some()) {
            restored.cancel(order(ticket).unwrap(), id(ticket)).await;
            until("free", async || restored.app.show(id(ticket)).await.json()["orderId"].is_null()).await;
        }
        restored.stop().await;
    }
}

#[tokio::test]
async fn an_order_that_was_cancelled_before_its_creation_arrived_does_not_reserve_it() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        restored.settled().await;
        let ticket = restored.tickets.iter().find(|ticket| ticket.contains_key("cancelledEarly")).unwrap();
        let early = ticket.get_array("cancelledEarly").unwrap()[0].as_str().unwrap();
        let before = restored.app.show(id(ticket)).await.expect(200);
        restored.create(early, id(ticket)).await;
        restored.settled().await;
        assert_eq!(restored.app.show(id(ticket)).await.expect(200), before);

        let other = ObjectId::new().to_hex();
        restored.create(&other, id(ticket)).await;
        until("reserved by another", async || restored.app.show(id(ticket)).await.json()["orderId"] == other).await;
        restored.stop().await;
    }
}

#[tokio::test]
async fn unpublished_events_are_published_once_and_in_order() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        let rows = restored.outbox();
        assert!(rows.iter().any(|row| row.contains_key("pending")), "{commit} has published everything");
        restored.settled().await;
        let announced = restored.announced().await;
        for row in &rows {
            let id = row.get_object_id("_id").unwrap().to_hex();
            assert_eq!(announced.iter().filter(|event| **event == id).count(), 1, "{row}");
        }
        let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for stored in stored::<TicketUpdated>(&restored.broker).await {
            versions.entry(stored.event.id.to_string()).or_default().push(stored.event.version);
        }
        for (id, versions) in versions {
            assert!(versions.is_sorted(), "{id}: {versions:?}");
        }
        restored.stop().await;
    }
}

#[tokio::test]
async fn handled_events_have_no_effect_when_they_are_redelivered() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        restored.settled().await;
        let (shown, announced) = (restored.shown().await, restored.announced().await);
        let folder = dump::dump_of(dump::BUS, commit);
        for subject in ["order:created", "order:cancelled"] {
            let again = dump::publish_again(&restored.broker, &folder, "tickets-service", subject).await;
            assert!(again > 3, "{again} {subject}");
        }
        restored.settled().await;
        assert_eq!(restored.shown().await, shown);
        assert_eq!(restored.announced().await, announced);
        restored.stop().await;
    }
}
