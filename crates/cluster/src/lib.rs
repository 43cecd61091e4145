#![doc = include_str!("../README.md")]

mod cluster;
mod epoch;
mod fence;
mod file;
mod join;
pub mod machine;
mod mesh;
mod node;
mod singleton;
mod term;

pub use cluster::{Cluster, TermEnded};
pub use epoch::Epoch;
pub use fence::Fence;
pub use join::Join;
pub use mesh::Mesh;
pub use node::{InvalidNode, Node};
pub use singleton::singleton;
pub use term::{Leader, Term};
