//! The payments service against the real database and broker, and the test bank, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod app;
mod bank;
mod books;
mod contract;
mod events;
mod faults;
mod keys;
mod malformed;
mod parallel;
mod race;
mod routes;
mod service;
mod world;
