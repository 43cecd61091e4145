//! One member of a group, with its messages in flight.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_nats::{Message, Subject, jetstream};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::Consumer;
use super::pull::{Arrival, Pull};
use crate::{Bus, Delivery};

/// A message in flight, and the subject that its verdict goes to.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) reply: Subject,
    /// The number of the delivery to this member.
    number: u64,
}

/// Something that is being sent to the broker.
///
/// Sending waits while the client has much to send. A loop that also drives other sending must not wait there itself: the
/// others would hold places in the queue that they never use, and nothing would move again.
pub(crate) type Sending<'a> = BoxFuture<'a, ()>;

/// What was requested, what has arrived, and what is being handled.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) pull: Pull,
    bus: Bus,
    inbox: String,
    /// The subject that requests for messages go to.
    request_subject: String,
    /// How many messages it tries to have.
    target: usize,
    waiting: VecDeque<Item>,
    /// The reply subjects of the messages that are being handled.
    begun: HashMap<u64, Subject>,
    arrivals: u64,
    /// Parses the reply subject of a message; kept, since creating one costs more than parsing.
    parser: jetstream::Message,
}

impl Member {
    pub(crate) fn new(bus: Bus, inbox: String, request_subject: String, consumer: &Consumer) -> Self {
        let target = consumer.batch.max(consumer.concurrency);
        let empty = Message {
            subject: inbox.as_str().into(),
            reply: None,
            payload: Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        };
        let parser = jetstream::Message { message: empty, context: bus.jetstream().clone() };
        let (pull, waiting, begun) = (Pull::new(), VecDeque::new(), HashMap::new());
        Self { pull, bus, inbox, request_subject, target, waiting, begun, arrivals: 0, parser }
    }

    /// The request for more messages, if there are few beside those whose handlers only wait.
    pub(crate) fn request(&mut self, parked: usize) -> Option<Sending<'static>> {
        let in_flight = (self.waiting.len() + self.begun.len()).saturating_sub(parked);
        let request = self.pull.request(in_flight, self.target)?;
        let (bus, subject) = (self.bus.clone(), self.request_subject.clone());
        let (inbox, payload) = (format!("{}.{}", self.inbox, request.number), request.payload());
        Some(Box::pin(async move {
            // An error means that the connection is closed, which the inbox reports too.
            bus.client().publish_with_reply(subject, inbox, payload).await.ok();
        }))
    }

    /// Adds a message to those that wait.
    pub(crate) fn arrived(&mut self, message: Message) -> Arrival {
        let arrival = self.pull.arrived(&message);
        if arrival == Arrival::Message {
            match self.item(message) {
                Some(item) => self.waiting.push_back(item),
                None => tracing::warn!("ignored a message in the inbox that is not from JetStream"),
            }
        }
        arrival
    }

    /// The next message to handle.
    pub(crate) fn begin(&mut self) -> Option<Item> {
        let item = self.waiting.pop_front()?;
        self.begun.insert(item.number, item.reply.clone());
        Some(item)
    }

    /// The message is handled.
    pub(crate) fn done(&mut self, item: &Item) {
        self.begun.remove(&item.number);
    }

    /// Reports to the broker that every message in flight is still being handled.
    pub(crate) fn progress(&self) -> Option<Sending<'static>> {
        let replies: Vec<_> = self.begun.values().chain(self.waiting.iter().map(|item| &item.reply)).cloned().collect();
        if replies.is_empty() || !self.bus.is_connected() {
            return None;
        }
        let bus = self.bus.clone();
        Some(Box::pin(async move {
            for reply in replies {
                bus.client().publish(reply, "+WPI".into()).await.ok();
            }
        }))
    }

    fn item(&mut self, message: Message) -> Option<Item> {
        self.parser.message = message;
        let delivery = Delivery::of(&mut self.parser)?;
        self.arrivals += 1;
        let reply = self.parser.message.reply.take()?;
        Some(Item { delivery: Arc::new(delivery), reply, number: self.arrivals })
    }
}
