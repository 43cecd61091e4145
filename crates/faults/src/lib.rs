//! The fault suite: services, bank, brokers, database and network fail under load, and a checker looks for violations.
//!
//! A run is determined by its seed: a workload signs up, sells, reserves, cancels and pays while faults are injected.
//! Its history, the databases, the stream, the dead letters and the books of the bank are then checked against the
//! [`Invariant`]s. The README explains how to run the suite, how to read a violation, and how to extend it.
#![expect(clippy::print_stdout, reason = "a command that reports on stdout")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod books;
mod build;
mod checker;
mod deployment;
mod documents;
mod faulty_bank;
mod history;
mod independence;
mod injection;
mod instance;
mod invariant;
mod money;
mod options;
mod paying;
pub mod proxy;
mod records;
mod run;
mod schedule;
mod seeded_bugs;
pub mod services;
mod stores;
mod suite;
mod timeline;
mod watchers;
mod workload;

pub use invariant::Invariant;
pub use options::Options;
pub use suite::main;
