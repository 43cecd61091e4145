//! The one reader of the stream in this process, and what it has read.

use std::sync::{Arc, Mutex, PoisonError};

use bus::{Bus, Delivery, Reader, StoredEvents, stored_events};
use hub::{Limits, Ring};
use service::{Error, Scope, Service};
use telemetry::WarnOnce;

use super::change::{Change, SUBJECTS};
use super::position::{Epoch, Position};
use super::versions::Versions;

/// How much of the stream is kept for clients that are slow or return.
const KEPT: Limits = Limits { items: 10_000, bytes: 16 * 1024 * 1024 };

/// Reads the stream of events; its handle is the [`Feed`], once everything that was stored recently is read.
#[derive(Clone, Debug)]
pub(super) struct Following {
    pub(super) bus: Bus,
}

/// The latest changes. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) bus: Bus,
    pub(super) changes: Ring<Arc<Change>>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    epoch: Epoch,
    versions: Versions,
}

impl Feed {
    /// The position of the newest change.
    pub(super) fn position(&self) -> Position {
        self.with(|state| Position { epoch: state.epoch, sequence: self.changes.newest() })
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.with(|state| state.epoch)
    }

    /// What is known of the versions of tickets.
    pub(super) fn versions<R>(&self, ask: impl FnOnce(&mut Versions) -> R) -> R {
        self.with(|state| ask(&mut state.versions))
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds what an event means, unless it would show a ticket as it was before.
    fn add(&self, delivery: &Delivery, once: &mut WarnOnce) {
        let change = match Change::of(delivery, self.epoch()) {
            Ok(Some(change)) => change,
            Ok(None) => return,
            Err(error) => {
                metrics::counter!("live_unreadable_events_total").increment(1);
                return once.warn(&format_args!("event #{} is not shown: {error}", delivery.sequence));
            }
        };
        let is_new = match &change {
            Change::Order { .. } => true,
            Change::Ticket(ticket) => self.versions(|versions| {
                let is_new = match versions.last(ticket.id) {
                    Some(last) => ticket.seen.version > last.version,
                    None => !ticket.is_repeated,
                };
                if is_new {
                    versions.remember(ticket.id, ticket.seen);
                }
                is_new
            }),
        };
        if is_new {
            self.changes.push(change.sequence(), change.size(), Arc::new(change));
        }
    }
}

impl Service for Following {
    type Handle = Feed;

    async fn run(self, scope: Scope<Feed>) -> Result<(), Error> {
        let Self { bus } = self;
        let stopping = scope.stopping();
        let mut once = WarnOnce::default();
        let StoredEvents { created, first, last } = stopping.or_stop(stored_events(&bus)).await??;
        let begin = last.saturating_sub(KEPT.items as u64).max(first.saturating_sub(1));
        let mut reader = stopping.or_stop(Reader::of_events_behind(&bus, &SUBJECTS, begin)).await??;
        let changes = Ring::new(KEPT);
        changes.open(begin);
        let state = State { epoch: Epoch::of(created), versions: Versions::default() };
        let feed = Feed { bus: bus.clone(), changes, state: Arc::new(Mutex::new(state)) };
        let mut read = begin;
        while let Some(delivery) = stopping.or_stop(reader.try_next()).await?? {
            read = delivery.sequence;
            feed.add(&delivery, &mut once);
        }
        scope.ready(feed.clone());
        while let Some(delivery) = stopping.or(reader.next()).await {
            let delivery = delivery?;
            if delivery.sequence <= read {
                // Somebody has deleted the stream, and it counts from 1 again.
                let created = stopping.or_stop(stored_events(&bus)).await??.created;
                feed.with(|state| {
                    (state.epoch, state.versions) = (Epoch::of(created), Versions::default());
                    feed.changes.skip(delivery.sequence - 1);
                });
            }
            read = delivery.sequence;
            feed.add(&delivery, &mut once);
        }
        reader.close().await;
        Ok(())
    }
}
