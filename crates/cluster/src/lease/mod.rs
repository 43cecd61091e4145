//! The cluster over a NATS server: whoever holds a lease there leads.
//!
//! Each node has an entry in a bucket whose entries expire, and renews it; one of them holds the entry of the leader. The server
//! counts from the moment when it receives a renewal. The leader counts from the moment when it sent it, which is earlier, and a
//! tenth less: if all clocks go at the same rate, its term is over before another node can hold the entry. A node that is frozen
//! together with its clock does not know how late it is, and publishes once more; the server refuses that, since the messages of
//! terms follow each other there (`hub`, `transport/terms.rs`).
//!
//! The numbers of terms are in a bucket of their own, whose entries do not expire.

mod buckets;
mod hold;
mod join;
mod view;

pub use join::JoinNats;
