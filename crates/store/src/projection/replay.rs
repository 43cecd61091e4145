//! The replay of a projection: its copies are rebuilt from the events in the stream.
//!
//! The stream is read to its end into a collection that sorts the events by record and version, so no more memory is
//! needed for more of them. Then records and copies are compared side by side, in the order of their ids: the events of
//! each record are folded, and a copy that differs from the result is replaced, in a transaction of its own. The service may
//! be running: it applies events that were published after the reading, so a copy that is ahead of what was read stays as
//! it is. Whether such a copy is justified, the events that were published in the meantime decide.

use std::fmt;

use bus::{Bus, Reader, Start};
use events::Event;
use futures_util::TryStreamExt;
use futures_util::future::BoxFuture;
use mongodb::bson::{Bson, Document, deserialize_from_document, doc};
use serde::Serialize;
use service::Error;

use super::history::{Histories, Record, Sorted};
use super::{Projected, Projection};
use crate::reported::text_of;
use crate::{Store, Tx};

/// How many copies are remembered until they are checked again.
const PAGE: usize = 500;

/// The replay of one projection as a value: a service declares it, and a tool runs it.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// The collection that it rebuilds.
    pub collection: &'static str,
    run: Run,
}

type Run = for<'a> fn(&'a Store, &'a Bus, Report<'a>) -> BoxFuture<'a, Result<Replayed, Error>>;

/// What is called at each step of a replay; an error ends it.
type Report<'a> = &'a mut (dyn FnMut(ReplayStep) -> Result<(), Error> + Send);

/// A step of a [`Replay`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayStep {
    /// A message was read; at most this many are left.
    Read {
        /// The number of messages that are still to be read, at most.
        left: u64,
    },
    /// A record was compared with its copy.
    Compared,
    /// This was done, or found.
    Found(Outcome, String),
}

/// What a [`Replay`] has done about a record, or found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The copy was missing or wrong, and was replaced.
    Rebuilt,
    /// The stream lacks an event of the record: its copy is at least as far as the events before it.
    Incomplete,
    /// The copy is ahead of all events, or there is no event of the record: it stays as it is.
    Beyond,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rebuilt => "rebuilt",
            Self::Incomplete => "incomplete",
            Self::Beyond => "beyond",
        })
    }
}

/// What a [`Replay`] has done and found, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// How many events were read.
    pub events: u64,
    /// How many records the events are about.
    pub records: u64,
    /// How many records have a copy that was missing or wrong, and was replaced.
    pub rebuilt: u64,
    /// Of how many records the stream lacks an event.
    pub incomplete: u64,
    /// How many copies are ahead of all events, or without one.
    pub beyond: u64,
}

impl Replay {
    /// The replay of this projection.
    pub const fn of<T: Projected>() -> Self {
        Self { collection: T::AGGREGATE.plural(), run: |store, bus, report| Box::pin(replay::<T>(store, bus, report)) }
    }

    /// Rebuilds the copies that differ from what the stream reports. It may run alongside the service.
    ///
    /// `report` is called at each step; when it returns an error, the replay ends with it, and leaves nothing behind.
    ///
    /// # Errors
    ///
    /// When the broker or the database does not answer; what was rebuilt until then stays.
    pub async fn run(
        self,
        store: &Store,
        bus: &Bus,
        mut report: impl FnMut(ReplayStep) -> Result<(), Error> + Send,
    ) -> Result<Replayed, Error> {
        (self.run)(store, bus, &mut report).await
    }
}

async fn replay<T: Projected>(store: &Store, bus: &Bus, report: Report<'_>) -> Result<Replayed, Error> {
    let sorted = Sorted::<T>::create(store).await?;
    let reader = Reader::of_events(bus, &[T::Created::SUBJECT, T::Changed::SUBJECT], Start::All).await?;
    let projection = Projection::<T>::of(store);
    let replayed = Replayed::default();
    let mut running =
        Running { store, projection, sorted, reader, report, replayed, ahead: Vec::new(), has_new: false };
    let done = running.run().await;
    running.reader.close().await;
    running.sorted.remove().await?;
    done.map(|()| running.replayed)
}

/// A replay that runs.
struct Running<'a, T: Projected> {
    store: &'a Store,
    projection: Projection<T>,
    sorted: Sorted<T>,
    reader: Reader,
    report: Report<'a>,
    replayed: Replayed,
    /// Copies that are ahead of their events, with their versions.
    ahead: Vec<(String, u64)>,
    /// Whether events were published after the reading.
    has_new: bool,
}

/// A copy as it is stored; `None` instead of the record if it is not readable.
type Copy<T> = (Bson, Option<T>);

impl<T: Projected> Running<'_, T> {
    async fn run(&mut self) -> Result<(), Error> {
        self.replayed.events = self.read().await?;
        let mut histories = self.sorted.histories().await?;
        let copies = self.projection.copies.clone_with_type::<Document>();
        let mut copies = copies.find(doc! {}).sort(doc! { "_id": 1 }).batch_size(PAGE.try_into()?).await?;
        let mut next = async || copies.try_next().await.map(|copy| copy.map(readable::<T>));
        let mut copy = next().await?;
        while let Some(record) = Histories::next(&mut histories).await? {
            self.replayed.records += 1;
            while let Some((id, _)) = copy.as_ref().filter(|(id, _)| precedes(id, &record.id)) {
                let (id, version) = (text_of(id), copy.as_ref().and_then(|(_, copy)| copy.as_ref().map(T::version)));
                self.is_ahead(id, version).await?;
                copy = next().await?;
            }
            let mine = match copy.take_if(|(id, _)| id.as_str() == Some(&record.id)) {
                Some((_, mine)) => {
                    copy = next().await?;
                    mine
                }
                None => None,
            };
            self.compare(record, mine).await?;
            (self.report)(ReplayStep::Compared)?;
        }
        while let Some((id, found)) = copy {
            self.is_ahead(text_of(&id), found.map(|copy| copy.version())).await?;
            copy = next().await?;
        }
        self.judge_those_ahead().await
    }

    async fn compare(&mut self, record: Record<T>, copy: Option<T>) -> Result<(), Error> {
        let Record { id, state, is_whole } = record;
        if !is_whole {
            self.found(Outcome::Incomplete, id.clone())?;
        }
        let Some(record) = state else { return Ok(()) };
        match copy {
            Some(copy) if copy == record => return Ok(()),
            Some(copy) if is_whole && copy.version() > record.version() => {
                return self.is_ahead(id, Some(copy.version())).await;
            }
            Some(_) | None => {}
        }
        let projection = self.projection.clone();
        if self.store.transaction(async move |tx: &mut Tx| projection.rebuild(tx, &record).await).await? {
            self.found(Outcome::Rebuilt, id)?;
        }
        Ok(())
    }

    /// Notes a copy that is ahead of its events. One that is not readable has no version that an event could reach.
    async fn is_ahead(&mut self, id: String, version: Option<u64>) -> Result<(), Error> {
        self.ahead.push((id, version.unwrap_or(u64::MAX)));
        if self.ahead.len() == PAGE { self.judge_those_ahead().await } else { Ok(()) }
    }

    /// The service may have applied events that were published after the reading: they are in the stream now.
    async fn judge_those_ahead(&mut self) -> Result<(), Error> {
        if !self.ahead.is_empty() {
            self.has_new |= self.read().await? > 0;
        }
        for (id, version) in std::mem::take(&mut self.ahead) {
            let state = if self.has_new { self.sorted.state_of(&id).await? } else { None };
            if state.is_none_or(|record| record.version() < version) {
                self.found(Outcome::Beyond, id)?;
            }
        }
        Ok(())
    }

    /// Reads the messages that were not read yet, and returns how many there were.
    async fn read(&mut self) -> Result<u64, Error> {
        let last = self.reader.refresh().await?;
        let mut count = 0;
        while let Some(message) = self.reader.try_next().await? {
            count += 1;
            self.sorted.add(&message).await?;
            (self.report)(ReplayStep::Read { left: last.saturating_sub(message.sequence) })?;
            if message.sequence >= last {
                break;
            }
        }
        self.sorted.flush().await?;
        Ok(count)
    }

    fn found(&mut self, outcome: Outcome, id: String) -> Result<(), Error> {
        *match outcome {
            Outcome::Rebuilt => &mut self.replayed.rebuilt,
            Outcome::Incomplete => &mut self.replayed.incomplete,
            Outcome::Beyond => &mut self.replayed.beyond,
        } += 1;
        (self.report)(ReplayStep::Found(outcome, id))
    }
}

fn readable<T: Projected>(copy: Document) -> Copy<T> {
    (copy.get("_id").cloned().unwrap_or(Bson::Null), deserialize_from_document(copy).ok())
}

/// Whether a copy comes before the record in the order of ids. An id that is not a text is no record's.
fn precedes(id: &Bson, record: &str) -> bool {
    id.as_str().is_none_or(|id| id < record)
}
