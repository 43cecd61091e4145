//! The relay: it publishes what was committed.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use async_nats::HeaderMap;
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use serde::Deserialize;
use service::{Error, Scope, Service};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Store;
use super::outbox::{OUTBOX, Row, indexes};
use crate::bus::{Bus, PublishError};
use crate::events::Subject;
use crate::telemetry::{CORRELATION_ID, TRACEPARENT};

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
/// same id, by which the broker, for two minutes, and every listener, for good, know it.
///
/// Each relay publishes what its own process has recorded, and what it has seen pending for two seconds: its process is
/// gone, or has no broker. No clock of another machine is trusted for that.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Whose outbox.
    pub store: Store,
    /// Where to publish.
    pub bus: Bus,
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
        let mut sweep = interval(SWEEP_EVERY);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_sweep = tokio::select! {
                () = stopping.asked() => break,
                _ = sweep.tick() => true,
                () = self.store.recorded() => false,
            };
            let pass = async {
                self.publish_all(&left).await?;
                if is_sweep {
                    left = self.left_by_others().await?; // what is still there at the next sweep becomes ours
                }
                Ok::<_, Error>(())
            };
            if let Some(Err(error)) = stopping.or(pass).await {
                tracing::warn!("the outbox waits: {error:#}");
                sweep.reset_after(AGAIN_AFTER);
            }
        }
        // What remains, another relay will find, or this service's next start.
        if self.bus.is_connected() {
            timeout(FINISH_WITHIN, self.publish_all(&left)).await.ok();
        }
        Ok(())
    }
}

/// What a process has left unpublished.
#[derive(Deserialize)]
struct Left {
    #[serde(rename = "_id")]
    instance: String,
    last: ObjectId,
}

impl Relay {
    /// Publishes all that is ours to publish now.
    async fn publish_all(&self, left: &HashMap<String, ObjectId>) -> Result<(), Error> {
        loop {
            let rows = self.ours(left).await?;
            let is_all = rows.len() < BATCH;
            if rows.is_empty() {
                return Ok(());
            }
            let before = self.before(&rows).await?;
            self.publish(in_order(rows, before)).await?;
            if is_all {
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

    /// The oldest rows that are this process's, or were left by others.
    async fn ours(&self, left: &HashMap<String, ObjectId>) -> Result<Vec<Row>, Error> {
        let mut ours = vec![doc! { "pending": self.store.instance() }];
        ours.extend(left.iter().map(|(instance, last)| doc! { "pending": instance, "_id": { "$lte": last } }));
        let oldest = doc! { "_id": 1 };
        let rows =
            self.rows().find(doc! { "$or": ours }).sort(oldest).limit(BATCH.try_into()?).await.context(READING)?;
        rows.try_collect().await.context(READING)
    }

    /// The other rows of the same records, which may have to come before these.
    async fn before(&self, rows: &[Row]) -> Result<Vec<Row>, Error> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let later = rows.iter().filter(|row| row.version > Some(0));
        let records: Vec<_> = later.map(|row| row.aggregate.as_str()).collect();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let same = doc! { "pending": { "$exists": true }, "aggregate": { "$in": records }, "_id": { "$nin": ids } };
        self.rows().find(same).await.context(READING)?.try_collect().await.context(READING)
    }

    /// Publishes the rows of each record one after the other, and marks what the broker has confirmed.
    async fn publish(&self, records: Vec<Vec<Row>>) -> Result<(), Error> {
        let published = stream::iter(records).map(|rows| self.publish_in_turn(rows)).buffer_unordered(CONCURRENCY);
        let results: Vec<(Vec<ObjectId>, Result<(), PublishError>)> = published.collect().await;
        let (published, results): (Vec<_>, Vec<_>) = results.into_iter().unzip();
        let published = published.concat();
        if !published.is_empty() {
            let done = doc! { "$set": { "publishedAt": DateTime::now() }, "$unset": { "pending": "" } };
            let these = doc! { "_id": { "$in": &published } };
            self.rows().update_many(these, done).await.context("marking events as published")?;
        }
        Ok(results.into_iter().collect::<Result<(), _>>()?)
    }

    /// Up to the first one that fails: a later version must not come before it.
    async fn publish_in_turn(&self, rows: Vec<Row>) -> (Vec<ObjectId>, Result<(), PublishError>) {
        let mut published = Vec::new();
        for row in rows {
            if let Err(error) = self.publish_row(&row).await {
                tracing::warn!(id = %row.id, subject = row.subject, "an event was not published: {error}");
                return (published, Err(error));
            }
            published.push(row.id);
        }
        (published, Ok(()))
    }

    async fn publish_row(&self, row: &Row) -> Result<(), PublishError> {
        let subject: Subject =
            row.subject.parse().map_err(|error| PublishError::Refused(format!("in the outbox: {error}")))?;
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, row.traceparent.as_str());
        headers.insert(CORRELATION_ID, row.correlation_id.as_str());
        let payload = || Ok(row.payload.clone().into());
        self.bus.store(subject.as_str().into(), payload, headers, &row.id.to_hex()).await?;
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
