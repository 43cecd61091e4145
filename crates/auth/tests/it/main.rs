//! The auth service against the real database, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod app;
mod malformed;
mod older;
mod routes;
mod service;
