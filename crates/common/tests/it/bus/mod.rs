//! The bus against a real nats-server: one for each test.

mod cluster;
mod connection;
mod dead_letters;
mod groups;
pub(crate) mod harness;
mod older;
mod publish;
mod reader;
mod redrive;
mod registration;
mod survival;
mod verdicts;
