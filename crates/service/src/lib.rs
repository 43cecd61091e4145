#![doc = include_str!("../README.md")]

mod child;
mod error;
mod exit;
pub mod http;
mod linger;
mod node;
mod restart;
mod root;
mod run;
pub mod runner;
mod scope;
pub mod settings;
mod slot;
mod tree;

use std::future::Future;

pub use child::{Child, OnExit};
pub use error::{Error, Failure, Reason, Stopped};
pub use exit::{Ending, Exit};
pub use restart::Restart;
pub use root::{Launch, Outcome, Running, launch};
pub use run::run;
pub use scope::{Scope, Stopping};
pub use settings::{Live, Section, Settings};
pub use slot::{NotReady, Slot, SlotSetter};
pub use tree::{Path, State, Status, Tree};

/// A part of a program: the only primitive.
pub trait Service: Sized + Send + 'static {
    /// What others may hold once this is ready: an API, a bound address, or `()`.
    type Handle: Clone + Send + Sync + 'static;

    /// The whole life of the service, from starting to drained.
    ///
    /// # Errors
    ///
    /// Whatever keeps the service from starting or going on; its parent is told.
    /// An error of [`Scope::start`] is handed on with `?`, which undoes what was started so far.
    fn run(self, scope: Scope<Self::Handle>) -> impl Future<Output = Result<(), Error>> + Send;
}
