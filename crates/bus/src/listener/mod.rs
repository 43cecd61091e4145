//! Listeners: what a service does about an event.
//!
//! # Decided, and why
//!
//! * **One adapter runs every listener** ([`Listen`]), with one policy of retries, limits and dead letters. Where the effects
//!   are stored is a parameter, [`Effects`]: in a database, with an inbox, or [`Nowhere`].
//! * **The return value is the ack.** `Ok` acks; `?` on any error means retry; [`Rejection`] covers the rest. A listener can't
//!   forget to ack, or ack before its effects are committed.
//! * **Effects, the listener's own events and the note "handled" are one transaction**, which the listener is handed. An event
//!   that was redelivered is recognised by its id and skipped.
//! * **Failures are counted here, not by the broker.** JetStream counts deliveries, and an event that waits for another one is
//!   delivered many times without ever failing. So `max_deliver` is unlimited, failures are recorded with the effects, and
//!   only when there are some.
//! * **An event that can't be handled moves to the dead letters**, with its history, and blocks no other.
//! * **Order within a record, concurrency across records** ([`Lanes`]). The events of the record that a listener
//!   [changes](Listener::record) take turns in the order of its versions, for all listeners of the group in this process.
//!   Order is still checked, by versions, and never assumed: other processes take a part of the events.
//! * **An event that is too early names what it waits for** ([`Awaited`]), and is tried again when the record is there, and
//!   not before: first it waits in the process, then it is stored and acked ([`WaitingRoom`]). Waiting by redelivery costs a
//!   transaction for each delivery, is late by the length of the pause, and takes the turns of new events.
//! * **One durable consumer for a queue group and a subject.** A listener that is added later sees the history, and one that
//!   waits does not delay the others. Two listeners of one process with the same group and subject would each miss events, so
//!   the second one is refused.
//!
//! # What happens to an event
//!
//! | the listener | sent to the broker | again after |
//! | --- | --- | --- |
//! | returns `Ok`, or has handled the event before | ack | |
//! | fails with [`Retry`](Rejection::Retry), or panics | nak; after 10 failures dead letter | 250 ms, doubled with each failure up to 60 s, jittered |
//! | returns [`NotYet`](Rejection::NotYet) | nothing for 2 s, then ack, since it is stored; after one hour dead letter | the record has the version |
//! | the same, without a store | nak; after one hour dead letter | 50 ms, doubled with each delivery up to 5 s, jittered |
//! | returns [`Discard`](Rejection::Discard), or can't decode the event | dead letter | |
//! | fails because the store or the broker is away | nak, not counted as a failure | 1 s |

mod adapter;
mod definition;
mod lanes;
mod limits;
mod listen;
mod listeners;
mod nowhere;
mod rejection;
mod settings;
mod waiting;

pub use definition::{Effects, Listener};
pub use lanes::Lanes;
pub use limits::Limits;
pub use listen::Listen;
pub use listeners::{Common, Listeners, Subscribed};
pub use nowhere::Nowhere;
pub use rejection::{Awaited, Rejection};
pub use settings::ListenerSettings;
pub use waiting::{Keeping, Settled, WaitingEvent, WaitingRoom};
