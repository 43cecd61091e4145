//! A ticket, and how it may change.

use common::events::{AnyId, OrderId, Price, TicketCreated, TicketId, TicketUpdated, UserId};
use serde::{Deserialize, Serialize};
use store::{Versioned, new_id};

use super::Title;

/// A ticket for sale. Each change that others must know raises its version and returns the event that reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
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
pub enum CannotEdit {
    /// An order has reserved the ticket.
    Reserved,
    /// Another user sells the ticket.
    NotTheirs,
}

/// What a new order does to its ticket.
#[derive(Clone, Debug)]
#[must_use]
pub enum Reserve {
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
pub enum Release {
    /// The ticket is free.
    Released(Ticket, TicketUpdated),
    /// The order has not reserved the ticket. Its creation is on its way, and will have no effect.
    Remembered(Ticket),
}

impl Ticket {
    /// A new ticket, with the event that reports it.
    #[must_use = "a change that is not saved and recorded has not happened"]
    pub fn new(title: Title, price: Price, seller: UserId) -> (Self, TicketCreated) {
        let (id, version) = (new_id(), 0);
        let created = TicketCreated { id, version, title: title.as_str().to_owned(), price, user_id: seller };
        let ticket = Self { id, title, price, user_id: seller, version, order_id: None, cancelled_early: Vec::new() };
        (ticket, created)
    }

    /// Sets another title and price, as the seller may while no order has reserved the ticket.
    ///
    /// # Errors
    ///
    /// When the ticket is reserved, and otherwise when `by` does not sell it.
    pub fn edit(self, by: UserId, title: Title, price: Price) -> Result<(Self, TicketUpdated), CannotEdit> {
        if self.order_id.is_some() {
            return Err(CannotEdit::Reserved);
        }
        if self.user_id != by {
            return Err(CannotEdit::NotTheirs);
        }
        Ok(Self { title, price, ..self }.changed())
    }

    /// Reserves the ticket for a new order.
    pub fn reserve(mut self, order: OrderId) -> Reserve {
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
    pub fn release(mut self, order: OrderId) -> Release {
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

    /// The id of the ticket.
    pub fn id(&self) -> TicketId {
        self.id
    }

    /// The title of the ticket.
    pub fn title(&self) -> &Title {
        &self.title
    }

    /// The price of the ticket.
    pub fn price(&self) -> Price {
        self.price
    }

    /// The user who sells the ticket.
    pub fn seller(&self) -> UserId {
        self.user_id
    }

    /// The order that has reserved the ticket, if one has.
    pub fn order(&self) -> Option<OrderId> {
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
