//! An order: how it may change, and its collection.

use std::time::Duration;

use anyhow::Context;
use common::events::{
    AnyId, CancelledTicket, OrderCancelled, OrderCreated, OrderId, OrderStatus, OrderedTicket, TicketId, UserId,
};
use common::extract::Page;
use common::{Outbox, Store, Tx};
use mongodb::bson::{Bson, DateTime, RawDocumentBuf, doc, serialize_to_bson};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use store::{Versioned, in_time, is_duplicate, new_id, save, time_of};
use time::OffsetDateTime;

use super::Ticket;

const ORDERS: &str = "orders";

/// How many overdue orders one sweep cancels at most.
const MAX_SWEPT: usize = 100;

/// The statuses in which an order has reserved its ticket.
const LIVE: [OrderStatus; 3] = [OrderStatus::Created, OrderStatus::AwaitingPayment, OrderStatus::Complete];

/// The statuses in which the time of an order can run out.
const OPEN: [OrderStatus; 2] = [OrderStatus::Created, OrderStatus::AwaitingPayment];

/// An order reserves a ticket until it is paid, cancelled, or out of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    #[serde(rename = "_id")]
    id: OrderId,
    user_id: UserId,
    status: OrderStatus,
    expires_at: DateTime,
    ticket_id: TicketId,
    /// The ticket as it was when the order was made; absent from orders of versions that did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<Ticket>,
    version: u64,
}

/// The result of cancelling an order.
#[derive(Clone, Debug)]
#[must_use]
enum Cancel {
    /// The order is cancelled, and its ticket is free.
    Cancelled(Order, OrderCancelled),
    /// The order was cancelled before; nothing changes.
    AlreadyCancelled,
    /// The order is paid, and stays so.
    Complete,
}

/// The result of completing an order.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) enum Completion {
    /// The order is complete. No event reports that, so its version stays.
    Completed(Order),
    /// The order was complete before; nothing changes.
    AlreadyComplete,
    /// The order was cancelled before; another order may have reserved the ticket by now.
    Cancelled,
}

impl Order {
    /// A new order, which reserves the ticket as it is now for the time of the window, with the event that reports it.
    #[must_use = "a change that is not saved and recorded has not happened"]
    pub(crate) fn new(user: UserId, ticket: &Ticket, window: Duration) -> (Self, OrderCreated) {
        let expires_at = DateTime::from_millis(DateTime::now().timestamp_millis().saturating_add(millis(window)));
        let (id, status, ticket_id) = (new_id(), OrderStatus::Created, ticket.id());
        let order = Self { id, user_id: user, status, expires_at, ticket_id, ticket: Some(ticket.clone()), version: 0 };
        let created = OrderCreated {
            id,
            version: order.version,
            status,
            user_id: user,
            expires_at: order.expires_at(),
            ticket: OrderedTicket { id: ticket_id, price: ticket.price() },
        };
        (order, created)
    }

    /// Cancels the order, because its buyer wants it or its time has run out.
    fn cancel(mut self) -> Cancel {
        match self.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                self.status = OrderStatus::Cancelled;
                self.version += 1;
                let ticket = CancelledTicket { id: self.ticket_id };
                let event = OrderCancelled { id: self.id, version: self.version, ticket };
                Cancel::Cancelled(self, event)
            }
            OrderStatus::Cancelled => Cancel::AlreadyCancelled,
            OrderStatus::Complete => Cancel::Complete,
        }
    }

    /// Completes the order, because it is paid.
    pub(crate) fn complete(mut self) -> Completion {
        match self.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                self.status = OrderStatus::Complete;
                Completion::Completed(self)
            }
            OrderStatus::Complete => Completion::AlreadyComplete,
            OrderStatus::Cancelled => Completion::Cancelled,
        }
    }

    pub(crate) fn id(&self) -> OrderId {
        self.id
    }

    pub(crate) fn buyer(&self) -> UserId {
        self.user_id
    }

    /// Whether its time can run out.
    pub(crate) fn is_open(&self) -> bool {
        OPEN.contains(&self.status)
    }

    pub(crate) fn status(&self) -> OrderStatus {
        self.status
    }

    /// The time until which the order must be paid, to the millisecond.
    pub(crate) fn expires_at(&self) -> OffsetDateTime {
        time_of(self.expires_at)
    }

    pub(crate) fn ticket_id(&self) -> TicketId {
        self.ticket_id
    }

    /// The ticket with the title and price that the order was made at, if the order stores them.
    pub(crate) fn ticket(&self) -> Option<&Ticket> {
        self.ticket.as_ref()
    }
}

impl Versioned for Order {
    fn id(&self) -> AnyId {
        self.id.any()
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// All orders.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    store: Store,
    records: Collection<Order>,
}

/// What cancelling an order has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// The order was open until now.
    Now,
    /// The order was cancelled before; nothing has changed.
    Before,
    /// The order is paid, and stays so.
    Never,
}

/// Another live order has reserved the ticket.
#[derive(Debug)]
pub(crate) struct AlreadyReserved;

impl Orders {
    /// Creates the index that allows one live order for a ticket, also when two are made concurrently, and others.
    pub(crate) async fn open(store: &Store) -> Result<Self, anyhow::Error> {
        let live = doc! { "status": { "$in": texts(&LIVE)? } };
        let one_live = IndexOptions::builder().unique(true).partial_filter_expression(live).build();
        for index in [
            IndexModel::builder().keys(doc! { "ticketId": 1 }).options(one_live).build(),
            IndexModel::builder().keys(doc! { "userId": 1, "_id": 1 }).build(),
            IndexModel::builder().keys(doc! { "status": 1, "expiresAt": 1 }).build(),
        ] {
            store.ensure_index(ORDERS, index).await?;
        }
        Ok(Self { store: store.clone(), records: store.collection(ORDERS) })
    }

    pub(crate) async fn find(&self, id: OrderId) -> Result<Option<Order>, Error> {
        in_time(self.records.find_one(doc! { "_id": id.to_string() })).await
    }

    pub(crate) async fn find_in(&self, tx: &mut Tx, id: OrderId) -> Result<Option<Order>, Error> {
        self.records.find_one(doc! { "_id": id.to_string() }).session(tx).await
    }

    /// The orders of a user: one more than the page shows.
    pub(crate) async fn of<K>(&self, user: UserId, page: &Page<K>) -> Result<Vec<Order>, Error> {
        let theirs = doc! { "userId": user.to_string() };
        let after = page.after.as_ref().map(ToString::to_string);
        self.store.read_page(ORDERS, theirs, page.direction(), after, page.query_limit()).await
    }

    /// Open orders that expired longer ago than this, the most overdue first.
    pub(crate) async fn overdue(&self, than: Duration) -> Result<Vec<OrderId>, anyhow::Error> {
        let than = i64::try_from(than.as_millis())?;
        let before = DateTime::from_millis(DateTime::now().timestamp_millis() - than);
        let overdue = doc! { "status": { "$in": texts(&OPEN)? }, "expiresAt": { "$lt": before } };
        let orders = self.records.clone_with_type::<RawDocumentBuf>();
        let found = in_time(orders.find(overdue).sort(doc! { "expiresAt": 1 })).await?;
        let found: Vec<Order> = self.store.read(ORDERS, found, MAX_SWEPT).await?;
        Ok(found.iter().map(Order::id).collect())
    }

    /// Adds a new order, unless another has reserved the ticket. In that case the transaction is aborted.
    pub(crate) async fn insert(&self, tx: &mut Tx, order: &Order) -> Result<Result<(), AlreadyReserved>, Error> {
        match self.records.insert_one(order).session(tx).await {
            Ok(_) => Ok(Ok(())),
            Err(error) if is_duplicate(&error) => Ok(Err(AlreadyReserved)),
            Err(error) => Err(error),
        }
    }

    /// Cancels an order unless it is paid, and records the event that reports it.
    pub(crate) async fn cancel(
        &self,
        tx: &mut Tx,
        order: Order,
        cancelled: &Outbox<OrderCancelled>,
    ) -> Result<Cancelled, anyhow::Error> {
        match order.cancel() {
            Cancel::Cancelled(order, event) => {
                save(&self.records, &order, tx).await?.context("the order changed within its own transaction")?;
                cancelled.record(tx, &event).await?;
                Ok(Cancelled::Now)
            }
            Cancel::AlreadyCancelled => Ok(Cancelled::Before),
            Cancel::Complete => Ok(Cancelled::Never),
        }
    }

    /// Saves an order that was completed, which keeps its version.
    pub(crate) async fn save_completed(&self, tx: &mut Tx, order: &Order) -> Result<(), Error> {
        self.records.replace_one(doc! { "_id": order.id().to_string() }, order).session(tx).await?;
        Ok(())
    }
}

/// The statuses as they are stored.
fn texts(statuses: &[OrderStatus]) -> Result<Bson, anyhow::Error> {
    Ok(serialize_to_bson(&statuses)?)
}

fn millis(time: Duration) -> i64 {
    time.as_millis().try_into().unwrap_or(i64::MAX)
}
