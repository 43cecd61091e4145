//! Live tickets.

mod cuts;
mod gateways;
mod questions;
mod resumed;
mod rolling;
mod versions;
mod views;
