//! The endpoints, one kind of object in each file.

pub(crate) mod balance;
pub(crate) mod charges;
pub(crate) mod events;
pub(crate) mod faults;
pub(crate) mod intents;
pub(crate) mod methods;
mod perform;
pub(crate) mod refunds;
mod show;
