#![doc = include_str!("../README.md")]

mod epoch;
mod fence;
pub mod machine;
mod node;

pub use epoch::Epoch;
pub use fence::Fence;
pub use node::{InvalidNode, Node};
