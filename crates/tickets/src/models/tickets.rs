//! The collection of all tickets.

use anyhow::Context;
use common::events::TicketId;
use common::extract::Page;
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, doc};
use mongodb::error::Error;
use mongodb::{Collection, IndexModel};
use store::{Stale, Store, Tx, save};

use super::Ticket;

const TICKETS: &str = "tickets";

/// All tickets.
#[derive(Clone, Debug)]
pub struct Tickets(Collection<Ticket>);

impl Tickets {
    /// Creates the index that finds unreserved tickets, however long the database is away.
    ///
    /// # Errors
    ///
    /// When the database refuses the index.
    pub async fn open(store: &Store) -> Result<Self, anyhow::Error> {
        let free = IndexModel::builder().keys(doc! { "orderId": 1, "_id": 1 }).build();
        store.ensure_index(TICKETS, free).await.context("failed to create the index of `tickets`")?;
        Ok(Self(store.collection(TICKETS)))
    }

    /// Finds a ticket as it is now.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn find(&self, id: TicketId) -> Result<Option<Ticket>, Error> {
        self.0.find_one(doc! { "_id": id.to_string() }).await
    }

    /// Finds a ticket to change it.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn find_in(&self, tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>, Error> {
        self.0.find_one(doc! { "_id": id.to_string() }).session(tx).await
    }

    /// The tickets that no order has reserved, the oldest first: one more than the page shows.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn free<K>(&self, page: &Page<K>) -> Result<Vec<Ticket>, Error> {
        let mut free = doc! { "orderId": Bson::Null }; // absent
        if let Some(after) = &page.after {
            free.insert("_id", doc! { "$gt": after.to_string() });
        }
        let limit = i64::try_from(page.look_for()).unwrap_or(i64::MAX);
        self.0.find(free).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await
    }

    /// Adds a new ticket.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn insert(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Error> {
        self.0.insert_one(ticket).session(tx).await?;
        Ok(())
    }

    /// Saves a ticket whose version was raised.
    ///
    /// # Errors
    ///
    /// The inner error is [`Stale`] if the ticket was changed since it was read; the outer error is the database's.
    pub async fn save(&self, tx: &mut Tx, ticket: &Ticket) -> Result<Result<(), Stale>, Error> {
        save(&self.0, ticket, tx).await
    }

    /// Saves what a ticket remembers of orders, which changes nothing that others know of the ticket.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn remember(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Error> {
        self.0.replace_one(doc! { "_id": ticket.id().to_string() }, ticket).session(tx).await?;
        Ok(())
    }
}
