//! One member of a group, with what it has in hand.

use std::collections::VecDeque;
use std::sync::Arc;

use async_nats::{Message, Subject, jetstream};
use service::Error;

use super::consumer::Held;
use super::pull::{Arrival, Pull};
use super::{Bus, Consumer, Delivery};

/// A message in hand, and where its verdict goes.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) delivery: Arc<Delivery>,
    pub(super) reply: Subject,
}

/// What was asked for, what has come, and what is being handled.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) pull: Pull,
    bus: Bus,
    inbox: String,
    next_subject: String,
    /// How many messages it wants to have.
    target: usize,
    waiting: VecDeque<Item>,
    begun: Vec<Subject>,
}

impl Member {
    pub(super) fn new(bus: Bus, inbox: String, held: &Held, consumer: &Consumer) -> Self {
        let target = consumer.batch.max(consumer.concurrency);
        let next_subject = held.next_subject();
        Self { pull: Pull::new(), bus, inbox, next_subject, target, waiting: VecDeque::new(), begun: Vec::new() }
    }

    /// Asks for more messages, when there are few.
    pub(super) async fn ask(&mut self) -> Result<(), Error> {
        if self.bus.is_connected()
            && let Some(ask) = self.pull.ask(self.waiting.len() + self.begun.len(), self.target)
        {
            let inbox = format!("{}.{}", self.inbox, ask.number);
            self.bus.client().publish_with_reply(self.next_subject.clone(), inbox, ask.payload()).await?;
        }
        Ok(())
    }

    /// Puts a message with those that wait.
    pub(super) fn arrived(&mut self, message: Message) -> Arrival {
        let arrival = self.pull.arrived(&message);
        if arrival == Arrival::Message {
            match item(&self.bus, message) {
                Some(item) => self.waiting.push_back(item),
                None => tracing::warn!("somebody sent a message to our inbox that is not from JetStream"),
            }
        }
        arrival
    }

    /// The next one to handle.
    pub(super) fn begin(&mut self) -> Option<Item> {
        let item = self.waiting.pop_front()?;
        self.begun.push(item.reply.clone());
        Some(item)
    }

    pub(super) fn done(&mut self, item: &Item) {
        self.begun.retain(|reply| *reply != item.reply);
    }

    /// Tells the broker that everything in hand is still in hand.
    pub(super) async fn tell_progress(&self) -> Result<(), Error> {
        if self.bus.is_connected() {
            for reply in self.begun.iter().chain(self.waiting.iter().map(|item| &item.reply)) {
                self.bus.client().publish(reply.clone(), "+WPI".into()).await?;
            }
        }
        Ok(())
    }
}

/// Reads a message as JetStream delivers it: its place stands in the subject for the reply.
fn item(bus: &Bus, message: Message) -> Option<Item> {
    let message = jetstream::Message { message, context: bus.api().clone() };
    let info = message.info().ok()?;
    let (sequence, published) = (info.stream_sequence, info.published);
    let attempt = u64::try_from(info.delivered).ok()?;
    let Message { subject, reply, payload, headers, .. } = message.message;
    let headers = headers.unwrap_or_default();
    let delivery = Delivery { subject: subject.into_string(), payload, sequence, attempt, published, headers };
    Some(Item { delivery: Arc::new(delivery), reply: reply? })
}
