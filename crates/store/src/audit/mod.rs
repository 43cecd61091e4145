//! The audit of outboxes and stream, and the repair of the stream.
//!
//! Outbox and relay promise that every committed event is in the stream, as it was committed. The audit proves it from
//! the outside: it compares the rows of the outboxes with the messages of the stream. That is why rows stay in the outbox
//! for 30 days after they were published. The repair publishes missing events again under their own ids, so consumers
//! that know them already skip them.
//!
//! Both are tools of the operator and of tests. No service runs them, and nothing outside this folder depends on them.

mod compare;
mod finding;
mod repair;

pub use compare::audit;
pub use finding::{Audit, Finding, Kind};
pub use repair::repair;
