//! The test bank: the part of Stripe's HTTP API that the payments service uses, for a laptop and for tests.
//!
//! It has [payment methods](https://docs.stripe.com/api/payment_methods), [payment
//! intents](https://docs.stripe.com/api/payment_intents), [refunds](https://docs.stripe.com/api/refunds) and
//! [events](https://docs.stripe.com/api/events) with signed webhooks; [idempotency
//! keys](https://docs.stripe.com/api/idempotent_requests); Stripe's [test cards](https://docs.stripe.com/testing); and its
//! shapes of errors. It keeps its books in a MongoDB database: each request and the answer under its key are one
//! transaction. Faults can be ordered, so that a client can be tried against lost and late answers.
//!
//! No money moves, and no key of a real account is taken.

mod answer;
mod app;
mod books;
mod cards;
mod clearing;
mod faults;
mod keys;
mod params;
mod routes;
mod service;
mod settings;
mod state;
mod webhooks;
mod work;

pub use service::{DECLARATION, PROGRAM};
pub use webhooks::signature;
