//! The projection of the tickets: what an order shows of its ticket.

use std::collections::HashMap;

use common::events::{Price, TicketCreated, TicketId, TicketUpdated};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, deserialize_from_document, doc, serialize_to_document};
use mongodb::error::Error;
use serde::{Deserialize, Serialize};
use store::{Arrival, Store, Tx};

/// A ticket as its last event reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    #[serde(rename = "_id")]
    id: TicketId,
    title: String,
    #[serde(flatten, with = "store::price")]
    price: Price,
    version: u64,
}

impl Ticket {
    /// The ticket after a later event.
    pub(crate) fn updated(self, event: &TicketUpdated) -> (Arrival, Self) {
        let arrival = Arrival::of(event.version, self.version);
        let TicketUpdated { version, title, price, .. } = event.clone();
        (arrival, Self { id: self.id, title, price, version })
    }

    pub(crate) fn id(&self) -> TicketId {
        self.id
    }

    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    pub(crate) fn price(&self) -> Price {
        self.price
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

impl From<&TicketCreated> for Ticket {
    fn from(event: &TicketCreated) -> Self {
        let TicketCreated { id, version, title, price, .. } = event.clone();
        Self { id, title, price, version }
    }
}

/// The projection of all tickets.
#[derive(Clone, Debug)]
pub(crate) struct Tickets(Collection<Ticket>);

impl Tickets {
    pub(crate) fn of(store: &Store) -> Self {
        Self(store.collection("tickets"))
    }

    pub(crate) async fn find(&self, id: TicketId) -> Result<Option<Ticket>, Error> {
        self.0.find_one(doc! { "_id": id.to_string() }).await
    }

    pub(crate) async fn find_in(&self, tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>, Error> {
        self.0.find_one(doc! { "_id": id.to_string() }).session(tx).await
    }

    /// The tickets with these ids.
    pub(crate) async fn find_all(
        &self,
        ids: impl Iterator<Item = TicketId>,
    ) -> Result<HashMap<TicketId, Ticket>, Error> {
        let ids: Vec<_> = ids.map(|id| id.to_string()).collect();
        let found: Vec<Ticket> = self.0.find(doc! { "_id": { "$in": ids } }).await?.try_collect().await?;
        Ok(found.into_iter().map(|ticket| (ticket.id, ticket)).collect())
    }

    /// All tickets by their ids; `None` for a document that is not a ticket.
    pub(crate) async fn all(&self) -> Result<HashMap<String, Option<Ticket>>, Error> {
        let mut found = self.0.clone_with_type::<Document>().find(doc! {}).await?;
        let mut all = HashMap::new();
        while let Some(copy) = found.try_next().await? {
            let id = copy.get_str("_id").map_or_else(|_| format!("{:?}", copy.get("_id")), str::to_owned);
            all.insert(id, deserialize_from_document(copy).ok());
        }
        Ok(all)
    }

    /// Adds a ticket, unless it is there.
    pub(crate) async fn add(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Error> {
        let new = doc! { "$setOnInsert": serialize_to_document(ticket)? };
        self.0.update_one(doc! { "_id": ticket.id.to_string() }, new).upsert(true).session(tx).await?;
        Ok(())
    }

    /// Replaces a copy that is absent, different or unreadable, and returns whether it did. A copy of a later version
    /// stays as it is.
    pub(crate) async fn rebuild(&self, tx: &mut Tx, ticket: &Ticket) -> Result<bool, Error> {
        let (raw, it) = (self.0.clone_with_type::<Document>(), doc! { "_id": ticket.id.to_string() });
        let copy = raw.find_one(it.clone()).session(&mut *tx).await?;
        let copy = copy.and_then(|copy| deserialize_from_document::<Ticket>(copy).ok());
        if copy.is_some_and(|copy| copy.version > ticket.version || copy == *ticket) {
            return Ok(false);
        }
        self.0.replace_one(it, ticket).upsert(true).session(tx).await?;
        Ok(true)
    }

    pub(crate) async fn save(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Error> {
        self.0.replace_one(doc! { "_id": ticket.id.to_string() }, ticket).session(tx).await?;
        Ok(())
    }
}
