//! A ticket: how it may change, and its collection.

use common::events::{AnyId, OrderId, Price, TicketCreated, TicketId, TicketUpdated, UserId};
use common::extract::Page;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Error;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use store::{Stale, Store, Tx, Versioned, in_time, new_id, save};

use super::Title;

const TICKETS: &str = "tickets";

/// A ticket for sale. Each change that others must know raises its version and returns the event that reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ticket {
    #[serde(rename = "_id")]
    id: TicketId,
    title: Title,
    #[serde(flatten, with = "store::price")]
    price: Price,
    user_id: UserId,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// Orders whose cancellation has arrived before their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cancelled_early: Vec<OrderId>,
}

/// Why a ticket may not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CannotEdit {
    /// An order has reserved the ticket.
    Reserved,
    /// Another user sells the ticket.
    NotTheirs,
}

/// What a new order does to its ticket.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) enum Reserve {
    /// The order has reserved the ticket.
    Reserved(Ticket, TicketUpdated),
    /// The order's cancellation arrived before its creation; the order is settled with that.
    AlreadyCancelled(Ticket),
    /// The order has reserved the ticket before.
    AlreadyReserved,
    /// Another order has reserved the ticket; its cancellation must be on its way.
    HeldByAnother,
}

/// What a cancelled order does to its ticket.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) enum Release {
    /// The ticket is free.
    Released(Ticket, TicketUpdated),
    /// The order has not reserved the ticket. Its creation is on its way, and will have no effect.
    Remembered(Ticket),
}

impl Ticket {
    /// A new ticket, with the event that reports it.
    #[must_use = "a change that is not saved and recorded has not happened"]
    pub(crate) fn new(title: Title, price: Price, seller: UserId) -> (Self, TicketCreated) {
        let (id, version) = (new_id(), 0);
        let created = TicketCreated { id, version, title: title.as_str().to_owned(), price, user_id: seller };
        let ticket = Self { id, title, price, user_id: seller, version, order_id: None, cancelled_early: Vec::new() };
        (ticket, created)
    }

    /// Sets another title and price, as the seller may while no order has reserved the ticket.
    pub(crate) fn edit(self, by: UserId, title: Title, price: Price) -> Result<(Self, TicketUpdated), CannotEdit> {
        if self.order_id.is_some() {
            return Err(CannotEdit::Reserved);
        }
        if self.user_id != by {
            return Err(CannotEdit::NotTheirs);
        }
        Ok(Self { title, price, ..self }.changed())
    }

    /// Reserves the ticket for a new order.
    pub(crate) fn reserve(mut self, order: OrderId) -> Reserve {
        if let Some(index) = self.cancelled_early.iter().position(|cancelled| *cancelled == order) {
            self.cancelled_early.remove(index);
            return Reserve::AlreadyCancelled(self);
        }
        match self.order_id {
            None => {
                let (ticket, updated) = Self { order_id: Some(order), ..self }.changed();
                Reserve::Reserved(ticket, updated)
            }
            Some(holder) if holder == order => Reserve::AlreadyReserved,
            Some(_) => Reserve::HeldByAnother,
        }
    }

    /// Releases the ticket from a cancelled order. If another order has reserved the ticket, it stays reserved.
    pub(crate) fn release(mut self, order: OrderId) -> Release {
        if self.order_id == Some(order) {
            let (ticket, updated) = Self { order_id: None, ..self }.changed();
            return Release::Released(ticket, updated);
        }
        if !self.cancelled_early.contains(&order) {
            self.cancelled_early.push(order);
        }
        Release::Remembered(self)
    }

    fn changed(mut self) -> (Self, TicketUpdated) {
        self.version += 1;
        let &Self { id, ref title, price, user_id, version, order_id, .. } = &self;
        let updated = TicketUpdated { id, version, title: title.as_str().to_owned(), price, user_id, order_id };
        (self, updated)
    }

    pub(crate) fn id(&self) -> TicketId {
        self.id
    }

    pub(crate) fn title(&self) -> &Title {
        &self.title
    }

    pub(crate) fn price(&self) -> Price {
        self.price
    }

    /// The user who sells the ticket.
    pub(crate) fn seller(&self) -> UserId {
        self.user_id
    }

    /// The order that has reserved the ticket, if one has.
    pub(crate) fn order(&self) -> Option<OrderId> {
        self.order_id
    }
}

impl Versioned for Ticket {
    fn id(&self) -> AnyId {
        self.id.any()
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// All tickets.
#[derive(Clone, Debug)]
pub(crate) struct Tickets {
    store: Store,
    records: Collection<Ticket>,
}

impl Tickets {
    /// Creates the indexes that find unreserved tickets and those of a seller, however long the database is away.
    pub(crate) async fn open(store: &Store) -> Result<Self, anyhow::Error> {
        for keys in [doc! { "orderId": 1, "_id": 1 }, doc! { "userId": 1, "_id": 1 }] {
            store.ensure_index(TICKETS, IndexModel::builder().keys(keys).build()).await?;
        }
        Ok(Self { store: store.clone(), records: store.collection(TICKETS) })
    }

    /// Finds a ticket as it is now.
    pub(crate) async fn find(&self, id: TicketId) -> Result<Option<Ticket>, Error> {
        in_time(self.records.find_one(doc! { "_id": id.to_string() })).await
    }

    /// Finds a ticket to change it.
    pub(crate) async fn find_in(&self, tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>, Error> {
        self.records.find_one(doc! { "_id": id.to_string() }).session(tx).await
    }

    /// The tickets that no order has reserved: one more than the page shows.
    pub(crate) async fn free<K>(&self, page: &Page<K>) -> Result<Vec<Ticket>, Error> {
        self.page(doc! { "orderId": Bson::Null }, page).await // absent
    }

    /// The tickets that a user sells, reserved ones too: one more than the page shows.
    pub(crate) async fn of<K>(&self, seller: UserId, page: &Page<K>) -> Result<Vec<Ticket>, Error> {
        self.page(doc! { "userId": seller.to_string() }, page).await
    }

    async fn page<K>(&self, these: Document, page: &Page<K>) -> Result<Vec<Ticket>, Error> {
        let after = page.after.as_ref().map(ToString::to_string);
        self.store.read_page(TICKETS, these, page.direction(), after, page.query_limit()).await
    }

    /// Adds a new ticket.
    pub(crate) async fn insert(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Error> {
        self.records.insert_one(ticket).session(tx).await?;
        Ok(())
    }

    /// Saves a ticket whose version was raised, unless it was changed since it was read.
    pub(crate) async fn save(&self, tx: &mut Tx, ticket: &Ticket) -> Result<Result<(), Stale>, Error> {
        save(&self.records, ticket, tx).await
    }

    /// Saves what a ticket remembers of orders. Others know nothing of that, so its version stays.
    pub(crate) async fn remember(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Error> {
        self.records.replace_one(doc! { "_id": ticket.id().to_string() }, ticket).session(tx).await?;
        Ok(())
    }
}
