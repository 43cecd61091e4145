//! The bus: typed events on JetStream.
//!
//! A [`Connection`] is a service; its handle, the [`Bus`], publishes and is what everything else here is made of. A
//! [`Subscription`] hands messages to a handler, whose [`Verdict`] is what the broker is told. A [`Registration`]
//! keeps a client id to one live process, as NATS Streaming did.
//!
//! All events stand in one stream, named after the cluster id. What can never be handled goes to a second one, the
//! [dead letters](DeadLetter). A [`Reader`] looks at either.

mod claim;
mod connection;
mod consumer;
mod dead_letter;
mod delivery;
mod handle;
mod member;
mod name;
mod publisher;
mod pull;
mod reader;
mod redrive;
mod registration;
mod registry;
mod settings;
mod settle;
mod streams;
mod subscription;
mod traced;
mod url;

pub use claim::ListenedTwice;
pub use connection::{Connection, IfAbsent, LoginRefused, Unreachable, connect};
pub use consumer::{CLIENT_ID, Consumer, DURABLE, Membership, QUEUE_GROUP, Source, Start};
pub use dead_letter::{DeadLetter, Try};
pub use delivery::{Delivery, NotAnEvent};
pub use handle::{Bus, PublishError, Published};
pub use name::{InvalidName, Name};
pub use publisher::Publisher;
pub use reader::{READER, Reader};
pub use redrive::NotRedriven;
pub use registration::{AlreadyRegistered, Displaced, Heartbeat, Registration};
pub use registry::{Client, Entry, Listening, clients};
pub use settings::NatsSettings;
pub use settle::Verdict;
pub use streams::{NoStream, OtherCluster, UnfitServer, UnfitStream, dead_letter_stream};
pub use subscription::{HANDED_BACK_AFTER, Subscription};
pub use url::{InvalidUrl, ServerUrl};

/// The header that carries the id of an event; the same for every copy of it.
pub const EVENT_ID: &str = "Event-Id";
