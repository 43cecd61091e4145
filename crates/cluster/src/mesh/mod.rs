//! Connections between the nodes, over TCP.
//!
//! Each node has one connection to every other node, on which it sends, and one from it, on which it receives.

mod accepted;
mod links;
mod out;
mod transport;
mod wire;

pub(crate) use accepted::Acceptor;
pub(crate) use links::Links;
pub(crate) use out::{keep, task};
pub use transport::Mesh;
pub(crate) use wire::{Common, Frame, Greeting};
