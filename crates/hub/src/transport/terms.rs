//! Messages that are published in a term of leadership, at a NATS server.
//!
//! Each of them names the sequence of the channel's message before it, and the server stores it only if that is the last one. So
//! once a later leader has published, the server refuses whatever an earlier one still sends, at whatever time that arrives.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use bus::{Bus, Name};
use bytes::Bytes;
use tokio::sync::Mutex;

use super::{NotPublished, Unavailable};

/// The header with the epoch of the term that a message was published in.
const EPOCH: &str = "Hub-Epoch";

/// How often a message is tried. The first attempt goes by what this process published last, and each later one by what the
/// server has then; both may be outdated by the time that the message arrives.
const ATTEMPTS: usize = 3;

/// Publishes messages of terms. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    bus: Bus,
    stream: Name,
    /// The last message of each subject that this process has published to.
    last: Arc<Mutex<HashMap<String, Last>>>,
}

/// The last message of a subject.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    sequence: u64,
    epoch: u64,
}

impl Terms {
    pub(super) fn new(bus: Bus, stream: Name) -> Self {
        Self { bus, stream, last: Arc::default() }
    }

    /// Publishes a message in a term; its id.
    pub(super) async fn publish(&self, subject: String, epoch: u64, body: Bytes) -> Result<u64, NotPublished> {
        let mut known = self.last.lock().await;
        let mut last = known.remove(&subject); // it is unknown again if this is cancelled
        for _ in 0..ATTEMPTS {
            let before = match last.take() {
                Some(last) => last,
                None => self.last_of(&subject).await?,
            };
            if before.epoch > epoch {
                return Err(NotPublished::Outdated);
            }
            let message = PublishMessage::build()
                .payload(body.clone())
                .header(EPOCH, epoch.to_string().as_str())
                .expected_last_subject_sequence(before.sequence);
            let sent = self.bus.publishing().send_publish(subject.clone(), message).await.map_err(|_| Unavailable)?;
            match sent.await {
                Ok(ack) => {
                    known.insert(subject, Last { sequence: ack.sequence, epoch });
                    return Ok(ack.sequence);
                }
                Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {}
                Err(_) => return Err(Unavailable.into()),
            }
        }
        Err(Unavailable.into())
    }

    async fn last_of(&self, subject: &str) -> Result<Last, Unavailable> {
        let stream: Stream<()> =
            self.bus.jetstream().get_stream_no_info(self.stream.as_str()).await.map_err(|_| Unavailable)?;
        match stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => {
                Ok(Last { sequence: message.sequence, epoch: epoch_of(&message.headers).unwrap_or_default() })
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(Last::default()),
            Err(_) => Err(Unavailable),
        }
    }
}

/// The epoch of the term that a message was published in, if it was published in one.
pub(super) fn epoch_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(EPOCH)?.as_str().parse().ok()
}
