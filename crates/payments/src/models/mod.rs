//! The records that this service owns, and its projection of the orders, one in each file.

mod order;
mod payment;
mod payments;

pub(crate) use order::Order;
pub use payment::State;
pub(crate) use payment::{CannotBegin, Payment, Settled, TURN_WITHIN};
pub(crate) use payments::{NO_COPY, Payments, Taken};
