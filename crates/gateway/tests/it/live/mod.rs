//! Live tickets.

mod cuts;
mod gateways;
mod questions;
mod resumed;
mod versions;
mod views;
