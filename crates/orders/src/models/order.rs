//! An order, and how it may change.

use std::time::Duration;

use common::events::{
    AnyId, CancelledTicket, OrderCancelled, OrderCreated, OrderId, OrderStatus, OrderedTicket, TicketId, UserId,
};
use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};
use store::{Versioned, new_id};
use time::OffsetDateTime;

use super::Ticket;

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
    version: u64,
}

/// The result of cancelling an order.
#[derive(Clone, Debug)]
#[must_use]
pub(crate) enum Cancel {
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
    /// A new order, which reserves the ticket for the time of the window, with the event that reports it.
    #[must_use = "a change that is not saved and recorded has not happened"]
    pub(crate) fn new(user: UserId, ticket: &Ticket, window: Duration) -> (Self, OrderCreated) {
        let expires_at = DateTime::from_millis(DateTime::now().timestamp_millis().saturating_add(millis(window)));
        let (id, status, ticket_id) = (new_id(), OrderStatus::Created, ticket.id());
        let order = Self { id, user_id: user, status, expires_at, ticket_id, version: 0 };
        let created = OrderCreated {
            id,
            version: order.version,
            status,
            user_id: user,
            expires_at: order.expires_at(),
            ticket: OrderedTicket { id: ticket.id(), price: ticket.price() },
        };
        (order, created)
    }

    /// Cancels the order, because its buyer wants it or its time has run out.
    pub(crate) fn cancel(mut self) -> Cancel {
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

    pub(crate) fn status(&self) -> OrderStatus {
        self.status
    }

    /// The time until which the order must be paid, to the millisecond.
    pub(crate) fn expires_at(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(self.expires_at.timestamp_millis())
    }

    pub(crate) fn ticket(&self) -> TicketId {
        self.ticket_id
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

fn millis(time: Duration) -> i64 {
    time.as_millis().try_into().unwrap_or(i64::MAX)
}
