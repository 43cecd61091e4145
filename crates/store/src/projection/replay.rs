//! The replay of a projection: its copies are rebuilt from the events in the stream.
//!
//! The stream is read to its end, the events of each record are folded in the order of their versions, and copies that
//! differ from the result are replaced, each in a transaction of its own. The service may be running: it applies events
//! that were published after the reading, so a copy that is ahead of what was read stays as it is. Whether such a copy is
//! justified, a second reading decides.

use std::collections::{BTreeMap, HashMap};

use bus::{Bus, Delivery, Reader, Start};
use events::{AnyId, Event};
use futures_util::future::BoxFuture;
use serde::Serialize;
use service::Error;

use super::arrival::Arrival;
use super::{Projected, Projection};
use crate::{Store, Tx};

/// The replay of one projection as a value: a service declares it, and a tool runs it.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// The collection that it rebuilds.
    pub collection: &'static str,
    run: Run,
}

type Run = for<'a> fn(&'a Store, &'a Bus, Left<'a>, Left<'a>) -> BoxFuture<'a, Result<Replayed, Error>>;

/// What is called with the number of items that are left to process.
type Left<'a> = &'a mut (dyn FnMut(u64) + Send);

/// What a [`Replay`] has done and found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replayed {
    /// How many events were read.
    pub events: usize,
    /// How many records the events are about.
    pub records: usize,
    /// The ids of the records whose copy was missing or wrong, and was replaced.
    pub rebuilt: Vec<String>,
    /// The ids of the records of which the stream lacks an event: their copy is at least as far as the events before it.
    pub incomplete: Vec<String>,
    /// The ids of the copies that are ahead of all events, or of which there is no event: they stay as they are.
    pub beyond: Vec<String>,
}

impl Replay {
    /// The replay of this projection.
    pub const fn of<T: Projected>() -> Self {
        Self {
            collection: T::AGGREGATE.plural(),
            run: |store, bus, read, compare| Box::pin(replay::<T>(store, bus, read, compare)),
        }
    }

    /// Rebuilds the copies that differ from what the stream reports. It may run alongside the service.
    ///
    /// `to_read` is called with the number of messages that are still to be read, at most; `to_compare` with the number
    /// of records that are still to be compared with their copies.
    ///
    /// # Errors
    ///
    /// When the broker or the database does not answer; what was rebuilt until then stays.
    pub async fn run(
        self,
        store: &Store,
        bus: &Bus,
        mut to_read: impl FnMut(u64) + Send,
        mut to_compare: impl FnMut(u64) + Send,
    ) -> Result<Replayed, Error> {
        (self.run)(store, bus, &mut to_read, &mut to_compare).await
    }
}

/// All events of one record.
struct History<T: Projected> {
    created: Option<T::Created>,
    changes: BTreeMap<Option<u64>, T::Changed>,
}

async fn replay<T: Projected>(
    store: &Store,
    bus: &Bus,
    to_read: Left<'_>,
    to_compare: Left<'_>,
) -> Result<Replayed, Error> {
    let mut replayed = Replayed::default();
    let histories = read::<T>(bus, to_read, &mut replayed.events).await?;
    replayed.records = histories.len();
    let projection = Projection::<T>::of(store);
    let mut copies = projection.all().await?;
    let mut beyond = HashMap::new();
    for (index, (id, history)) in histories.into_iter().enumerate() {
        to_compare((replayed.records - index) as u64);
        let id = id.to_string();
        let copy = copies.remove(&id).flatten();
        let (record, is_whole) = history.fold();
        if !is_whole {
            replayed.incomplete.push(id.clone());
        }
        let Some(record) = record else { continue };
        match copy {
            Some(copy) if copy == record => continue,
            Some(copy) if is_whole && copy.version() > record.version() => {
                beyond.insert(id, copy.version());
                continue;
            }
            Some(_) | None => {}
        }
        let projection = projection.clone();
        if store.transaction(async move |tx: &mut Tx| projection.rebuild(tx, &record).await).await? {
            replayed.rebuilt.push(id);
        }
    }
    // What is left has no event; a document that is not readable has no version that an event could reach.
    beyond.extend(copies.into_iter().map(|(id, copy)| (id, copy.map_or(u64::MAX, |copy| copy.version()))));
    if !beyond.is_empty() {
        // The service may have applied events that were published after the reading: they are in the stream now.
        for (id, history) in read::<T>(bus, to_read, &mut 0).await? {
            let id = id.to_string();
            let Some(version) = beyond.get(&id) else { continue };
            if history.fold().0.is_some_and(|record| record.version() >= *version) {
                beyond.remove(&id);
            }
        }
    }
    replayed.beyond = beyond.into_keys().collect();
    for ids in [&mut replayed.rebuilt, &mut replayed.incomplete, &mut replayed.beyond] {
        ids.sort_unstable();
    }
    Ok(replayed)
}

/// The events of each record, as the stream contains them now.
async fn read<T: Projected>(
    bus: &Bus,
    to_read: &mut (dyn FnMut(u64) + Send),
    events: &mut usize,
) -> Result<HashMap<AnyId, History<T>>, Error> {
    let mut histories = HashMap::new();
    let subjects = [T::Created::SUBJECT, T::Changed::SUBJECT];
    let mut reader = Reader::of_events(bus, &subjects, Start::All).await?;
    while let Some(delivery) = reader.try_next().await? {
        to_read(reader.last().saturating_sub(delivery.sequence));
        *events += 1;
        note(&mut histories, &delivery);
    }
    reader.close().await;
    Ok(histories)
}

/// Adds an event to the history of its record. A message that is not an event was moved to the dead letters, and does not
/// count. Of two events that report the same version the first one counts, as with an inbox.
fn note<T: Projected>(histories: &mut HashMap<AnyId, History<T>>, delivery: &Delivery) {
    if delivery.subject == T::Created::SUBJECT.as_str() {
        if let Ok(event) = delivery.event::<T::Created>() {
            histories.entry(event.aggregate().id).or_default().created.get_or_insert(event);
        }
    } else if let Ok(event) = delivery.event::<T::Changed>() {
        let about = event.aggregate();
        histories.entry(about.id).or_default().changes.entry(about.version).or_insert(event);
    }
}

impl<T: Projected> History<T> {
    /// The record after all its events up to the first one that is missing, and whether none is missing.
    fn fold(self) -> (Option<T>, bool) {
        let Some(created) = self.created else { return (None, false) };
        let mut record = T::created(&created);
        for change in self.changes.values() {
            let changed = record.clone().changed(change);
            match Arrival::of(changed.version(), record.version()) {
                Arrival::Next => record = changed,
                Arrival::AlreadySeen => {}
                Arrival::TooEarly => return (Some(record), false),
            }
        }
        (Some(record), true)
    }
}

// Written out, since a derive would demand that the events have a default.
impl<T: Projected> Default for History<T> {
    fn default() -> Self {
        Self { created: None, changes: BTreeMap::new() }
    }
}
