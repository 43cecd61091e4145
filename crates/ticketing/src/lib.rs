//! The whole application in one process: a real nats-server, a real mongod, every service, and one origin before them.
//!
//! The services are the same as in their own programs and share nothing but events: each has its own settings, database
//! and client id.

mod application;
mod client;
mod exercise;
mod foreground;
mod guide;
pub mod ingress;
mod kept;
mod measure;
mod options;
mod own_servers;
mod port;
mod program;
mod programs;
mod provider;
mod servers;
mod services;
mod session_key;
mod smoke;

pub use application::{Addresses, Application};
pub use options::Options;
pub use program::main;
pub use programs::PROGRAMS;
