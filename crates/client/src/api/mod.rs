//! The services' HTTP APIs, as somebody who asks for a page may use them.

mod call;
mod failure;
mod live;
mod orders;
mod payments;
mod tickets;
mod users;

pub(crate) use call::{Api, Listed, Services};
pub(crate) use failure::{Failure, Refused};
pub(crate) use orders::Order;
pub(crate) use payments::{Payment, PaymentStatus};
pub(crate) use tickets::Ticket;
pub(crate) use users::{Session, User};
