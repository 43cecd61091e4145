//! One member of a group, with what it has in hand.

use std::collections::VecDeque;
use std::sync::Arc;

use async_nats::{Message, Subject, jetstream};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::Consumer;
use super::consumer::Held;
use super::pull::{Arrival, Pull};
use crate::{Bus, Delivery};

/// A message in hand, and where its verdict goes.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) reply: Subject,
}

/// Something on its way to the broker.
///
/// Sending waits when the client has much to send. Whoever sends from a loop that also drives other sending must not
/// wait there: the others would hold places in the queue that they never use, and nothing would move again.
pub(crate) type Sent<'a> = BoxFuture<'a, ()>;

/// What was asked for, what has come, and what is being handled.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) pull: Pull,
    bus: Bus,
    inbox: String,
    next_subject: String,
    /// How many messages it wants to have.
    target: usize,
    waiting: VecDeque<Item>,
    begun: Vec<Subject>,
    /// Reads what stands in a message's reply subject; kept, since making one costs more than reading.
    reader: jetstream::Message,
}

impl Member {
    pub(crate) fn new(bus: Bus, inbox: String, held: &Held, consumer: &Consumer) -> Self {
        let target = consumer.batch.max(consumer.concurrency);
        let next_subject = held.next_subject();
        let empty = Message {
            subject: inbox.as_str().into(),
            reply: None,
            payload: Bytes::new(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        };
        let reader = jetstream::Message { message: empty, context: bus.jetstream().clone() };
        let (pull, waiting, begun) = (Pull::new(), VecDeque::new(), Vec::new());
        Self { pull, bus, inbox, next_subject, target, waiting, begun, reader }
    }

    /// The request for more messages, when there are few.
    pub(crate) fn ask(&mut self) -> Option<Sent<'static>> {
        let ask = self.pull.ask(self.waiting.len() + self.begun.len(), self.target)?;
        let (bus, subject) = (self.bus.clone(), self.next_subject.clone());
        let (inbox, payload) = (format!("{}.{}", self.inbox, ask.number), ask.payload());
        Some(Box::pin(async move {
            // An error means that the connection is closed, which the inbox tells too.
            bus.client().publish_with_reply(subject, inbox, payload).await.ok();
        }))
    }

    /// Puts a message with those that wait.
    pub(crate) fn arrived(&mut self, message: Message) -> Arrival {
        let arrival = self.pull.arrived(&message);
        if arrival == Arrival::Message {
            match self.item(message) {
                Some(item) => self.waiting.push_back(item),
                None => tracing::warn!("somebody sent a message to our inbox that is not from JetStream"),
            }
        }
        arrival
    }

    /// The next one to handle.
    pub(crate) fn begin(&mut self) -> Option<Item> {
        let item = self.waiting.pop_front()?;
        self.begun.push(item.reply.clone());
        Some(item)
    }

    pub(crate) fn done(&mut self, item: &Item) {
        self.begun.retain(|reply| *reply != item.reply);
    }

    /// The word to the broker that everything in hand is still in hand.
    pub(crate) fn progress(&self) -> Option<Sent<'static>> {
        let replies: Vec<_> = self.begun.iter().chain(self.waiting.iter().map(|item| &item.reply)).cloned().collect();
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
        self.reader.message = message;
        let delivery = Delivery::of(&mut self.reader)?;
        Some(Item { delivery: Arc::new(delivery), reply: self.reader.message.reply.take()? })
    }
}
