//! The real servers: found, fetched, started, stopped.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod find;
mod mongod;
mod nats_server;
