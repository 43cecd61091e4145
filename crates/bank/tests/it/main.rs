//! The bank as a whole, over HTTP, with a database of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod bank;
mod faults;
mod intents;
mod keys;
mod lists;
mod refunds;
mod requests;
mod sdk;
mod webhooks;
