//! The collection of all tickets.

use anyhow::Context;
use common::TicketId;
use common::extract::Page;
use common::store::{Stale, Store, Tx, save};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, doc};
use mongodb::error::Error;
use mongodb::{Collection, IndexModel};

use super::Ticket;

const TICKETS: &str = "tickets";

/// All tickets.
#[derive(Clone, Debug)]
pub struct Tickets(Collection<Ticket>);

impl Tickets {
    /// Makes the index by which those are found that no order holds, however long the database is away.
    ///
    /// # Errors
    ///
    /// When the database refuses that.
    pub async fn open(store: &Store) -> Result<Self, anyhow::Error> {
        let free = IndexModel::builder().keys(doc! { "orderId": 1, "_id": 1 }).build();
        store.ensure_index(TICKETS, free).await.context("making the index of the tickets")?;
        Ok(Self(store.collection(TICKETS)))
    }

    /// One of them, as it is now.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn find(&self, id: &TicketId) -> Result<Option<Ticket>, Error> {
        self.0.find_one(doc! { "_id": id.as_str() }).await
    }

    /// One of them, to change it.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn find_in(&self, tx: &mut Tx, id: &TicketId) -> Result<Option<Ticket>, Error> {
        self.0.find_one(doc! { "_id": id.as_str() }).session(tx).await
    }

    /// Those that no order holds, the oldest first: one more than the page shows.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn free<K>(&self, page: &Page<K>) -> Result<Vec<Ticket>, Error> {
        let mut free = doc! { "orderId": Bson::Null }; // absent
        if let Some(after) = &page.after {
            free.insert("_id", doc! { "$gt": after.as_str() });
        }
        let limit = i64::try_from(page.look_for()).unwrap_or(i64::MAX);
        self.0.find(free).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await
    }

    /// Adds a new one.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn insert(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Error> {
        self.0.insert_one(ticket).session(tx).await?;
        Ok(())
    }

    /// Saves one whose version was raised.
    ///
    /// # Errors
    ///
    /// [`Stale`] inside, when it was changed since it was read; the database's outside.
    pub async fn save(&self, tx: &mut Tx, ticket: &Ticket) -> Result<Result<(), Stale>, Error> {
        save(&self.0, ticket, tx).await
    }

    /// Saves what one remembers of orders, which changes nothing that others know of it.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn remember(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Error> {
        self.0.replace_one(doc! { "_id": ticket.id().as_str() }, ticket).session(tx).await?;
        Ok(())
    }
}
