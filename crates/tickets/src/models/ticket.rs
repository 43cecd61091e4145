//! A ticket, and how it may change.

use common::events::{TicketCreated, TicketUpdated};
use common::store::Versioned;
use common::{OrderId, Price, TicketId, UserId};
use serde::{Deserialize, Serialize};

use super::Title;

/// Something that is for sale. Each change but one raises its version, and returns the event that announces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    #[serde(rename = "_id")]
    id: TicketId,
    title: Title,
    price: Price,
    user_id: UserId,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// Orders whose cancellation has come before their creation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cancelled_early: Vec<OrderId>,
}

/// Why a ticket may not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotEdit {
    /// An order holds it.
    Reserved,
    /// Somebody else sells it.
    NotTheirs,
}

/// What a new order does to its ticket.
#[derive(Clone, Debug)]
#[must_use]
pub enum Reserve {
    /// The ticket is held by the order now.
    Reserved(Ticket, TicketUpdated),
    /// The order was cancelled before its creation was heard of, which is over with that.
    AlreadyCancelled(Ticket),
    /// The order holds the ticket already.
    AlreadyReserved,
    /// Another order holds the ticket, whose cancellation must be on its way.
    HeldByAnother,
}

/// What a cancelled order does to its ticket.
#[derive(Clone, Debug)]
#[must_use]
pub enum Release {
    /// The ticket is free.
    Released(Ticket, TicketUpdated),
    /// The order does not hold the ticket. Its creation is on its way, and will do nothing.
    Remembered(Ticket),
}

impl Ticket {
    /// A new one.
    #[must_use = "a change that is not saved and announced has not happened"]
    pub fn new(title: Title, price: Price, seller: UserId) -> (Self, TicketCreated) {
        let (id, version) = (TicketId::new(), 0);
        let created =
            TicketCreated { id: id.clone(), version, title: title.as_str().to_owned(), price, user_id: seller.clone() };
        let ticket = Self { id, title, price, user_id: seller, version, order_id: None, cancelled_early: Vec::new() };
        (ticket, created)
    }

    /// Gives it another title and price, as its seller may while no order holds it.
    ///
    /// # Errors
    ///
    /// When it is reserved, and then when it is not theirs.
    pub fn edit(self, by: &UserId, title: Title, price: Price) -> Result<(Self, TicketUpdated), CannotEdit> {
        if self.order_id.is_some() {
            return Err(CannotEdit::Reserved);
        }
        if self.user_id != *by {
            return Err(CannotEdit::NotTheirs);
        }
        Ok(Self { title, price, ..self }.changed())
    }

    /// An order was created for it.
    pub fn reserve(mut self, order: &OrderId) -> Reserve {
        if let Some(place) = self.cancelled_early.iter().position(|cancelled| cancelled == order) {
            self.cancelled_early.remove(place);
            return Reserve::AlreadyCancelled(self);
        }
        match &self.order_id {
            None => {
                let (ticket, updated) = Self { order_id: Some(order.clone()), ..self }.changed();
                Reserve::Reserved(ticket, updated)
            }
            Some(holder) if holder == order => Reserve::AlreadyReserved,
            Some(_) => Reserve::HeldByAnother,
        }
    }

    /// An order for it was cancelled. Another order that holds it goes on holding it.
    pub fn release(mut self, order: &OrderId) -> Release {
        if self.order_id.as_ref() == Some(order) {
            let (ticket, updated) = Self { order_id: None, ..self }.changed();
            return Release::Released(ticket, updated);
        }
        if !self.cancelled_early.contains(order) {
            self.cancelled_early.push(order.clone());
        }
        Release::Remembered(self)
    }

    fn changed(mut self) -> (Self, TicketUpdated) {
        self.version += 1;
        let Self { id, title, price, user_id, version, order_id, cancelled_early: _ } = self.clone();
        let updated = TicketUpdated { id, version, title: title.as_str().to_owned(), price, user_id, order_id };
        (self, updated)
    }

    /// Its id.
    pub fn id(&self) -> &TicketId {
        &self.id
    }

    /// What it is for.
    pub fn title(&self) -> &Title {
        &self.title
    }

    /// What it costs.
    pub fn price(&self) -> Price {
        self.price
    }

    /// Who sells it.
    pub fn seller(&self) -> &UserId {
        &self.user_id
    }

    /// The order that holds it.
    pub fn order(&self) -> Option<&OrderId> {
        self.order_id.as_ref()
    }
}

impl Versioned for Ticket {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> u64 {
        self.version
    }
}
