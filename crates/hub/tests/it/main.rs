//! Hubs and their front ends, from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod hubs;
mod lines;
mod nats;
mod settings;
mod slow;
mod stop;
mod terms;
mod views;
mod websockets;
