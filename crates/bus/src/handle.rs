//! The bus as its users hold it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind::TimedOut;
use async_nats::jetstream::context::{ContextBuilder, PublishError as NotPublished, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::FutureExt;
use service::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::listener::{Claim, Claims};
use crate::subscription::OthersConsumer;
use crate::{
    AlreadyRegistered, Connection, EVENT_ID, IfAbsent, ListenedTwice, Listening, LoginRefused, Name, NoStream,
    OtherCluster, Publisher, UnfitServer, UnfitStream, streams,
};
use events::{Direct, Subject};
use telemetry::Tracer;
use telemetry::WarnOnce;

/// How long an answer of the JetStream API may take.
const API_WITHIN: Duration = Duration::from_secs(3);

/// How long one attempt to publish may take; the next one is known to the server as the same by its message id.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(1);

/// How long publishing is tried altogether: the ack timeout of NATS Streaming's clients, and well within the stream's
/// duplicate window.
const PUBLISH_WITHIN: Duration = Duration::from_secs(30);

/// The pause after a failure that passes by itself.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The state of the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link {
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    pub(crate) times_connected: u64,
}

/// A connection to the broker, ready for use. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Bus {
    parts: Arc<Parts>,
    /// Whose steps it is to send and to handle.
    pub(crate) tracer: Tracer,
}

#[derive(Debug)]
struct Parts {
    client: Client,
    api: jetstream::Context,
    publishing: jetstream::Context,
    cluster_id: Name,
    client_id: Name,
    replicas: u8,
    link: watch::Receiver<Link>,
    /// What this client listens to, for its entry in the registry.
    listening: watch::Sender<Vec<Listening>>,
    claims: Claims,
    if_absent: IfAbsent,
    only_looks: bool,
}

/// The broker's word that it has stored a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its place in the stream.
    pub sequence: u64,
    /// Whether it was there already, from an earlier attempt.
    pub duplicate: bool,
}

/// A message that the broker did not store, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No answer in 30 s of trying. It may have been stored all the same.
    #[error("publish ack timeout: the broker did not confirm {subject} within {PUBLISH_WITHIN:?}")]
    TimedOut {
        /// Where it was published.
        subject: String,
    },
    /// The message is larger than the server takes.
    #[error("the message is too large for the broker, which takes {limit} bytes with headers")]
    TooLarge {
        /// The server's `max_payload`, in bytes.
        limit: usize,
    },
    /// The server said no.
    #[error("the broker refused it: {0}")]
    Refused(String),
    /// The broker cannot wait for that time.
    #[error("{0} is no time that the broker can wait for")]
    Time(time::OffsetDateTime),
    /// The event cannot be written as JSON.
    #[error("the event cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
}

impl PublishError {
    /// Whether another attempt may succeed.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::TooLarge { .. } | Self::Refused(_) | Self::Time(_) | Self::Encode(_) => false,
        }
    }
}

impl Bus {
    pub(crate) fn new(client: Client, connection: &Connection, link: watch::Receiver<Link>) -> Self {
        let Connection { cluster_id, client_id, replicas, if_absent, only_looks, .. } = connection.clone();
        let api = ContextBuilder::new().timeout(API_WITHIN).build(client.clone());
        let publishing = ContextBuilder::new().timeout(ATTEMPT_WITHIN).build(client.clone());
        let (listening, claims) = (watch::Sender::default(), Claims::default());
        Self {
            tracer: Tracer::default(),
            parts: Arc::new(Parts {
                client,
                api,
                publishing,
                cluster_id,
                client_id,
                replicas,
                link,
                listening,
                claims,
                if_absent,
                only_looks,
            }),
        }
    }

    /// Whose events these are; also the name of their stream.
    pub fn cluster_id(&self) -> &Name {
        &self.parts.cluster_id
    }

    /// Who we are to the broker.
    pub fn client_id(&self) -> &Name {
        &self.parts.client_id
    }

    /// On how many servers of a cluster our streams are, at least.
    pub(crate) fn replicas(&self) -> usize {
        self.parts.replicas.into()
    }

    /// Whether the streams are left as they are.
    pub(crate) fn only_looks(&self) -> bool {
        self.parts.only_looks
    }

    /// The right to publish one kind of event, by itself.
    pub fn publisher<E: Direct>(&self) -> Publisher<E> {
        Publisher::new(self.clone())
    }

    /// Stores a message under a subject, whatever its bytes; returns when the broker has confirmed it.
    ///
    /// It is tried again while the broker is away, for 30 s, and stored once however often it is tried.
    ///
    /// # Errors
    ///
    /// When the broker does not confirm it in that time, or refuses it.
    pub async fn publish(&self, subject: Subject, payload: Bytes) -> Result<Published, PublishError> {
        let subject = async_nats::Subject::from_static(subject.as_str());
        self.store(subject, || Ok(payload.clone()), HeaderMap::new(), &nuid::next()).await
    }

    /// As [`Bus::publish`], for any subject of our streams, headers, and an id of the caller's, which is the event's too
    /// unless the headers name one. The payload is made anew for each attempt, of which there is nearly always one.
    pub(crate) async fn store(
        &self,
        subject: async_nats::Subject,
        payload: impl Fn() -> Result<Bytes, PublishError>,
        headers: HeaderMap,
        id: &str,
    ) -> Result<Published, PublishError> {
        match self.attempt(&subject, payload()?, headers.clone(), id).await {
            Ok(published) => Ok(published),
            // Boxed, so that those that succeed at once, which are most, are not the larger for it.
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
        let mut sending = pin!(self.parts.publishing.send_publish(subject.clone(), message));
        // There is room to send nearly always, and setting up a timer costs.
        let sent = match sending.as_mut().now_or_never() {
            Some(sent) => sent?,
            None => timeout(ATTEMPT_WITHIN, sending).await.map_err(|_| NotPublished::new(TimedOut))??,
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
        let give_up = Instant::now() + PUBLISH_WITHIN;
        loop {
            match error.kind() {
                PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {}
                // JetStream is starting, or somebody deleted the stream.
                PublishErrorKind::StreamNotFound => {
                    timeout_at(give_up, streams::ensure(self)).await.ok();
                    sleep(Duration::from_millis(100)).await;
                }
                PublishErrorKind::MaxPayloadExceeded => {
                    return Err(PublishError::TooLarge { limit: self.parts.client.max_payload() });
                }
                // No leader just now, or no room on the disk.
                PublishErrorKind::Other if is_unavailable(&error) => sleep(AGAIN_AFTER).await,
                PublishErrorKind::WrongLastMessageId
                | PublishErrorKind::WrongLastSequence
                | PublishErrorKind::MaxAckPending
                | PublishErrorKind::Other => return Err(PublishError::Refused(chain(&error))),
            }
            let connected = timeout_at(give_up, self.connected()).await;
            if connected.is_err() || Instant::now() >= give_up {
                return Err(PublishError::TimedOut { subject: subject.to_string() });
            }
            match self.attempt(&subject, payload.clone(), headers.clone(), id).await {
                Ok(published) => return Ok(published),
                Err(failed) => error = failed,
            }
        }
    }

    /// Waits for everything sent so far to have reached the server, at most as long as `limit`.
    pub(crate) async fn flush(&self, limit: Duration) {
        if self.is_connected() {
            timeout(limit, self.parts.client.flush()).await.ok();
        }
    }

    /// Whether the broker can be reached, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.parts.link.borrow().connected
    }

    /// Waits until the broker can be reached.
    pub(crate) async fn connected(&self) {
        let mut link = self.parts.link.clone();
        if link.wait_for(|link| link.connected).await.is_err() {
            std::future::pending::<()>().await; // the connection is closed for good
        }
    }

    /// Whether a failure passes by itself, for one who waits for a broker that is away; then a while has passed.
    pub(crate) async fn passes(&self, error: &Error, once: &mut WarnOnce) -> bool {
        let passes = self.parts.if_absent == IfAbsent::Wait && !is_final(error);
        if passes {
            once.warn(&format_args!("{error:#}; trying again"));
            self.connected().await;
            sleep(AGAIN_AFTER).await;
        }
        passes
    }

    /// Waits until a lost connection was made again.
    pub(crate) fn reconnected(&self) -> impl Future<Output = ()> + use<> {
        let mut link = self.link();
        let times_connected = link.borrow().times_connected;
        async move {
            if link.wait_for(|link| link.times_connected != times_connected).await.is_err() {
                std::future::pending::<()>().await; // the connection is closed for good
            }
        }
    }

    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.parts.link.clone()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.parts.client
    }

    pub(crate) fn listening(&self) -> &watch::Sender<Vec<Listening>> {
        &self.parts.listening
    }

    /// Makes a group's events of a subject this listener's, and no other's of this process.
    pub(crate) fn claim(&self, group: &Name, subject: Subject, listener: &'static str) -> Result<Claim, ListenedTwice> {
        self.parts.claims.claim(group.clone(), subject, listener)
    }

    /// What the server has said about itself.
    pub fn server_info(&self) -> async_nats::ServerInfo {
        self.parts.client.server_info()
    }

    /// JetStream's own interface, for tools that look at streams and consumers.
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.parts.api
    }
}

/// Whether waiting does not help.
pub(crate) fn is_final(error: &Error) -> bool {
    error.is::<LoginRefused>()
        || error.is::<UnfitServer>()
        || error.is::<UnfitStream>()
        || error.is::<OtherCluster>()
        || error.is::<NoStream>()
        || error.is::<OthersConsumer>()
        || error.is::<AlreadyRegistered>()
}

/// Whether JetStream says that it can't now, as opposed to: never.
fn is_unavailable(error: &NotPublished) -> bool {
    let said = std::error::Error::source(error).and_then(|source| source.downcast_ref::<jetstream::Error>());
    said.is_some_and(|said| said.code() == 503)
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
