//! The records in the databases at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use mongodb::bson::{DateTime, Document};
use serde_json::Value;
use store::Store;

use crate::books::Books;
use crate::documents::{all, number, text};
use crate::stores::Stores;

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
    /// What the buyer is shown.
    pub(crate) cents: i64,
}

/// An order as the payments service knows it.
#[derive(Clone, Debug)]
pub(crate) struct OrderProjection {
    pub(crate) version: i64,
    pub(crate) is_cancelled: bool,
    pub(crate) cents: i64,
}

/// A payment, as the payments service has it.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) state: String,
    /// How often the buyer has tried to pay.
    pub(crate) attempt: i64,
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
    /// The orders as the payments service knows them.
    pub(crate) order_projections: BTreeMap<String, OrderProjection>,
    /// The payment of each order.
    pub(crate) payments: BTreeMap<String, Payment>,
    /// The books of the bank.
    pub(crate) books: Books,
    /// The changes of each ticket, in the order of their versions.
    pub(crate) of_tickets: BTreeMap<String, Vec<Change>>,
    pub(crate) of_orders: BTreeMap<String, Vec<Change>>,
    pub(crate) of_payments: BTreeMap<String, Vec<Change>>,
    /// The handled events of each group: `orders-service/<event id>`.
    pub(crate) handled: BTreeSet<String>,
    pub(crate) emails: BTreeSet<String>,
}

impl Records {
    pub(crate) async fn read(stores: &Stores) -> Self {
        let Stores { auth, tickets, orders, payments, bank } = stores;
        let of_tickets = all(tickets, "tickets").await.iter().map(ticket).collect();
        let ticket_projections = all(orders, "tickets").await.iter().map(ticket).collect();
        let handled = [all(tickets, "inbox").await, all(orders, "inbox").await, all(payments, "inbox").await].concat();
        Self {
            tickets: of_tickets,
            ticket_projections,
            orders: all(orders, "orders").await.iter().map(order).collect(),
            order_projections: all(payments, "orders").await.iter().map(order_projection).collect(),
            payments: all(payments, "payments").await.iter().map(payment).collect(),
            books: Books::read(bank).await,
            of_tickets: changes(tickets).await,
            of_orders: changes(orders).await,
            of_payments: changes(payments).await,
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

    /// The number of payments in each state, as one line.
    pub(crate) fn payments_summary(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for payment in self.payments.values() {
            *counts.entry(&payment.state).or_default() += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
        format!("payments in the end: {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") })
    }
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
    let cents = number(document.get_document("ticket").unwrap(), "priceCents");
    (text(document, "_id"), Order { version: number(document, "version"), status, ticket, cents })
}

fn order_projection(document: &Document) -> (String, OrderProjection) {
    let (version, cents) = (number(document, "version"), number(document, "priceCents"));
    let is_cancelled = document.get_bool("isCancelled").unwrap();
    (text(document, "_id"), OrderProjection { version, is_cancelled, cents })
}

fn payment(document: &Document) -> (String, Payment) {
    let (id, state, attempt) = (text(document, "_id"), text(document, "state"), number(document, "attempt"));
    (text(document, "orderId"), Payment { id, state, attempt })
}

async fn changes(store: &Store) -> BTreeMap<String, Vec<Change>> {
    let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    for row in all(store, "outbox").await {
        let aggregate = text(&row, "aggregate");
        let change = Change {
            event_id: row.get_object_id("_id").unwrap().to_hex(),
            subject: text(&row, "subject"),
            version: row.get_i64("version").unwrap_or_default(), // events of payments have none
            recorded_at: *row.get_datetime("recordedAt").unwrap(),
            event: serde_json::from_str(&text(&row, "payload")).unwrap(),
        };
        changes.entry(aggregate.split_once('/').unwrap().1.to_owned()).or_default().push(change);
    }
    changes.values_mut().for_each(|changes| changes.sort_by_key(|change| (change.version, change.recorded_at)));
    changes
}
