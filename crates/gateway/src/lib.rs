//! The live gateway, of which there is now its first tutorial: a server that sends random numbers, and its client.
//!
//! `service`'s own documentation builds the server from nothing; here it stands whole.

mod numbers;

pub use numbers::{Feed, NumberClient, NumberServer, Numbers, PrintNumbers, Source};
