//! What streams to many clients: the number gateway of the 2012 talk on composing distributed services.
//!
//! A gateway is composed of parts that know nothing of each other: here a [hub](hub::Hub) and a
//! [number client](numbers::NumberClient).

mod number_gateway;

pub use number_gateway::NumberGateway;
