//! The relay: it publishes the events that were committed.
//!
//! It polls the outbox rather than a change stream: polling needs no resume token to keep, and works after any failure the
//! same way as at the start. A commit in the same process wakes it, so polling costs no delay.
//!
//! Two decisions keep events complete and in order without a leader among the processes of a service:
//!
//! * A row is pending until the broker has confirmed its message. A process that is killed between the two publishes
//!   again, with the same ids: the broker's duplicate window ignores the message for two minutes, every inbox for longer
//!   than rows are kept.
//! * A row belongs to the process that has recorded it. Another process takes it over once it has seen it pending in two
//!   sweeps: then its process is gone, or has no broker. No clock of another machine is trusted for that.
//!
//! Events of one record are published one after the other, in the order of versions, even if another process has recorded
//! the earlier one. Different records are published concurrently, so one that the broker refuses blocks only itself.

use std::collections::{HashMap, HashSet};
use std::mem::replace;
use std::time::Duration;

use anyhow::Context;
use bus::crash::point;
use bus::{Bus, PublishError};
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use serde::Deserialize;
use service::{Error, Scope, Service};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Store;
use crate::error::in_words;
use crate::handle::RETRY_AFTER;
use crate::outbox::{OUTBOX, READING, Row, indexes, outbox_of};

/// The default pause between two sweeps for rows that other processes have left unpublished.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// How many rows are read and published in one batch.
const BATCH_SIZE: usize = 500;

/// How many records have an event in flight at the same time.
const CONCURRENT_RECORDS: usize = 64;

/// How long a relay that stops still publishes pending rows.
const FINISH_WITHIN: Duration = Duration::from_secs(2);

/// Publishes the rows of the outbox, as soon as they are committed.
///
/// The events of one record are published in the order of their versions, whichever process has recorded them; events of
/// different records concurrently. A process that is killed at any moment loses none: its events are published at its next
/// start, or by another process of the service.
#[derive(Clone, Debug)]
pub struct Relay {
    /// The store with the outbox.
    pub store: Store,
    /// The bus to publish on.
    pub bus: Bus,
    /// The pause between two sweeps for rows that other processes have left unpublished.
    pub sweep_every: Duration,
}

impl Service for Relay {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let stopping = scope.stopping();
        for index in indexes() {
            stopping.or_stop(self.store.ensure_index(OUTBOX, index)).await??;
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
                // A row that is still pending at the next sweep is taken over.
                let now_ours = if is_sweep { replace(&mut left, self.left_by_others().await?) } else { HashMap::new() };
                self.publish_all(&now_ours, &mut refused).await
            };
            if let Some(Err(error)) = stopping.or(pass).await {
                tracing::warn!("events stay in the outbox until the next attempt: {}", in_words(&error));
                sweep.reset_after(RETRY_AFTER);
            }
        }
        // Rows that remain are published by another process, or at the next start.
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

/// The rows that a process has left unpublished.
#[derive(Deserialize)]
struct Left {
    #[serde(rename = "_id")]
    instance: String,
    /// The last row of the process, which the next sweep takes over with those before it.
    last: ObjectId,
}

impl Relay {
    /// A relay with a sweep every two seconds.
    pub fn new(store: &Store, bus: &Bus) -> Self {
        Self { store: store.clone(), bus: bus.clone(), sweep_every: SWEEP_EVERY }
    }

    /// Publishes the rows of this process and those that it takes over, batch by batch. An event that the broker refuses
    /// blocks its own record only.
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
            let is_last = rows.len() < BATCH_SIZE; // a commit from here on wakes the relay again
            let before = self.before(&rows).await?;
            self.publish(in_order(rows, before), refused).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// The pending rows of other processes: for each process, the last one.
    async fn left_by_others(&self) -> Result<HashMap<String, ObjectId>, Error> {
        let others = doc! { "pending": { "$exists": true, "$ne": self.store.instance() } };
        let last = doc! { "_id": "$pending", "last": { "$max": "$_id" } };
        let rows = outbox_of(&self.store);
        let left = rows.aggregate([doc! { "$match": others }, doc! { "$group": last }]).with_type::<Left>();
        let left: Vec<Left> = left.await.context(READING)?.try_collect().await.context(READING)?;
        Ok(left.into_iter().map(|Left { instance, last }| (instance, last)).collect())
    }

    /// The oldest pending rows of this process and of those that it takes over, after the last batch.
    async fn ours(&self, left: &HashMap<String, ObjectId>, after: Option<ObjectId>) -> Result<Vec<Row>, Error> {
        let mut ours = vec![doc! { "pending": self.store.instance() }];
        ours.extend(left.iter().map(|(instance, last)| doc! { "pending": instance, "_id": { "$lte": last } }));
        let mut these = doc! { "$or": ours };
        if let Some(after) = after {
            these.insert("_id", doc! { "$gt": after });
        }
        let rows = outbox_of(&self.store)
            .find(these)
            .sort(doc! { "_id": 1 })
            .limit(BATCH_SIZE.try_into()?)
            .await
            .context(READING)?;
        rows.try_collect().await.context(READING)
    }

    /// The pending rows of other processes that may have to be published before these, since they are about the same records.
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
        outbox_of(&self.store).find(same).await.context(READING)?.try_collect().await.context(READING)
    }

    /// Publishes the rows of each record one after the other, and marks what the broker has confirmed.
    async fn publish(&self, records: Vec<Vec<Row>>, refused: &mut HashSet<ObjectId>) -> Result<(), Error> {
        let published =
            stream::iter(records).map(|rows| self.publish_in_turn(rows)).buffer_unordered(CONCURRENT_RECORDS);
        let results: Vec<(Vec<ObjectId>, Option<Stuck>)> = published.collect().await;
        let (published, stuck): (Vec<_>, Vec<_>) = results.into_iter().unzip();
        let published = published.concat();
        point("relay-published");
        if !published.is_empty() {
            let done = doc! { "$set": { "publishedAt": DateTime::now() }, "$unset": { "pending": "" } };
            let these = doc! { "_id": { "$in": &published } };
            outbox_of(&self.store).update_many(these, done).await.context("failed to mark events as published")?;
            point("relay-marked");
        }
        for Stuck { id, subject, error } in stuck.into_iter().flatten() {
            if error.may_pass() {
                return Err(error.into()); // the broker is away, which concerns all rows
            }
            if refused.insert(id) {
                tracing::error!(event_id = %id, subject, "event refused by the broker; it blocks later events of its record: {error}");
            }
        }
        Ok(())
    }

    /// Publishes the rows of one record up to the first one that fails, which later versions must not overtake.
    async fn publish_in_turn(&self, rows: Vec<Row>) -> (Vec<ObjectId>, Option<Stuck>) {
        let mut published = Vec::new();
        for row in rows {
            point("relay-before-publish");
            if let Err(error) = row.publish(&self.bus, &row.id.to_hex()).await {
                let stuck = Stuck { id: row.id, subject: row.subject, error };
                return (published, Some(stuck));
            }
            published.push(row.id);
        }
        (published, None)
    }
}

/// The rows of each record in the order of their versions, up to the last one of this process.
///
/// Another process may be about to publish its earlier rows too. The broker ignores the second message then.
fn in_order(ours: Vec<Row>, before: Vec<Row>) -> Vec<Vec<Row>> {
    let mut records: Vec<Vec<(Row, bool)>> = Vec::new();
    let mut indexes = HashMap::new();
    let ours = ours.into_iter().map(|row| (row, true));
    for (row, is_ours) in ours.chain(before.into_iter().map(|row| (row, false))) {
        let index = *indexes.entry(row.aggregate.clone()).or_insert(records.len());
        if index == records.len() {
            records.push(Vec::new());
        }
        records[index].push((row, is_ours));
    }
    let in_order = records.into_iter().map(|mut record| {
        record.sort_by_key(|(row, _)| (row.version, row.id));
        let last = record.iter().rposition(|(_, is_ours)| *is_ours).unwrap_or_default();
        record.truncate(last + 1);
        record.into_iter().map(|(row, _)| row).collect()
    });
    in_order.collect()
}
