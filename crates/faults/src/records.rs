//! The records in the databases at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use mongodb::bson::{DateTime, Document, doc};
use serde_json::Value;
use store::Store;

/// A ticket, or the projection of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticket {
    pub(crate) version: i64,
    pub(crate) title: String,
    pub(crate) price: String,
    pub(crate) order: Option<String>,
    /// Orders whose cancellation has arrived before their creation.
    pub(crate) cancelled_early: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) version: i64,
    pub(crate) status: String,
    pub(crate) ticket: String,
}

/// A recorded change: a row of an outbox.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) event_id: String,
    pub(crate) subject: String,
    pub(crate) version: i64,
    pub(crate) recorded_at: DateTime,
    pub(crate) event: Value,
}

/// The contents of all databases.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) tickets: BTreeMap<String, Ticket>,
    /// The tickets as the orders service knows them.
    pub(crate) ticket_projections: BTreeMap<String, Ticket>,
    pub(crate) orders: BTreeMap<String, Order>,
    /// The changes of each ticket, in the order of their versions.
    pub(crate) of_tickets: BTreeMap<String, Vec<Change>>,
    pub(crate) of_orders: BTreeMap<String, Vec<Change>>,
    /// The handled events of each group: `orders-service/<event id>`.
    pub(crate) handled: BTreeSet<String>,
    pub(crate) emails: BTreeSet<String>,
}

impl Records {
    pub(crate) async fn read(auth: &Store, tickets: &Store, orders: &Store) -> Self {
        let of_tickets = all(tickets, "tickets").await.iter().map(ticket).collect();
        let ticket_projections = all(orders, "tickets").await.iter().map(ticket).collect();
        let handled = [all(tickets, "inbox").await, all(orders, "inbox").await].concat();
        Self {
            tickets: of_tickets,
            ticket_projections,
            orders: all(orders, "orders").await.iter().map(order).collect(),
            of_tickets: changes(tickets).await,
            of_orders: changes(orders).await,
            handled: handled.iter().map(|row| text(row, "_id")).collect(),
            emails: all(auth, "users").await.iter().map(|user| text(user, "email")).collect(),
        }
    }

    /// When an order was created, and when it was cancelled.
    pub(crate) fn lifetime(&self, order: &str) -> (Option<DateTime>, Option<DateTime>) {
        let at = |subject: &str| {
            let changes = self.of_orders.get(order)?;
            Some(changes.iter().find(|change| change.subject == subject)?.recorded_at)
        };
        (at("order:created"), at("order:cancelled"))
    }
}

async fn all(store: &Store, collection: &str) -> Vec<Document> {
    store.collection(collection).find(doc! {}).await.unwrap().try_collect().await.unwrap()
}

fn text(document: &Document, key: &str) -> String {
    document.get_str(key).unwrap().to_owned()
}

fn ticket(document: &Document) -> (String, Ticket) {
    let order = document.get_str("orderId").ok().map(str::to_owned);
    let (title, price) = (text(document, "title"), document.get("price").unwrap().to_string());
    let early = document.get_array("cancelledEarly").map(Vec::as_slice).unwrap_or_default();
    let cancelled_early = early.iter().map(|order| order.as_str().unwrap().to_owned()).collect();
    let version = document.get_i64("version").unwrap();
    (text(document, "_id"), Ticket { version, title, price, order, cancelled_early })
}

fn order(document: &Document) -> (String, Order) {
    let (status, ticket) = (text(document, "status"), text(document, "ticketId"));
    (text(document, "_id"), Order { version: document.get_i64("version").unwrap(), status, ticket })
}

async fn changes(store: &Store) -> BTreeMap<String, Vec<Change>> {
    let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    for row in all(store, "outbox").await {
        let aggregate = text(&row, "aggregate");
        let change = Change {
            event_id: row.get_object_id("_id").unwrap().to_hex(),
            subject: text(&row, "subject"),
            version: row.get_i64("version").unwrap(),
            recorded_at: *row.get_datetime("recordedAt").unwrap(),
            event: serde_json::from_str(&text(&row, "payload")).unwrap(),
        };
        changes.entry(aggregate.split_once('/').unwrap().1.to_owned()).or_default().push(change);
    }
    changes.values_mut().for_each(|changes| changes.sort_by_key(|change| (change.version, change.recorded_at)));
    changes
}
