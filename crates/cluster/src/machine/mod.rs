//! What a node decides, without a clock, a network, a file or random numbers of its own.
//!
//! A [`Machine`] takes the time and what arrives, and returns what must be saved and sent. Whoever carries that out, sockets or a
//! simulation, gets the same decisions for the same arguments.

mod config;
mod effect;
mod election;
mod leadership;
mod message;
mod node;
mod roster;
mod steady;

pub(crate) use config::term;
pub use config::{Bound, Config, Quorum, Start};
pub use effect::Effect;
pub use leadership::Leadership;
pub use message::{Body, Message, Stage};
pub use node::{Input, Machine};
pub use roster::Member;
