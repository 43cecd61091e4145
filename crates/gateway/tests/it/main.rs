//! Gateways, from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod cluster;
mod guide;
mod live;
mod number_gateway;
