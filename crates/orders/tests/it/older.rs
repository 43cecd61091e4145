//! Orders that an older version wrote, and its copies of the tickets.

use std::collections::BTreeMap;

use common::events::OrderCancelled;
use mongodb::bson::{DateTime, Document, doc};
use serde_json::{Value, json};
use testkit::{Broker, Client, Database, SOMEBODY, dump, message, session_for, stored, until};

use crate::app::{App, PATH, signin};

/// Today's service with what a commit wrote.
struct Restored {
    app: App,
    broker: Broker,
    neighbours: Client,
    orders: Vec<Document>,
    copies: BTreeMap<String, Document>,
    database: Database,
}

impl Restored {
    async fn of(commit: &str) -> Self {
        let (database, broker) = (Database::new(), Broker::start().await);
        let folder = dump::dump_of("orders", commit);
        dump::restore_collections(database.uri(), &folder).await;
        dump::restore_streams(&broker, &dump::dump_of(dump::BUS, commit)).await;
        let app = App::on(database.uri(), broker.url(), "orders-1", "900").await;
        let neighbours = broker.connect("neighbours").await;
        let copies = dump::documents(&folder.join("tickets.bson"));
        let copies = copies.into_iter().map(|copy| (text(&copy, "_id").to_owned(), copy)).collect();
        let orders = dump::documents(&folder.join("orders.bson"));
        assert!(orders.len() > 7, "{commit}");
        Self { app, broker, neighbours, orders, copies, database }
    }

    /// The dump's orders of a status whose window is not over.
    fn of_status<'a>(&'a self, status: &'a str) -> impl Iterator<Item = &'a Document> {
        let is_over = |order: &Document| *order.get_datetime("expiresAt").unwrap() < DateTime::now();
        self.orders
            .iter()
            .filter(move |order| text(order, "status") == status && (status != "created" || !is_over(order)))
    }

    async fn show(&self, order: &Document) -> Value {
        self.app.show(&buyer(order), text(order, "_id")).await.expect(200)
    }

    /// Whether an order of the dump has reserved this ticket.
    fn is_held(&self, ticket: &str) -> bool {
        self.orders.iter().any(|order| text(order, "ticketId") == ticket && text(order, "status") != "cancelled")
    }

    async fn publish(&self, subject: &str, event: &Value) {
        self.neighbours.publish_to(subject.parse().unwrap(), event.to_string()).await;
    }

    async fn stop(self) {
        self.neighbours.close().await;
        self.app.stop().await;
        self.broker.stop().await;
    }
}

fn text<'a>(document: &'a Document, field: &str) -> &'a str {
    document.get_str(field).unwrap()
}

fn buyer(order: &Document) -> String {
    session_for(text(order, "userId"))
}

fn number(document: &Document, field: &str) -> f64 {
    serde_json::to_value(document.get(field)).unwrap().as_f64().unwrap()
}

#[tokio::test]
async fn every_order_is_shown_and_listed_to_its_buyer_as_it_was() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        for status in ["created", "cancelled", "complete"] {
            assert!(restored.of_status(status).count() > 0, "{commit} has none that is {status}");
            for order in restored.of_status(status) {
                let shown = restored.show(order).await;
                assert_eq!(shown["status"], status);
                assert_eq!(shown["userId"], text(order, "userId"));
                assert_eq!(shown["version"].as_f64(), Some(number(order, "version")));
                let expires_at = order.get_datetime("expiresAt").unwrap().timestamp_millis();
                let shown_at = DateTime::parse_rfc3339_str(shown["expiresAt"].as_str().unwrap()).unwrap();
                assert_eq!(shown_at.timestamp_millis(), expires_at);
                let copy = &restored.copies[text(order, "ticketId")];
                assert_eq!(shown["ticket"]["id"], text(copy, "_id"));
                assert_eq!(shown["ticket"]["title"], text(copy, "title"));
                assert_eq!(shown["ticket"]["price"].as_f64(), Some(number(copy, "price")), "{shown}");

                let listed = restored.app.get(PATH, &buyer(order)).await.expect(200);
                let is_it = |listed: &&Value| listed["id"] == shown["id"];
                assert_eq!(listed.as_array().unwrap().iter().find(is_it), Some(&shown));
                let stranger = restored.app.show(&signin(), text(order, "_id")).await;
                assert_eq!(stranger.status, 401, "{stranger:?}");
            }
        }
        restored.stop().await;
    }
}

#[tokio::test]
async fn tickets_of_its_copies_are_reserved_when_they_are_free_and_refused_when_they_are_not() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        for (id, copy) in &restored.copies {
            let answer = restored.app.send("POST", PATH, &signin(), &json!({ "ticketId": id })).await;
            if restored.is_held(id) {
                // The ticket of an order whose window is over may be free by now.
                if answer.status != 201 {
                    answer.is_error(400, &message("Ticket is already reserved"));
                }
            } else {
                let shown = answer.expect(201);
                assert_eq!(shown["ticket"]["title"], text(copy, "title"));
                assert_eq!(shown["ticket"]["price"].as_f64(), Some(number(copy, "price")), "{shown}");
            }
        }
        restored.stop().await;
    }
}

#[tokio::test]
async fn open_orders_are_cancelled_or_paid_and_paid_ones_stay_paid() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        for (place, order) in restored.of_status("created").enumerate() {
            let (buyer, id) = (buyer(order), text(order, "_id"));
            if place % 2 == 0 {
                assert_eq!(restored.app.cancel(&buyer, id).await.status, 204);
                let shown = restored.show(order).await;
                assert_eq!(shown["status"], "cancelled");
                assert_eq!(shown["version"].as_f64(), Some(number(order, "version") + 1.0));
                until("published", async || {
                    let events = stored::<OrderCancelled>(&restored.broker).await;
                    events.iter().any(|stored| stored.event.id.to_string() == id)
                })
                .await;
            } else {
                let payment = json!({ "id": SOMEBODY, "orderId": id, "stripeId": "pi_1" });
                restored.publish("payment:created", &payment).await;
                restored.app.is(&buyer, id, "complete").await;
            }
        }
        for order in restored.of_status("complete") {
            let refused = restored.app.cancel(&buyer(order), text(order, "_id")).await;
            refused.is_error(400, &message("Cannot cancel a completed order"));
        }
        restored.stop().await;
    }
}

#[tokio::test]
async fn its_copies_and_what_its_orders_show_follow_the_next_changes_of_the_tickets() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        let mut shown = 0;
        for (id, copy) in restored.copies.iter().filter(|(id, _)| !restored.is_held(id)) {
            let version = number(copy, "version") as u64 + 1;
            let change = json!({
                "id": id, "version": version, "title": "changed – 改", "price": 45.67, "userId": SOMEBODY
            });
            restored.publish("ticket:updated", &change).await;
            let collection = restored.database.collection("tickets").await;
            let changed = doc! { "_id": id, "title": "changed – 改" };
            until("the copy", async || collection.count_documents(changed.clone()).await.unwrap() == 1).await;
            for order in restored.of_status("cancelled").filter(|order| text(order, "ticketId") == id) {
                assert_eq!(restored.show(order).await["ticket"]["price"], 45.67, "it does not store its own");
                shown += 1;
            }
            let answer = restored.app.send("POST", PATH, &signin(), &json!({ "ticketId": id })).await;
            assert_eq!(answer.expect(201)["ticket"]["price"], 45.67);
        }
        assert!(shown > 0, "{commit} has no order of a ticket that changed later");
        restored.stop().await;
    }
}

#[tokio::test]
async fn handled_events_have_no_effect_when_they_are_redelivered() {
    for commit in dump::COMMITS {
        let restored = Restored::of(commit).await;
        let folder = dump::dump_of(dump::BUS, commit);
        let inbox = restored.database.collection("inbox").await;
        let handled = inbox.count_documents(doc! {}).await.unwrap();
        let mut before = Vec::new();
        for order in ["created", "cancelled", "complete"].iter().flat_map(|status| restored.of_status(status)) {
            before.push((order, restored.show(order).await));
        }
        let group = "orders-service";
        for subject in ["ticket:created", "ticket:updated", "payment:created", "expiration:complete"] {
            let again = dump::publish_again(&restored.broker, &folder, group, subject).await;
            assert!(again > 0, "{subject}");
            let consumer = format!("{group}:{}", subject.replace(':', "-"));
            let pending = dump::pending_of(&folder, dump::EVENTS, &consumer).len();
            let stream = restored.broker.outsider().await.get_stream(dump::EVENTS).await.unwrap();
            until("handled", async || {
                let info = stream.consumer_info(&consumer).await.unwrap();
                info.num_pending == 0 && info.num_ack_pending <= pending
            })
            .await;
        }
        for (order, before) in before {
            assert_eq!(restored.show(order).await, before);
        }
        assert_eq!(inbox.count_documents(doc! {}).await.unwrap(), handled);
        restored.stop().await;
    }
}
