//! An order, and how it may change.

use std::time::Duration;

use common::events::{CancelledTicket, OrderCancelled, OrderCreated, OrderStatus, OrderedTicket};
use common::store::Versioned;
use common::{OrderId, TicketId, UserId};
use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Ticket;

/// Somebody holds a ticket, until it is paid, given up, or out of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    #[serde(rename = "_id")]
    id: OrderId,
    user_id: UserId,
    status: OrderStatus,
    expires_at: DateTime,
    ticket_id: TicketId,
    version: u64,
}

/// What it comes to when an order is to be cancelled.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) enum Cancel {
    /// It is: its ticket is free.
    Cancelled(Order, OrderCancelled),
    /// It was before, which changes nothing.
    AlreadyCancelled,
    /// It is paid, and stays so.
    Complete,
}

/// What it comes to when an order was paid.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) enum Completion {
    /// It is complete. No event tells of that, so its version stays.
    Completed(Order),
    /// It was before, which changes nothing.
    Before,
    /// It was cancelled before: the ticket may be another's by now.
    Cancelled,
}

impl Order {
    /// A new one, that holds the ticket for so long.
    #[must_use = "a change that is not saved and announced has not happened"]
    pub(crate) fn new(user: UserId, ticket: &Ticket, window: Duration) -> (Self, OrderCreated) {
        let expires_at = DateTime::from_millis(DateTime::now().timestamp_millis().saturating_add(millis(window)));
        let (id, status, ticket_id) = (OrderId::new(), OrderStatus::Created, ticket.id().clone());
        let order = Self { id, user_id: user, status, expires_at, ticket_id, version: 0 };
        let created = OrderCreated {
            id: order.id.clone(),
            version: order.version,
            status: order.status,
            user_id: order.user_id.clone(),
            expires_at: order.expires_at(),
            ticket: OrderedTicket { id: ticket.id().clone(), price: ticket.price() },
        };
        (order, created)
    }

    /// Gives the ticket up, or its time is over.
    pub(crate) fn cancel(mut self) -> Cancel {
        match self.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                self.status = OrderStatus::Cancelled;
                self.version += 1;
                let ticket = CancelledTicket { id: self.ticket_id.clone() };
                let event = OrderCancelled { id: self.id.clone(), version: self.version, ticket };
                Cancel::Cancelled(self, event)
            }
            OrderStatus::Cancelled => Cancel::AlreadyCancelled,
            OrderStatus::Complete => Cancel::Complete,
        }
    }

    /// It was paid.
    pub(crate) fn complete(mut self) -> Completion {
        match self.status {
            OrderStatus::Created | OrderStatus::AwaitingPayment => {
                self.status = OrderStatus::Complete;
                Completion::Completed(self)
            }
            OrderStatus::Complete => Completion::Before,
            OrderStatus::Cancelled => Completion::Cancelled,
        }
    }

    pub(crate) fn id(&self) -> &OrderId {
        &self.id
    }

    pub(crate) fn buyer(&self) -> &UserId {
        &self.user_id
    }

    pub(crate) fn status(&self) -> OrderStatus {
        self.status
    }

    /// Until when it must be paid, to the millisecond.
    pub(crate) fn expires_at(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(self.expires_at.timestamp_millis())
    }

    pub(crate) fn ticket(&self) -> &TicketId {
        &self.ticket_id
    }
}

impl Versioned for Order {
    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> u64 {
        self.version
    }
}

fn millis(time: Duration) -> i64 {
    time.as_millis().try_into().unwrap_or(i64::MAX)
}
