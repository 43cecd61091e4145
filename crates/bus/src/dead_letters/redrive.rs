//! Giving a dead letter to its group once more.

use async_nats::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use service::Error;

use super::DeadLetter;
use crate::reader::message_at;
use crate::streams::dead_letter_stream;
use crate::subscription::somebody_listens;
use crate::{Bus, Delivery, EVENT_ID, Name, PublishError};

/// The header that names the only group an event is for: every other one acks it unseen.
pub(crate) const REDRIVE_GROUP: HeaderName = HeaderName::from_static("Redrive-Group");

/// The header with the number of the dead letter that an event was.
pub(crate) const REDRIVE_OF: &str = "Redrive-Of";

/// Why a dead letter stays one.
#[derive(Debug, thiserror::Error)]
pub enum NotRedriven {
    /// It was too large to be kept whole.
    #[error("only {kept} of its {whole_size} bytes were kept, and event #{sequence} with the others is gone")]
    Cut {
        /// How many bytes there are.
        kept: usize,
        /// How many there were.
        whole_size: u64,
        /// Where the event was.
        sequence: u64,
    },
    /// It would be for nobody.
    #[error(
        "no {group} listens to {subject}: start the service that does, or `ticketing bus dlq drop` it if there is none any \
         more"
    )]
    NobodyListens {
        /// Whose it is.
        group: String,
        /// Where it was published.
        subject: String,
    },
    /// The broker has seen its message id a short while ago, in another message.
    #[error("the broker takes it for another one that was redriven a short while ago: try again in two minutes")]
    TakenForAnother,
    /// The event could not be published.
    #[error(transparent)]
    NotPublished(#[from] PublishError),
    /// The broker did not answer. Whatever it did, doing it again does it once.
    #[error("{0:#}")]
    NoAnswer(Error),
}

impl NotRedriven {
    /// Whether it is the broker's trouble, and not this one's.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Cut { .. } | Self::NobodyListens { .. } | Self::TakenForAnother => false,
            Self::NotPublished(error) => error.may_pass(),
            Self::NoAnswer(_) => true,
        }
    }
}

impl DeadLetter {
    /// The one with this number, if there is one.
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
    /// Bytes, headers and id are what they were, so an effect that the event has had already it does not have again.
    /// Killed half way and done again, it is stored once: a dead letter's number never comes again.
    ///
    /// # Errors
    ///
    /// When it stays a dead letter, with the reason.
    pub async fn redrive(&self, bus: &Bus) -> Result<(), NotRedriven> {
        let payload = self.whole_payload(bus).await?;
        if !somebody_listens(bus, &self.group, &self.subject).await.map_err(NotRedriven::NoAnswer)? {
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
        Self::remove(bus, self.number).await.map_err(NotRedriven::NoAnswer)?;
        Ok(())
    }

    /// Removes the one with this number, for good; tells whether it was there.
    ///
    /// # Errors
    ///
    /// When the broker does not confirm it.
    pub async fn remove(bus: &Bus, number: u64) -> Result<bool, Error> {
        let name = dead_letter_stream(bus.cluster_id());
        let stream = bus.jetstream().get_stream_no_info(&name).await?;
        match stream.delete_message(number).await {
            Ok(_) => Ok(true),
            // The server has more than one way to say that it is not there.
            Err(_) if message_at(bus, &name, number).await?.is_none() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Its bytes; of one that was cut, from the stream of events.
    async fn whole_payload(&self, bus: &Bus) -> Result<Bytes, NotRedriven> {
        let (kept, whole_size, sequence) = (self.payload.len(), self.whole_size, self.sequence);
        if whole_size <= kept as u64 {
            return Ok(self.payload.clone());
        }
        let event = message_at(bus, bus.cluster_id().as_str(), sequence).await.map_err(NotRedriven::NoAnswer)?;
        let event = event.filter(|event| event.identity() == self.event_id);
        event.map(|event| event.payload).ok_or(NotRedriven::Cut { kept, whole_size, sequence })
    }

    /// Whether this place in the stream of events is that of its redrive.
    async fn is_at(&self, bus: &Bus, sequence: u64) -> Result<bool, NotRedriven> {
        let event = message_at(bus, bus.cluster_id().as_str(), sequence).await.map_err(NotRedriven::NoAnswer)?;
        Ok(event.is_some_and(|event| event.redrive_of() == Some(self.number) && event.identity() == self.event_id))
    }
}

impl Delivery {
    /// The number of the dead letter that it was, when it is redriven.
    pub fn redrive_of(&self) -> Option<u64> {
        self.headers.get(REDRIVE_OF)?.as_str().parse().ok()
    }

    /// The only group it is for, when it is redriven.
    pub fn redriven_for(&self) -> Option<&str> {
        self.headers.get(REDRIVE_GROUP).map(HeaderValue::as_str)
    }

    pub(crate) fn is_for_another(&self, group: &Name) -> bool {
        self.redriven_for().is_some_and(|only| only != group.as_str())
    }
}
