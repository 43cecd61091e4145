//! Typed events on NATS JetStream.
//!
//! A [`Connection`] is a service; its handle, the [`Bus`], publishes, and everything else here is made with it. A
//! [`Listener`] handles one kind of event for one queue group; [`Listen`] runs it. Below it, a [`Subscription`] passes
//! untyped messages to a handler and acks each according to the handler's [`Verdict`]. A [`Registration`] keeps a client id to
//! one live process, as NATS Streaming did.
//!
//! All events are stored in one stream, named after the cluster id. A message that can't be handled moves to a second stream,
//! the [dead letters](DeadLetter). A [`Reader`] reads either stream without leaving anything behind;
//! [`inspect`] lists streams, consumers and subjects.
//!
//! The modules import downwards only. From the bottom: [names](Name), [addresses](ServerUrl) and the one [error](Error); the
//! [handle](Bus); the streams; publishing; dead letters; subscriptions and client ids; listeners; and the
//! [connection](connect) of a service, which puts them together.

mod claim;
mod clients;
mod connection;
pub mod crash;
mod dead_letters;
mod delivery;
mod error;
mod handle;
pub mod inspect;
mod listener;
mod lookup;
mod name;
mod publish;
mod reader;
mod settings;
mod spans;
mod stored;
mod streams;
mod subscription;
mod topology;
mod url;

pub use clients::{Client, Entry, Heartbeat, Listening, Registered, Registration, Waiting, clients};
pub use connection::{Connection, IfAbsent, Streams, connect};
pub use dead_letters::{DeadLetter, FailedAttempt, Failures, NotRedriven};
pub use delivery::{Delivery, EVENT_ID, NotAnEvent};
pub use error::{Error, ErrorKind};
pub use handle::Bus;
pub use listener::{
    Awaited, Common, Effects, Keeping, Lanes, Limits, Listen, Listener, ListenerSettings, Listeners, Nowhere,
    Rejection, Settled, Subscribed, WaitingEvent, WaitingRoom,
};
pub use lookup::{delete_event, event_at};
pub use name::{InvalidName, Name};
pub use publish::{PublishError, Published, Publisher, RecordedEvent};
pub use reader::{READER, Reader};
pub use settings::NatsSettings;
pub use stored::{StoredEvents, events_behind, stored_events};
pub use streams::{dead_letter_stream, is_not_found};
pub use subscription::{
    CLIENT_ID, Consumer, DURABLE, Membership, QUEUE_GROUP, RETURN_DELAY, Source, Start, Subscription, Verdict,
};
pub use topology::Topology;
pub use url::{InvalidUrl, ServerUrl};
