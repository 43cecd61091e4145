//! The number gateway: numbers in over TCP, and out over HTTP, at every node of a cluster.

mod bridge;
mod page;
mod service;

pub use service::NumberGateway;
