//! Redriving a dead letter: its group gets the event once more.

use bytes::Bytes;

use super::DeadLetter;
use super::headers::{REDRIVE_GROUP, REDRIVE_OF};
use crate::lookup::message_at;
use crate::streams::dead_letter_stream;
use crate::subscription::has_consumer;
use crate::{Bus, EVENT_ID, Error, PublishError};

/// Why a dead letter was not redriven.
#[derive(Debug, thiserror::Error)]
pub enum NotRedriven {
    /// The message was too large to be stored whole, and the event is not in its stream any more.
    #[error("only {kept} of its {whole_size} bytes were kept, and event #{sequence} with the others is gone")]
    Cut {
        /// How many bytes are stored.
        kept: usize,
        /// How many bytes the message had.
        whole_size: u64,
        /// The sequence that the event had.
        sequence: u64,
    },
    /// No listener of the group exists.
    #[error(
        "no {group} listens to {subject}: start the service that does, or drop the dead letter if there is none any \
         more"
    )]
    NobodyListens {
        /// The queue group of the letter.
        group: String,
        /// The subject of the event.
        subject: String,
    },
    /// The broker remembers the message id from another letter that had the same number.
    #[error("the broker's duplicate window still holds this message id: try again in two minutes")]
    TakenForAnother,
    /// The event could not be published.
    #[error(transparent)]
    NotPublished(#[from] PublishError),
    /// The broker did not answer. Redriving the letter again is safe, whatever the broker did.
    #[error("{0:#}")]
    NoAnswer(Error),
}

impl From<Error> for NotRedriven {
    fn from(error: Error) -> Self {
        Self::NoAnswer(error)
    }
}

impl NotRedriven {
    /// Whether the broker is at fault and not this letter, so that another attempt may succeed.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Cut { .. } | Self::NobodyListens { .. } | Self::TakenForAnother => false,
            Self::NotPublished(error) => error.may_pass(),
            Self::NoAnswer(_) => true,
        }
    }
}

impl DeadLetter {
    /// The dead letter with this number, if there is one.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub async fn find(bus: &Bus, number: u64) -> Result<Option<Self>, Error> {
        let found = message_at(bus, &dead_letter_stream(bus.cluster_id()), number).await?;
        Ok(found.and_then(|message| Self::read(&message)))
    }

    /// Publishes the event again, for its group alone, and removes the dead letter when the broker has confirmed it.
    ///
    /// The event has its former bytes, headers and id, so handlers skip effects that it had already. A redrive that was
    /// interrupted can be repeated: the event is stored once, since the number of a dead letter is never used again.
    ///
    /// # Errors
    ///
    /// Why the letter stays a dead letter.
    pub async fn redrive(&self, bus: &Bus) -> Result<(), NotRedriven> {
        let payload = self.whole_payload(bus).await?;
        if !has_consumer(bus, &self.group, &self.subject).await? {
            return Err(NotRedriven::NobodyListens { group: self.group.clone(), subject: self.subject.clone() });
        }
        let mut headers = self.headers.clone();
        headers.insert(EVENT_ID, self.event_id.as_str());
        headers.insert(REDRIVE_GROUP, self.group.as_str());
        headers.insert(REDRIVE_OF, self.number.to_string());
        let id = format!("redrive-{}-{}", bus.cluster_id(), self.number);
        let published = bus.store(self.subject.as_str().into(), || Ok(payload.clone()), headers, &id).await?;
        if published.duplicate && !self.is_at(bus, published.sequence).await? {
            return Err(NotRedriven::TakenForAnother);
        }
        Self::remove(bus, self.number).await?;
        Ok(())
    }

    /// Removes the dead letter with this number permanently; returns whether it existed.
    ///
    /// # Errors
    ///
    /// When the broker does not confirm it.
    pub async fn remove(bus: &Bus, number: u64) -> Result<bool, Error> {
        let name = dead_letter_stream(bus.cluster_id());
        let failed = |error: async_nats::Error| Error::request(format!("delete dead letter #{number}"), error);
        let stream = bus.jetstream().get_stream_no_info(&name).await.map_err(|error| failed(error.into()))?;
        match stream.delete_message(number).await {
            Ok(_) => Ok(true),
            // The server has several errors that mean that the message does not exist.
            Err(_) if message_at(bus, &name, number).await?.is_none() => Ok(false),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// The bytes of the message; if the letter has only some of them, from the stream of events.
    async fn whole_payload(&self, bus: &Bus) -> Result<Bytes, NotRedriven> {
        let (kept, whole_size, sequence) = (self.payload.len(), self.whole_size, self.sequence);
        if whole_size <= kept as u64 {
            return Ok(self.payload.clone());
        }
        let event = message_at(bus, bus.cluster_id().as_str(), sequence).await?;
        let event = event.filter(|event| event.identity() == self.event_id);
        event.map(|event| event.payload).ok_or(NotRedriven::Cut { kept, whole_size, sequence })
    }

    /// Whether the event with this sequence is the redrive of this letter.
    async fn is_at(&self, bus: &Bus, sequence: u64) -> Result<bool, NotRedriven> {
        let event = message_at(bus, bus.cluster_id().as_str(), sequence).await?;
        Ok(event.is_some_and(|event| event.redrive_of() == Some(self.number) && event.identity() == self.event_id))
    }
}
