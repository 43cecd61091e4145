//! What streams to many clients: live tickets, and the number gateway of the 2012 talk on composing distributed services.
//!
//! A gateway is composed of parts that know nothing of each other: the number gateway of a [hub](hub::Hub) and a
//! [number client](numbers::NumberClient), and the live tickets of a reader of the events, the [ring](hub::Ring) of a hub, and
//! the API of the orders service.

mod live;
mod number_cluster;
mod number_gateway;

pub use live::{DECLARATION, PROGRAM};
pub use number_cluster::NumberCluster;
pub use number_gateway::NumberGateway;
