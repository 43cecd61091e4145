//! The hub: channels that are open while somebody reads them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use service::{Error, Scope, Service};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Batch, Channel, HubSettings, Limits, Message, Reader, Ring, Transport, Unavailable};

/// How long a new channel may take to open.
const OPEN_WITHIN: Duration = Duration::from_millis(1500);

/// How often channels without readers are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many requests to open a channel wait for the hub at most.
const WAITING: usize = 1024;

/// Keeps the channels of one process open while they are read; its handle is a [`Hub`].
#[derive(Clone, Copy, Debug)]
pub struct MessageHub<T> {
    /// What carries the messages between hubs.
    pub transport: T,
}

/// Publishes to channels and reads them. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Hub<T> {
    transport: T,
    openings: mpsc::Sender<Opening>,
}

/// A request to open a channel, if it is not open, and to return a reader at its end.
#[derive(Debug)]
struct Opening {
    channel: Channel,
    answer: oneshot::Sender<Result<Opened, NotOpened>>,
}

#[derive(Debug)]
struct Opened {
    ring: Ring<Arc<Message>>,
    /// Keeps the channel open until the reader that was asked for exists.
    reader: Reader<Arc<Message>>,
}

/// Why a channel can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// The transport is away at the moment.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// As many channels are open as may be.
    #[error("too many channels are open: try again, or raise hub.max_channels")]
    TooMany,
}

/// Reads one channel.
#[derive(Debug)]
pub struct Subscription {
    reader: Reader<Arc<Message>>,
    /// What is read before the reader.
    first: Option<Batch<Arc<Message>>>,
    /// The id that it continues behind.
    pub behind: u64,
}

impl Subscription {
    /// Waits for the next messages and returns those that wait, within these limits, or that some are missed.
    pub async fn next(&mut self, most: Limits) -> Batch<Arc<Message>> {
        match self.first.take() {
            Some(batch) => batch,
            None => self.reader.next(most).await,
        }
    }

    /// Whether it is certain that messages are missed already at its beginning.
    pub fn begins_with_a_gap(&self) -> bool {
        matches!(self.first, Some(Batch::Missed(_)))
    }
}

impl<T: Transport> Hub<T> {
    /// Publishes a message; its id.
    ///
    /// # Errors
    ///
    /// When the transport is away.
    pub async fn publish(&self, channel: &Channel, body: Bytes) -> Result<u64, Unavailable> {
        self.transport.publish(channel, body).await
    }

    /// Reads a channel from now on or, if `after` is the id of a message, from behind that message. If some of what follows it
    /// is gone, the first batch says so.
    ///
    /// # Errors
    ///
    /// When the transport is away, and when too many channels are open.
    pub async fn subscribe(&self, channel: &Channel, after: Option<u64>) -> Result<Subscription, NotOpened> {
        let (answer, opened) = oneshot::channel();
        // Nobody answers once the hub stops.
        self.openings.send(Opening { channel: channel.clone(), answer }).await.map_err(|_| Unavailable)?;
        let Opened { ring, reader } = opened.await.map_err(|_| Unavailable)??;
        timeout(OPEN_WITHIN, ring.opened()).await.map_err(|_| Unavailable)?;
        let Some(after) = after else {
            let reader = ring.reader();
            return Ok(Subscription { behind: ring.newest(), reader, first: None });
        };
        if let Some(reader) = ring.reader_after(after) {
            return Ok(Subscription { behind: after, reader, first: None });
        }
        // The reader stays where the ring begins now, while what comes before is read elsewhere.
        let (begin, reader) = (ring.newest(), reader);
        let earlier = self.transport.between(channel, after, begin).await?;
        let reader = ring.reader_after(begin).unwrap_or(reader);
        let (behind, first) = match earlier {
            Some(messages) if messages.is_empty() => (after, None),
            Some(messages) => (after, Some(Batch::Items(messages))),
            None => (begin, Some(Batch::Missed(None))),
        };
        Ok(Subscription { reader, first, behind })
    }
}

impl<T: Transport> Service for MessageHub<T> {
    type Handle = Hub<T>;

    async fn run(self, scope: Scope<Hub<T>>) -> Result<(), Error> {
        let settings = scope.settings::<HubSettings>()?;
        let (openings, mut asked) = mpsc::channel(WAITING);
        scope.ready(Hub { transport: self.transport.clone(), openings });
        let mut channels = Channels { open: HashMap::new(), transport: self.transport, scope: &scope };
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = scope.stopping();
        loop {
            tokio::select! {
                () = stopping.asked() => return Ok(()),
                Some(Opening { channel, answer }) = asked.recv() => {
                    // Whoever asked may have left.
                    answer.send(channels.open(channel, &settings.get())).ok();
                }
                _ = look.tick() => channels.close_unread(Duration::from_secs(settings.get().kept_seconds.into())),
            }
        }
    }
}

/// The open channels of a hub.
struct Channels<'a, T> {
    open: HashMap<Channel, OpenChannel>,
    transport: T,
    scope: &'a Scope<Hub<T>>,
}

struct OpenChannel {
    ring: Ring<Arc<Message>>,
    /// How long nobody has read it.
    unread: Duration,
    _closes: DropGuard,
}

impl<T: Transport> Channels<'_, T> {
    fn open(&mut self, channel: Channel, settings: &HubSettings) -> Result<Opened, NotOpened> {
        let is_full = self.open.len() >= settings.max_channels as usize;
        let open = match self.open.entry(channel) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(_) if is_full => return Err(NotOpened::TooMany),
            Entry::Vacant(place) => {
                let ring =
                    Ring::new(Limits { items: settings.kept_messages as usize, bytes: settings.kept_bytes as usize });
                let closed = CancellationToken::new();
                let filling = self.transport.clone().fill(place.key().clone(), ring.clone());
                let until_closed = closed.clone();
                self.scope.spawn("channel", async move {
                    until_closed.run_until_cancelled(filling).await;
                    Ok(())
                });
                place.insert(OpenChannel { ring, unread: Duration::ZERO, _closes: closed.drop_guard() })
            }
        };
        open.unread = Duration::ZERO;
        Ok(Opened { ring: open.ring.clone(), reader: open.ring.reader() })
    }

    /// Closes the channels that nobody has read for this long, and counts the others and their readers.
    fn close_unread(&mut self, kept: Duration) {
        let mut readers = 0;
        self.open.retain(|_, open| {
            let count = open.ring.readers();
            readers += count;
            open.unread = if count == 0 { open.unread + LOOK_EVERY } else { Duration::ZERO };
            open.unread <= kept
        });
        metrics::gauge!("hub_readers").set(readers as f64);
        metrics::gauge!("hub_channels").set(self.open.len() as f64);
    }
}
