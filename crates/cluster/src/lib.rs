#![doc = include_str!("../README.md")]

mod alone;
mod announcer;
mod cluster;
mod epoch;
mod exchange;
mod fence;
mod file;
mod join;
mod lease;
pub mod machine;
mod mesh;
mod node;
mod settings;
mod singleton;
mod start;
mod term;
mod wall_clock;
mod watched;

pub use alone::Alone;
pub use announcer::Announcer;
pub use cluster::Cluster;
pub use epoch::Epoch;
pub use exchange::Exchange;
pub use fence::Fence;
pub use join::Join;
pub use lease::JoinNats;
pub use mesh::Mesh;
pub use node::{InvalidNode, Node};
pub use settings::{Address, ClusterSettings, Nodes};
pub use singleton::singleton;
pub use start::start;
pub use term::{Leader, Term};
