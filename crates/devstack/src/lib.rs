//! Real servers on a developer's machine: nats-server and mongod, found or installed, run as [`service::Service`]s.
//!
//! A program asks [`find`] for the binary of a [`Tool`], then starts a [`NatsServer`] or a [`Mongod`] with it. Both
//! listen on 127.0.0.1 only, keep their data in the given folder, and end with the process that started them, even
//! when that process is killed.

mod console;
mod downloads;
mod folder;
mod install;
mod locate;
mod mongod;
mod nats_server;
mod pip;
mod process;
mod progress;
mod reason;
mod replica_set;
mod sources;
mod tool;
mod version;
mod wheel;

pub use console::Console;
pub use folder::{Folder, FolderInUse, NotOurs};
pub use locate::find;
pub use mongod::{Mongod, MongodAddress};
pub use nats_server::{NatsServer, NatsServerAddress};
pub use process::PortInUse;
pub use sources::Sources;
pub use tool::Tool;
pub use wheel::Wheel;
