//! The bus against a real nats-server: one for each test.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod changed;
mod cluster;
mod connection;
mod dead_letters;
mod groups;
mod lanes;
mod login;
mod older;
mod publish;
mod reader;
mod redrive;
mod registration;
mod settings;
mod stored;
mod survival;
mod unreadable;
mod url;
mod verdicts;
