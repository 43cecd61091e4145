//! Client ids: one live process for each, as in NATS Streaming.
//!
//! Optional: events flow without it. The course's broker refuses a second client with the same id, and its lesson on health
//! checks shows a killed client in the monitor until its heartbeats are missed. JetStream has no client ids, so this folder
//! adds them. Decided, and why:
//!
//! * **A key-value bucket is the registry** (`<cluster id>-clients`): one key for each client id, whose value says where the
//!   client answers and what it listens to. Everybody who can read the bucket sees who is there; nothing else runs.
//! * **A registration is a lease**: the key expires unless its holder renews it with a heartbeat, so a killed process is
//!   forgotten by the server. Writes name the revision they follow, so two processes can't both take an id.
//! * **A newcomer asks the holder first**, as NATS Streaming did. If the holder answers, the newcomer is refused; if not, it
//!   takes the id immediately and does not wait until the lease expires.
//! * **A frozen process that lost its id learns it at its next heartbeat**, and ends. A service goes on without the id
//!   nevertheless ([`connect`](crate::connect)): its events do not depend on it.
//! * **The bucket is on disk**: a restarted server would otherwise have forgotten who lives.

mod entry;
mod lease;
mod listed;
mod registration;
mod registry;

pub use entry::{Client, Entry, Listening, Waiting};
pub(crate) use listed::Listed;
pub use registration::{Heartbeat, Registration};
pub use registry::{Registered, clients};
