//! Notifications: who sells a ticket is informed when somebody has reserved it.

mod listeners;
mod notification;
mod routes;
mod service;
mod ticket;

pub use service::{DECLARATION, PROGRAM};
