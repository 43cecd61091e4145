//! The handle of a connection: what a connection gives, and nothing that is made with it.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use telemetry::{Tracer, WarnOnce};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::claim::Claims;
use crate::{Connection, Error, IfAbsent, Listening, Name, Streams};

/// How long a request to the JetStream API may take.
const API_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one attempt to publish may take. The server recognises the next attempt by the message id.
pub(crate) const PUBLISH_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);

/// The pause after a failure that passes by itself.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(250);

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
    /// Begins the steps of traces that this process publishes and handles events in.
    pub(crate) tracer: Tracer,
}

#[derive(Debug)]
struct Parts {
    client: Client,
    api: jetstream::Context,
    publishing: jetstream::Context,
    connection: Connection,
    link: watch::Receiver<Link>,
    /// The subscriptions of this process, for its entry in the client registry.
    listening: watch::Sender<Vec<Listening>>,
    claims: Claims,
}

impl Bus {
    pub(crate) fn new(client: Client, connection: Connection, link: watch::Receiver<Link>) -> Self {
        let api = ContextBuilder::new().timeout(API_TIMEOUT).build(client.clone());
        let publishing = ContextBuilder::new().timeout(PUBLISH_ATTEMPT_TIMEOUT).build(client.clone());
        let (listening, claims) = (watch::Sender::default(), Claims::default());
        let parts = Parts { client, api, publishing, connection, link, listening, claims };
        Self { parts: Arc::new(parts), tracer: Tracer::default() }
    }

    /// The cluster whose events these are; also the name of their stream.
    pub fn cluster_id(&self) -> &Name {
        &self.parts.connection.cluster_id
    }

    /// The name of this process at the broker.
    pub fn client_id(&self) -> &Name {
        &self.parts.connection.client_id
    }

    /// How many replicas our streams have at least.
    pub(crate) fn replicas(&self) -> usize {
        self.parts.connection.replicas.into()
    }

    /// What this process does about the streams.
    pub(crate) fn streams(&self) -> Streams {
        self.parts.connection.streams
    }

    /// Waits until everything sent so far has reached the server, for at most `limit`.
    pub(crate) async fn flush(&self, limit: Duration) {
        if self.is_connected() {
            timeout(limit, self.parts.client.flush()).await.ok();
        }
    }

    /// Whether the broker is reachable, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.parts.link.borrow().connected
    }

    /// Waits until the broker is reachable.
    pub(crate) async fn connected(&self) {
        let mut link = self.link();
        if link.wait_for(|link| link.connected).await.is_err() {
            std::future::pending::<()>().await; // the connection is closed permanently
        }
    }

    /// Whether to try again after this error: if it may pass, and this connection waits for a broker that is away. It
    /// returns `true` after a pause, when the broker is reachable.
    pub(crate) async fn waits_out(&self, error: &Error, once: &mut WarnOnce) -> bool {
        let tries_again = self.parts.connection.if_absent == IfAbsent::Wait && !error.is_permanent();
        if tries_again {
            once.warn(&format_args!("{error:#}; trying again"));
            self.connected().await;
            sleep(RETRY_PAUSE).await;
        }
        tries_again
    }

    /// Waits until a lost connection is restored.
    pub fn reconnected(&self) -> impl Future<Output = ()> + use<> {
        let mut link = self.link();
        let times_connected = link.borrow().times_connected;
        async move {
            if link.wait_for(|link| link.times_connected != times_connected).await.is_err() {
                std::future::pending::<()>().await; // the connection is closed permanently
            }
        }
    }

    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.parts.link.clone()
    }

    /// The connection itself, for what is not an event.
    pub fn client(&self) -> &Client {
        &self.parts.client
    }

    /// JetStream with the short timeout of one attempt to publish: 1 s.
    pub fn publishing(&self) -> &jetstream::Context {
        &self.parts.publishing
    }

    pub(crate) fn listening(&self) -> &watch::Sender<Vec<Listening>> {
        &self.parts.listening
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.parts.claims
    }

    /// What the server has reported about itself.
    pub fn server_info(&self) -> async_nats::ServerInfo {
        self.parts.client.server_info()
    }

    /// The JetStream API, for tools that inspect streams and consumers.
    pub fn jetstream(&self) -> &jetstream::Context {
        &self.parts.api
    }
}
