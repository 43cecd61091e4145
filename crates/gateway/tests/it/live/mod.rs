//! Live tickets.

mod cuts;
mod gateways;
mod operated;
mod questions;
mod resumed;
mod rolling;
mod versions;
mod views;
