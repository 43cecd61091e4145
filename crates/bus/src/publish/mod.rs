//! Publishing: a message is stored once, however often it is sent.
//!
//! Decided, and why:
//!
//! * **The caller's id goes with every attempt** as the message id, so the server stores one message for all of them. Trying
//!   ends after 30 s, well within the stream's duplicate window of two minutes.
//! * **Retries are here and not with the callers**: a broker that restarts, a leader that is being elected, a stream that
//!   somebody deleted. What can't pass by itself is returned immediately, also that no stream has the subject.
//! * **The first attempt is the hot path**: no timer unless the client must wait for room, and the retries are boxed, so that
//!   the future of an attempt that succeeds stays small.

mod publisher;

use std::pin::pin;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::PublishErrorKind::TimedOut;
use async_nats::jetstream::context::{PublishError as NotPublished, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use events::Subject;
use futures_util::FutureExt;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::delivery::EXPERIMENT;
use crate::error::chain;
use crate::handle::{PUBLISH_ATTEMPT_TIMEOUT, RETRY_PAUSE};
use crate::{Bus, EVENT_ID, streams};

pub use publisher::{Publisher, RecordedEvent};

/// How long publishing is tried altogether: the ack timeout of NATS Streaming's clients.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after the stream was missing.
const STREAM_PAUSE: Duration = Duration::from_millis(100);

/// The broker's confirmation that it has stored a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The sequence of the message in the stream.
    pub sequence: u64,
    /// Whether the message was stored already, by an earlier attempt.
    pub duplicate: bool,
}

/// Why the broker did not confirm a message.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The broker did not answer within 30 s. The message may be stored nevertheless.
    #[error("publish ack timeout: the broker did not confirm {subject} within {PUBLISH_TIMEOUT:?}")]
    TimedOut {
        /// The subject that it was published on.
        subject: String,
    },
    /// The broker answered for 30 s that it can't store the message now: its disk is full, or the stream has no leader.
    #[error("the broker has not stored {subject} for {PUBLISH_TIMEOUT:?}; its last answer: {answer}")]
    Unavailable {
        /// The subject that it was published on.
        subject: String,
        /// What the broker answered last.
        answer: String,
    },
    /// The streams exist, and none has the subject.
    #[error(
        "no stream of the broker has the subject {subject}: start a version of the services that knows it, which adds it"
    )]
    NoStream {
        /// The subject that it was published on.
        subject: String,
    },
    /// The message is larger than the server accepts.
    #[error("the message is too large for the broker, which accepts {limit} bytes with headers")]
    TooLarge {
        /// The server's `max_payload`, in bytes.
        limit: usize,
    },
    /// The server refused the message.
    #[error("the broker refused the message: {0}")]
    Refused(String),
    /// The time is out of range for a scheduled message.
    #[error("{0} is out of range for a scheduled message")]
    Time(time::OffsetDateTime),
    /// The event can't be written as JSON.
    #[error("failed to write the event as JSON: {0}")]
    Encode(#[from] serde_json::Error),
}

impl PublishError {
    /// Whether another attempt may succeed.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Unavailable { .. } => true,
            Self::NoStream { .. } | Self::TooLarge { .. } | Self::Refused(_) | Self::Time(_) | Self::Encode(_) => false,
        }
    }
}

impl Bus {
    /// Publishes a message of any bytes, and returns when the broker has stored it.
    ///
    /// While the broker is away, publishing is tried again for 30 s. The message is stored once, however often it is tried.
    ///
    /// # Errors
    ///
    /// When the broker does not confirm the message in that time, or refuses it.
    pub async fn publish(&self, subject: Subject, payload: Bytes) -> Result<Published, PublishError> {
        let subject = async_nats::Subject::from_static(subject.as_str());
        self.store(subject, || Ok(payload.clone()), HeaderMap::new(), &nuid::next()).await
    }

    /// As [`Bus::publish`], of an experiment: no listener of a service handles the event, and an audit does not miss its row.
    ///
    /// # Errors
    ///
    /// As those of [`Bus::publish`].
    pub async fn publish_experiment(&self, subject: Subject, payload: Bytes) -> Result<Published, PublishError> {
        let subject = async_nats::Subject::from_static(subject.as_str());
        let mut headers = HeaderMap::new();
        headers.insert(EXPERIMENT, "true");
        self.store(subject, || Ok(payload.clone()), headers, &nuid::next()).await
    }

    /// As [`Bus::publish`], on any subject of our streams, with headers, and with an id of the caller's, which becomes the
    /// event's id too unless the headers name one. The payload is created for each attempt; nearly always there is one.
    pub(crate) async fn store(
        &self,
        subject: async_nats::Subject,
        payload: impl Fn() -> Result<Bytes, PublishError>,
        headers: HeaderMap,
        id: &str,
    ) -> Result<Published, PublishError> {
        match self.attempt(&subject, payload()?, headers.clone(), id).await {
            Ok(published) => Ok(published),
            Err(error) => Box::pin(self.try_again(error, subject, payload()?, headers, id)).await,
        }
    }

    async fn attempt(
        &self,
        subject: &async_nats::Subject,
        payload: Bytes,
        mut headers: HeaderMap,
        id: &str,
    ) -> Result<Published, NotPublished> {
        if headers.get(EVENT_ID).is_none() {
            headers.insert(EVENT_ID, id);
        }
        let message = PublishMessage::build().headers(headers).payload(payload).message_id(id);
        let mut sending = pin!(self.publishing().send_publish(subject.clone(), message));
        // Nearly always the client has room to send, and creating a timer costs.
        let sent = match sending.as_mut().now_or_never() {
            Some(sent) => sent?,
            None => timeout(PUBLISH_ATTEMPT_TIMEOUT, sending).await.map_err(|_| NotPublished::new(TimedOut))??,
        };
        let ack = sent.await?;
        Ok(Published { sequence: ack.sequence, duplicate: ack.duplicate })
    }

    async fn try_again(
        &self,
        mut error: NotPublished,
        subject: async_nats::Subject,
        payload: Bytes,
        headers: HeaderMap,
        id: &str,
    ) -> Result<Published, PublishError> {
        let give_up = Instant::now() + PUBLISH_TIMEOUT;
        let mut last_answer = None;
        loop {
            last_answer = answer(&error).map(ToString::to_string).or(last_answer);
            self.prepare_retry(&error, &subject, give_up).await?;
            let connected = timeout_at(give_up, self.connected()).await;
            if connected.is_err() || Instant::now() >= give_up {
                let subject = subject.to_string();
                return Err(match last_answer {
                    Some(answer) => PublishError::Unavailable { subject, answer },
                    None => PublishError::TimedOut { subject },
                });
            }
            match self.attempt(&subject, payload.clone(), headers.clone(), id).await {
                Ok(published) => return Ok(published),
                Err(failed) => error = failed,
            }
        }
    }

    /// Does what the next attempt needs after this error; an error if another attempt can't help.
    async fn prepare_retry(&self, error: &NotPublished, subject: &str, give_up: Instant) -> Result<(), PublishError> {
        match error.kind() {
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Ok(()),
            // JetStream is starting, the stream has no leader yet, or somebody deleted it. A cluster that elects its leaders
            // leaves requests to its API unanswered. Their timeout is long: after it, the stream may have had a leader for
            // seconds.
            PublishErrorKind::StreamNotFound => {
                let limit = give_up.min(Instant::now() + PUBLISH_ATTEMPT_TIMEOUT);
                let nowhere = async { streams::ensure(self).await.is_ok() && streams::is_nowhere(self, subject).await };
                if timeout_at(limit, nowhere).await == Ok(true) {
                    return Err(PublishError::NoStream { subject: subject.to_owned() });
                }
                sleep(STREAM_PAUSE).await;
                Ok(())
            }
            PublishErrorKind::MaxPayloadExceeded => Err(PublishError::TooLarge { limit: self.client().max_payload() }),
            // The stream has no leader at the moment, or the disk no room.
            PublishErrorKind::Other if is_unavailable(error) => {
                sleep(RETRY_PAUSE).await;
                Ok(())
            }
            PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::Other => Err(PublishError::Refused(chain(error))),
        }
    }
}

/// What the broker answered, if it did.
fn answer(error: &NotPublished) -> Option<&jetstream::Error> {
    std::error::Error::source(error).and_then(|source| source.downcast_ref())
}

/// Whether JetStream is unable to store the message now, as opposed to ever: it has no leader or no room, or an earlier
/// attempt with the same message id, whose answer was lost, has not been stored or dropped yet.
fn is_unavailable(error: &NotPublished) -> bool {
    answer(error).is_some_and(|answer| {
        let passes = [ErrorCode::ACCOUNT_RESOURCES_EXCEEDED, ErrorCode::STREAM_DUPLICATE_MESSAGE_CONFLICT];
        answer.code() >= 500 || passes.contains(&answer.error_code())
    })
}
