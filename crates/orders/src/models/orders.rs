//! The collection of all orders.

use std::time::Duration;

use anyhow::Context;
use common::events::OrderStatus;
use common::extract::Page;
use common::store::{Store, Tx, is_duplicate, save};
use common::{OrderId, UserId};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, DateTime, doc, serialize_to_bson};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use super::{Cancel, Order};
use crate::events::OrderCancelledPublisher;

const ORDERS: &str = "orders";

/// How many overdue orders are cancelled in one go.
const SWEPT_AT_ONCE: i64 = 100;

/// In these an order holds its ticket.
const LIVE: [OrderStatus; 3] = [OrderStatus::Created, OrderStatus::AwaitingPayment, OrderStatus::Complete];

/// In these its time can run out.
const OPEN: [OrderStatus; 2] = [OrderStatus::Created, OrderStatus::AwaitingPayment];

/// All orders.
#[derive(Clone, Debug)]
pub(crate) struct Orders(Collection<Order>);

/// Whether an order is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// It was open until now.
    Now,
    /// It was so already, and nothing has changed.
    Before,
    /// It is paid, and stays so.
    Never,
}

/// Another live order holds the ticket.
#[derive(Debug)]
pub(crate) struct AlreadyReserved;

impl Orders {
    /// Sees to it that there is at most one live order for a ticket, whoever reserves it at the same time.
    pub(crate) async fn open(store: &Store) -> Result<Self, anyhow::Error> {
        let live = doc! { "status": { "$in": texts(&LIVE)? } };
        let one_live = IndexOptions::builder().unique(true).partial_filter_expression(live).build();
        for index in [
            IndexModel::builder().keys(doc! { "ticketId": 1 }).options(one_live).build(),
            IndexModel::builder().keys(doc! { "userId": 1, "_id": 1 }).build(),
            IndexModel::builder().keys(doc! { "status": 1, "expiresAt": 1 }).build(),
        ] {
            store.ensure_index(ORDERS, index).await.context("making the indexes of the orders")?;
        }
        Ok(Self(store.collection(ORDERS)))
    }

    pub(crate) async fn find(&self, id: &OrderId) -> Result<Option<Order>, Error> {
        self.0.find_one(doc! { "_id": id.as_str() }).await
    }

    pub(crate) async fn find_in(&self, tx: &mut Tx, id: &OrderId) -> Result<Option<Order>, Error> {
        self.0.find_one(doc! { "_id": id.as_str() }).session(tx).await
    }

    /// Somebody's orders, the oldest first: one more than the page shows.
    pub(crate) async fn of<K>(&self, user: &UserId, page: &Page<K>) -> Result<Vec<Order>, Error> {
        let mut theirs = doc! { "userId": user.as_str() };
        if let Some(after) = &page.after {
            theirs.insert("_id", doc! { "$gt": after.as_str() });
        }
        let limit = i64::try_from(page.look_for()).unwrap_or(i64::MAX);
        self.0.find(theirs).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await
    }

    /// Open orders whose window is over for longer than this, the most overdue first.
    pub(crate) async fn overdue(&self, than: Duration) -> Result<Vec<OrderId>, anyhow::Error> {
        let than = i64::try_from(than.as_millis())?;
        let before = DateTime::from_millis(DateTime::now().timestamp_millis() - than);
        let overdue = doc! { "status": { "$in": texts(&OPEN)? }, "expiresAt": { "$lt": before } };
        let found = self.0.find(overdue).sort(doc! { "expiresAt": 1 }).limit(SWEPT_AT_ONCE).await?;
        let found: Vec<Order> = found.try_collect().await?;
        Ok(found.iter().map(|order| order.id().clone()).collect())
    }

    /// Adds a new one, unless the ticket is taken. Then the transaction is over.
    pub(crate) async fn insert(&self, tx: &mut Tx, order: &Order) -> Result<Result<(), AlreadyReserved>, Error> {
        match self.0.insert_one(order).session(tx).await {
            Ok(_) => Ok(Ok(())),
            Err(error) if is_duplicate(&error) => Ok(Err(AlreadyReserved)),
            Err(error) => Err(error),
        }
    }

    /// Cancels one, if that can be, and announces it.
    pub(crate) async fn cancel(
        &self,
        tx: &mut Tx,
        order: Order,
        cancelled: &OrderCancelledPublisher,
    ) -> Result<Cancelled, anyhow::Error> {
        match order.cancel() {
            Cancel::Cancelled(order, event) => {
                save(&self.0, &order, tx).await?.context("saving what the same transaction has read")?;
                cancelled.record(tx, &event).await?;
                Ok(Cancelled::Now)
            }
            Cancel::AlreadyCancelled => Ok(Cancelled::Before),
            Cancel::Complete => Ok(Cancelled::Never),
        }
    }

    /// Saves one that was completed, which keeps its version.
    pub(crate) async fn save_completed(&self, tx: &mut Tx, order: &Order) -> Result<(), Error> {
        self.0.replace_one(doc! { "_id": order.id().as_str() }, order).session(tx).await?;
        Ok(())
    }
}

/// As they stand in the database.
fn texts(statuses: &[OrderStatus]) -> Result<Bson, anyhow::Error> {
    Ok(serialize_to_bson(&statuses)?)
}
