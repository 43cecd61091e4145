#![doc = include_str!("../README.md")]

mod child;
mod children;
mod error;
mod exit;
pub mod http;
mod lock;
mod node;
mod on_exit;
mod promise;
mod restart;
mod root;
mod run;
pub mod runner;
mod scope;
mod service;
pub mod settings;
mod slot;
mod start;
mod stop;
mod stopping;
mod tree;

pub use child::Child;
pub use error::{Error, Failure, Reason, Stopped};
pub use exit::{Ending, Exit};
pub use on_exit::OnExit;
pub use restart::Restart;
pub use root::{Launch, Outcome, Running, launch};
pub use run::run;
pub use scope::Scope;
pub use service::Service;
pub use settings::{Live, Section, Settings};
pub use slot::{NotReady, Slot};
pub use stopping::Stopping;
pub use tree::{Path, State, Status, Tree};
