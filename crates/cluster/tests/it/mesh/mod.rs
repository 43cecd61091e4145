//! Nodes with real sockets.

mod election;
mod messages;
mod peers;
mod rawpeer;
mod singleton;
mod testnode;
