//! Typed events on NATS JetStream.
//!
//! A [`Connection`] is a service; its handle, the [`Bus`], publishes, and everything else here is made from it. A
//! [`Listener`] handles one kind of event for one queue group; [`Listen`] runs it. Below it, a [`Subscription`] passes
//! untyped messages to a handler and settles each with the handler's [`Verdict`]. A [`Registration`] keeps a client id to
//! one live process, as NATS Streaming did.
//!
//! All events are stored in one stream, named after the cluster id. What can never be handled goes to a second stream, the
//! [dead letters](DeadLetter). A [`Reader`] reads either stream without a trace; [`inspect`] tells what there is.

mod clients;
mod connection;
pub mod crash;
mod dead_letters;
mod delivery;
mod handle;
pub mod inspect;
mod listener;
mod name;
mod publisher;
mod reader;
mod settings;
mod spans;
mod streams;
mod subscription;
mod topology;
mod url;

pub use clients::{AlreadyRegistered, Client, Displaced, Entry, Heartbeat, Listening, Registration, clients};
pub use connection::{Connection, IfAbsent, LoginRefused, Unreachable, connect};
pub use dead_letters::{DeadLetter, FailedAttempt, NotRedriven};
pub use delivery::{Delivery, EVENT_ID, NotAnEvent};
pub use handle::{Bus, PublishError, Published};
pub use listener::{
    Effects, Failures, Limits, Listen, ListenedTwice, Listener, Listeners, Nowhere, Rejection, Subscribed,
};
pub use name::{InvalidName, Name};
pub use publisher::{Publisher, RecordedEvent};
pub use reader::{READER, Reader};
pub use settings::{NatsSettings, required};
pub use streams::{NoStream, OtherCluster, UnfitServer, UnfitStream, dead_letter_stream};
pub use subscription::{
    CLIENT_ID, Consumer, DURABLE, HANDED_BACK_AFTER, Membership, QUEUE_GROUP, Source, Start, Subscription, Verdict,
};
pub use topology::Topology;
pub use url::{InvalidUrl, ServerUrl};
