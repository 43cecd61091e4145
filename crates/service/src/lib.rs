//! One primitive for every part of a program: a [`Service`] starts, becomes ready, stops, and nests.
//!
//! The body of [`Service::run`] *is* the lifecycle. What stands before [`Scope::ready`] is starting, what stands
//! after [`Scope::stopping`] is draining. Children are started by calling [`Scope::start`], in program order, each
//! awaited until it is ready; they are undone strictly in reverse, the parent draining first with its children
//! still up, and all of it under one shared deadline.
//!
//! ```text
//!            ready(handle)        asked to stop, or a part failed
//! Starting ───────────────▶ Ready ───────────────▶ Draining ──▶ Stopping ──▶ Stopped
//!     │                                                ▲                └──▶ Failed
//!     └── stop asked, error, panic, not ready in time ─┘
//!
//! Draining: `stopping()` has fired, the body runs on, children and tasks are all still up.
//! Stopping: the body has returned; its tasks are cancelled, its children undone, last started first.
//! ```
//!
//! A part that ends unasked (an error, a panic, an early return) is never only printed: unless its parent allows
//! it ([`OnExit::Allow`]), the parent is asked to stop with that cause, and so on up to the root, whose process
//! ends with [`Exit::Failed`].
//!
//! ```
//! use service::{Error, Scope, Service};
//!
//! /// Counts; whoever started it holds a handle to read the count.
//! struct Counter;
//!
//! impl Service for Counter {
//!     type Handle = tokio::sync::watch::Receiver<u64>;
//!
//!     async fn run(self, scope: Scope<Self::Handle>) -> Result<(), Error> {
//!         let (count, handle) = tokio::sync::watch::channel(0);
//!         scope.ready(handle);
//!         let stopping = scope.stopping();
//!         while stopping.or(tokio::task::yield_now()).await.is_some() {
//!             count.send_modify(|count| *count += 1);
//!         }
//!         Ok(())
//!     }
//! }
//!
//! /// A program of one part.
//! struct Program;
//!
//! impl Service for Program {
//!     type Handle = ();
//!
//!     async fn run(self, scope: Scope<()>) -> Result<(), Error> {
//!         let mut count = scope.start("counter", Counter).await?;
//!         scope.ready(());
//!         count.wait_for(|count| *count >= 3).await?;
//!         Ok(()) // the counter is undone after this line
//!     }
//! }
//!
//! assert_eq!(service::run("program", Program), service::Exit::Clean);
//! ```

mod child;
mod error;
mod exit;
pub mod http;
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
pub use exit::Exit;
pub use restart::Restart;
pub use root::{Launch, Outcome, Running, launch};
pub use run::run;
pub use scope::{Scope, Stopping};
pub use settings::{Live, Section, Settings};
pub use slot::{NotReady, Slot};
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
