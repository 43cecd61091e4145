//! The real servers on any machine: nats-server and mongod, found or installed, run as [`service::Service`]s.
//!
//! A program asks [`find`] for a [`Tool`], then starts a [`NatsServer`] or a [`Mongod`] with it. Both listen on
//! 127.0.0.1 only, keep their data in the folder they are given, and die with the process that started them, even
//! when that is killed.

mod folder;
mod install;
mod locate;
mod mongod;
mod nats_server;
mod process;
mod replica_set;
mod tool;

pub use folder::{Folder, FolderInUse, NotOurs};
pub use locate::{Sources, find};
pub use mongod::{Mongod, MongodAddress};
pub use nats_server::{NatsServer, NatsServerAddress};
pub use process::PortInUse;
pub use tool::{Tool, Wheel};
