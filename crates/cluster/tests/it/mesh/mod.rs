//! Nodes with real sockets.

mod election;
mod messages;
mod peers;
mod processes;
mod rawpeer;
mod singleton;
mod testnode;
