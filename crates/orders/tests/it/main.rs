//! The orders service against the real database and broker, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod app;
mod events;
mod malformed;
mod older;
mod routes;
mod service;
