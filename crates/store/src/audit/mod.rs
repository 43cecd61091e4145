//! The audit of outboxes and stream, and the repair of the stream.
//!
//! Outbox and relay promise that every committed event is in the stream, as it was committed. The audit proves it from
//! the outside: it compares the rows of the outboxes with the messages of the stream. That is why rows stay in the outbox
//! for 30 days after they were published. The repair publishes missing events again under their own ids, so consumers
//! that know them already skip them.
//!
//! Neither needs more memory for more events. A row contains the sequence of its message, which the relay has noted, so
//! the audit reads the stream once, in its order, and compares each batch of messages with the rows of the same
//! sequences. What remains is small, and is looked up by the id of the event: messages that the relay of an older
//! program has published, or a relay that was killed before it could note the sequence. The audit notes it then. It
//! takes a sequence away from a row whose message is gone. So when the stream is read, the rows without a sequence are
//! those without a message. Nothing else is written, and an audit that was interrupted leaves nothing to clean up.
//!
//! Both are tools of the operator and of tests. No service runs them, and nothing outside this folder depends on them.

mod compare;
mod finding;
mod matching;
mod origin;
mod repair;
mod rows;

pub use compare::Audit;
pub use finding::{Finding, Kind, Summary};
pub use origin::Origin;
