#![doc = include_str!("../README.md")]

mod channel;
pub mod connections;
mod front;
mod hub;
mod message;
mod program;
mod ring;
mod settings;
mod transport;

pub use channel::{Channel, InvalidChannel};
pub use front::{Views, page, routes};
pub use hub::{Hub, MessageHub, NotOpened, Subscription};
pub use message::{Format, Message};
pub use program::{HubProgram, connect};
pub use ring::{Batch, Limits, Reader, Ring};
pub use settings::{HubSettings, Transports};
pub use transport::{Chosen, Memory, Nats, NatsTransport, NotPublished, Transport, Unavailable};
