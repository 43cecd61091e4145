//! The operator's tool as its users run it: on real servers, with services to inspect.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod audit;
mod describe;
mod dlq;
mod inspect;
mod letters;
mod login;
mod million;
mod output;
mod program;
mod settings;
mod shop;
