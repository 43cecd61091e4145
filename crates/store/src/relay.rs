//! The relay: it publishes what was committed.

use std::collections::{HashMap, HashSet};
use std::mem::replace;
use std::time::Duration;

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use serde::Deserialize;
use service::{Error, Scope, Service};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Store;
use crate::outbox::{OUTBOX, Row, indexes};
use bus::crash::point;
use bus::{Bus, PublishError};

/// How often the relay looks for rows that nobody published.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// The pause after the database or the broker has failed.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// How many rows are looked at, and published, in one go.
const BATCH: usize = 500;

/// For how many records events are on their way at once.
const CONCURRENCY: usize = 64;

const READING: &str = "reading the outbox";

/// How long a relay that stops goes on with what is there.
const FINISH_WITHIN: Duration = Duration::from_secs(2);

/// Publishes the rows of the outbox, as soon as they are committed.
///
/// The events of one record are published in the order of their versions, whichever process has recorded them; those of
/// different records in the order in which they were recorded, many at once. A row is marked as published when the
/// broker has confirmed it. So a process that is killed at any moment loses none; and what is published again has the
/// same id, by which the broker, for two minutes, and every inbox, for longer than the row is kept, know it.
///
/// Each relay publishes what its own process has recorded, and what it has seen pending in two sweeps: its process is
/// gone, or has no broker. No clock of another machine is trusted for that.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Whose outbox.
    pub store: Store,
    /// Where to publish.
    pub bus: Bus,
    /// How often it looks for what others have left.
    pub sweep_every: Duration,
}

impl Service for Relay {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let stopping = scope.stopping();
        for index in indexes() {
            match stopping.or(self.store.ensure_index(OUTBOX, index)).await {
                Some(made) => made.context("making the indexes of the outbox")?,
                None => return Ok(()),
            }
        }
        scope.ready(());
        let mut left = HashMap::new();
        let mut refused = HashSet::new();
        let mut sweep = interval(self.sweep_every);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_sweep = tokio::select! {
                () = stopping.asked() => break,
                _ = sweep.tick() => true,
                () = self.store.recorded() => false,
            };
            let pass = async {
                // What is still there at the next sweep becomes ours.
                let now_ours = if is_sweep { replace(&mut left, self.left_by_others().await?) } else { HashMap::new() };
                self.publish_all(&now_ours, &mut refused).await
            };
            if let Some(Err(error)) = stopping.or(pass).await {
                tracing::warn!("the outbox waits: {error:#}");
                sweep.reset_after(AGAIN_AFTER);
            }
        }
        // What remains, another relay will find, or this service's next start.
        if self.bus.is_connected() {
            timeout(FINISH_WITHIN, self.publish_all(&HashMap::new(), &mut refused)).await.ok();
        }
        Ok(())
    }
}

/// A row that was not published.
struct Stuck {
    id: ObjectId,
    subject: String,
    error: PublishError,
}

/// What a process has left unpublished.
#[derive(Deserialize)]
struct Left {
    #[serde(rename = "_id")]
    instance: String,
    last: ObjectId,
}

impl Relay {
    /// With a sweep every two seconds.
    pub fn new(store: &Store, bus: &Bus) -> Self {
        Self { store: store.clone(), bus: bus.clone(), sweep_every: SWEEP_EVERY }
    }

    /// Publishes all that is ours to publish now, batch by batch. What the broker refuses holds up its own record only.
    async fn publish_all(
        &self,
        left: &HashMap<String, ObjectId>,
        refused: &mut HashSet<ObjectId>,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let rows = self.ours(left, after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.id);
            let is_last = rows.len() < BATCH; // what is committed from here on wakes us again
            let before = self.before(&rows).await?;
            self.publish(in_order(rows, before), refused).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn rows(&self) -> Collection<Row> {
        self.store.collection(OUTBOX)
    }

    /// What other processes have not published yet: for each of them, the last of its rows.
    async fn left_by_others(&self) -> Result<HashMap<String, ObjectId>, Error> {
        let others = doc! { "pending": { "$exists": true, "$ne": self.store.instance() } };
        let last = doc! { "_id": "$pending", "last": { "$max": "$_id" } };
        let rows = self.rows();
        let left = rows.aggregate([doc! { "$match": others }, doc! { "$group": last }]).with_type::<Left>();
        let left: Vec<Left> = left.await.context(READING)?.try_collect().await.context(READING)?;
        Ok(left.into_iter().map(|Left { instance, last }| (instance, last)).collect())
    }

    /// The oldest rows that are this process's, or were left by others, after those of the batch before.
    async fn ours(&self, left: &HashMap<String, ObjectId>, after: Option<ObjectId>) -> Result<Vec<Row>, Error> {
        let mut ours = vec![doc! { "pending": self.store.instance() }];
        ours.extend(left.iter().map(|(instance, last)| doc! { "pending": instance, "_id": { "$lte": last } }));
        let mut these = doc! { "$or": ours };
        if let Some(after) = after {
            these.insert("_id", doc! { "$gt": after });
        }
        let rows = self.rows().find(these).sort(doc! { "_id": 1 }).limit(BATCH.try_into()?).await.context(READING)?;
        rows.try_collect().await.context(READING)
    }

    /// The other rows of the same records that may have to come before these.
    async fn before(&self, rows: &[Row]) -> Result<Vec<Row>, Error> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let later = rows.iter().filter(|row| row.version > Some(0));
        let records: Vec<_> = later.map(|row| row.aggregate.as_str()).collect();
        let greatest = rows.iter().filter_map(|row| row.version).max().unwrap_or_default();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let same = doc! {
            "pending": { "$exists": true },
            "aggregate": { "$in": records },
            "version": { "$lt": i64::try_from(greatest)? },
            "_id": { "$nin": ids },
        };
        self.rows().find(same).await.context(READING)?.try_collect().await.context(READING)
    }

    /// Publishes the rows of each record one after the other, and marks what the broker has confirmed.
    async fn publish(&self, records: Vec<Vec<Row>>, refused: &mut HashSet<ObjectId>) -> Result<(), Error> {
        let published = stream::iter(records).map(|rows| self.publish_in_turn(rows)).buffer_unordered(CONCURRENCY);
        let results: Vec<(Vec<ObjectId>, Option<Stuck>)> = published.collect().await;
        let (published, stuck): (Vec<_>, Vec<_>) = results.into_iter().unzip();
        let published = published.concat();
        point("relay-published");
        if !published.is_empty() {
            let done = doc! { "$set": { "publishedAt": DateTime::now() }, "$unset": { "pending": "" } };
            let these = doc! { "_id": { "$in": &published } };
            self.rows().update_many(these, done).await.context("marking events as published")?;
            point("relay-marked");
        }
        for Stuck { id, subject, error } in stuck.into_iter().flatten() {
            if error.may_pass() {
                return Err(error.into()); // the broker is away, for all of them
            }
            if refused.insert(id) {
                tracing::error!(%id, subject, "an event can't be published, nor those of its record after it: {error}");
            }
        }
        Ok(())
    }

    /// Up to the first one that fails: a later version must not come before it.
    async fn publish_in_turn(&self, rows: Vec<Row>) -> (Vec<ObjectId>, Option<Stuck>) {
        let mut published = Vec::new();
        for row in rows {
            point("relay-before-publish");
            if let Err(error) = self.publish_row(&row).await {
                let stuck = Stuck { id: row.id, subject: row.subject, error };
                return (published, Some(stuck));
            }
            published.push(row.id);
        }
        (published, None)
    }

    async fn publish_row(&self, row: &Row) -> Result<(), PublishError> {
        row.publish(&self.bus, &row.id.to_hex()).await?;
        Ok(())
    }
}

/// The rows of each record in the order of their versions, up to the last one that is ours.
///
/// Those before it may be another process's that is about to publish them too. They are published twice then, and
/// stored once.
fn in_order(ours: Vec<Row>, before: Vec<Row>) -> Vec<Vec<Row>> {
    let mut records: Vec<Vec<(Row, bool)>> = Vec::new();
    let mut places = HashMap::new();
    let ours = ours.into_iter().map(|row| (row, true));
    for (row, is_ours) in ours.chain(before.into_iter().map(|row| (row, false))) {
        let place = *places.entry(row.aggregate.clone()).or_insert(records.len());
        if place == records.len() {
            records.push(Vec::new());
        }
        records[place].push((row, is_ours));
    }
    let in_order = records.into_iter().map(|mut record| {
        record.sort_by_key(|(row, _)| (row.version, row.id));
        let last = record.iter().rposition(|(_, is_ours)| *is_ours).unwrap_or_default();
        record.truncate(last + 1);
        record.into_iter().map(|(row, _)| row).collect()
    });
    in_order.collect()
}
