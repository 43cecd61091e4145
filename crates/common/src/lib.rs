//! What the author of a service imports.
//!
//! The [`events`] that services exchange; the typed [`Listener`] and [`Publisher`]; the [declaration](Program) that makes
//! a service a value; and, with the feature `http`, the one contract of all HTTP answers ([`errors`], [`extract`]) with
//! the shared [settings] of APIs. What needs MongoDB is left out without the feature `mongo`. It knows no service.
//!
//! What must not be done does not compile: a subject with the payload of another, an event recorded outside a
//! transaction, a service that publishes changes of state directly.

#[cfg(feature = "http")]
pub mod errors;
#[cfg(feature = "http")]
pub mod extract;
#[cfg(feature = "http")]
mod limit;
mod program;
#[cfg(feature = "http")]
mod proxies;
#[cfg(feature = "http")]
mod requests;
#[cfg(feature = "http")]
mod serve;
#[cfg(feature = "http")]
pub mod settings;

pub use bus::{Listener, Listeners, Nowhere, Publisher, Rejection, Topology};
pub use events;
pub use program::{Declaration, Program, Start, main};
#[cfg(feature = "http")]
pub use proxies::TrustedProxies;
#[cfg(feature = "http")]
pub use requests::{normalized, traced};
#[cfg(feature = "http")]
pub use serve::serve;
#[cfg(feature = "mongo")]
pub use store::{Outbox, Outboxes, Store, Tx};
