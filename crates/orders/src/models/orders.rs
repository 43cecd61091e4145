//! The collection of all orders.

use std::time::Duration;

use anyhow::Context;
use common::events::{OrderId, OrderStatus, UserId};
use common::extract::Page;
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, DateTime, doc, serialize_to_bson};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use store::{Store, Tx, is_duplicate, save};

use super::{Cancel, Order};
use crate::events::OrderCancelledPublisher;

const ORDERS: &str = "orders";

/// How many overdue orders one sweep cancels at most.
const MAX_SWEPT: i64 = 100;

/// The statuses in which an order has reserved its ticket.
const LIVE: [OrderStatus; 3] = [OrderStatus::Created, OrderStatus::AwaitingPayment, OrderStatus::Complete];

/// The statuses in which the time of an order can run out.
const OPEN: [OrderStatus; 2] = [OrderStatus::Created, OrderStatus::AwaitingPayment];

/// All orders.
#[derive(Clone, Debug)]
pub(crate) struct Orders(Collection<Order>);

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
            store.ensure_index(ORDERS, index).await.context("failed to create the indexes of `orders`")?;
        }
        Ok(Self(store.collection(ORDERS)))
    }

    pub(crate) async fn find(&self, id: OrderId) -> Result<Option<Order>, Error> {
        self.0.find_one(doc! { "_id": id.to_string() }).await
    }

    pub(crate) async fn find_in(&self, tx: &mut Tx, id: OrderId) -> Result<Option<Order>, Error> {
        self.0.find_one(doc! { "_id": id.to_string() }).session(tx).await
    }

    /// The orders of a user, the oldest first: one more than the page shows.
    pub(crate) async fn of<K>(&self, user: UserId, page: &Page<K>) -> Result<Vec<Order>, Error> {
        let mut theirs = doc! { "userId": user.to_string() };
        if let Some(after) = &page.after {
            theirs.insert("_id", doc! { "$gt": after.to_string() });
        }
        let limit = i64::try_from(page.look_for()).unwrap_or(i64::MAX);
        self.0.find(theirs).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await
    }

    /// Open orders that expired longer ago than this, the most overdue first.
    pub(crate) async fn overdue(&self, than: Duration) -> Result<Vec<OrderId>, anyhow::Error> {
        let than = i64::try_from(than.as_millis())?;
        let before = DateTime::from_millis(DateTime::now().timestamp_millis() - than);
        let overdue = doc! { "status": { "$in": texts(&OPEN)? }, "expiresAt": { "$lt": before } };
        let found = self.0.find(overdue).sort(doc! { "expiresAt": 1 }).limit(MAX_SWEPT).await?;
        let found: Vec<Order> = found.try_collect().await?;
        Ok(found.iter().map(Order::id).collect())
    }

    /// Adds a new order, unless another has reserved the ticket. In that case the transaction is aborted.
    pub(crate) async fn insert(&self, tx: &mut Tx, order: &Order) -> Result<Result<(), AlreadyReserved>, Error> {
        match self.0.insert_one(order).session(tx).await {
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
        cancelled: &OrderCancelledPublisher,
    ) -> Result<Cancelled, anyhow::Error> {
        match order.cancel() {
            Cancel::Cancelled(order, event) => {
                save(&self.0, &order, tx).await?.context("the order changed within its own transaction")?;
                cancelled.record(tx, &event).await?;
                Ok(Cancelled::Now)
            }
            Cancel::AlreadyCancelled => Ok(Cancelled::Before),
            Cancel::Complete => Ok(Cancelled::Never),
        }
    }

    /// Saves an order that was completed, which keeps its version.
    pub(crate) async fn save_completed(&self, tx: &mut Tx, order: &Order) -> Result<(), Error> {
        self.0.replace_one(doc! { "_id": order.id().to_string() }, order).session(tx).await?;
        Ok(())
    }
}

/// The statuses as they are stored.
fn texts(statuses: &[OrderStatus]) -> Result<Bson, anyhow::Error> {
    Ok(serialize_to_bson(&statuses)?)
}
