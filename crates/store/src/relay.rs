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
//! the earlier one. Different records are published concurrently, and none waits for another: what the broker does not
//! confirm soon stays in flight beside the others, and is settled when its answer is there. A record whose event was
//! refused, not confirmed in time, or can't be read is tried again at each sweep, beside the others from the start.

use std::collections::{HashMap, HashSet};
use std::mem::{replace, take};
use std::time::Duration;

use anyhow::Context;
use bus::crash::point;
use bus::{Bus, PublishError};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use mongodb::action::Find;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use service::{Error, Scope, Service};
use telemetry::WarnOnce;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::error::report;
use crate::handle::RETRY_AFTER;
use crate::outbox::{OUTBOX, Place, READING, indexes, outbox_of, sequence_of};
use crate::pending::{Pending, Record, in_order};
use crate::{Store, in_time};

/// The default pause between two sweeps for rows that other processes have left unpublished.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// How many rows are read and published in one batch.
const BATCH_SIZE: usize = 500;

/// How many records have an event in flight at the same time.
const CONCURRENT_RECORDS: usize = 64;

/// How long the other records wait for an event that is in flight, before it is put aside.
const PATIENCE: Duration = Duration::from_millis(200);

/// How many records may be in flight aside. When there are so many, the broker is away, and new events wait for it.
const MAX_ASIDE: usize = 256;

/// How many of them may be records with which the last attempt has failed.
const MAX_TROUBLED: usize = MAX_ASIDE / 2;

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
        let mut records = Records::default();
        let mut sweep = interval(self.sweep_every);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let wake = tokio::select! {
                () = stopping.asked() => break,
                Some(outcome) = records.aside.next() => Wake::Answer(outcome),
                _ = sweep.tick() => Wake::Sweep,
                () = self.store.recorded() => Wake::Commit,
            };
            let pass = async {
                // A row that is still pending at the next sweep is taken over.
                let (now_ours, tries_all) = match wake {
                    Wake::Sweep => (replace(&mut left, self.left_by_others().await?), true),
                    Wake::Commit => (HashMap::new(), false),
                    // If the broker confirms again, what it has not confirmed before is tried again.
                    Wake::Answer(outcome) => {
                        if !self.settle_aside(outcome, &mut records).await? {
                            return Ok(());
                        }
                        (HashMap::new(), true)
                    }
                };
                self.publish_all(&now_ours, tries_all, &mut records).await
            };
            if let Some(Err(error)) = stopping.or(pass).await {
                report(&"events stay in the outbox until the next attempt", &error);
                sweep.reset_after(RETRY_AFTER);
            }
        }
        // Rows that remain are published by another process, or at the next start.
        if self.bus.is_connected() {
            let finish = async {
                self.publish_all(&HashMap::new(), false, &mut records).await?;
                while let Some(outcome) = records.aside.next().await {
                    self.settle_aside(outcome, &mut records).await?;
                }
                Ok::<_, Error>(())
            };
            timeout(FINISH_WITHIN, finish).await.ok();
        }
        Ok(())
    }
}

/// Why the relay looks at the outbox.
enum Wake {
    Sweep,
    Commit,
    /// An event that was put aside has its answer.
    Answer(Outcome),
}

/// What a relay knows of records.
#[derive(Default)]
struct Records<'a> {
    /// The events in flight that were put aside.
    aside: FuturesUnordered<BoxFuture<'a, Outcome>>,
    /// The records that they are about.
    in_flight: HashSet<String>,
    /// The records with which the last attempt has failed.
    troubled: HashSet<String>,
    /// The rows that were reported as refused.
    refused: HashSet<ObjectId>,
    /// What was reported as not confirmed.
    unconfirmed: WarnOnce,
}

/// What became of the rows of a record.
struct Outcome {
    record: String,
    /// Which rows were published, and the sequences of their messages.
    published: Vec<Place>,
    stuck: Option<Stuck>,
}

/// Why a row was not published.
enum Stuck {
    Unreadable,
    NotPublished { id: ObjectId, subject: String, error: PublishError },
}

impl Relay {
    /// A relay with a sweep every two seconds.
    pub fn new(store: &Store, bus: &Bus) -> Self {
        Self { store: store.clone(), bus: bus.clone(), sweep_every: SWEEP_EVERY }
    }

    /// Publishes the rows of this process and those that it takes over, batch by batch. An event that the broker refuses
    /// blocks its own record only, and is tried again if `tries_all`.
    async fn publish_all<'a>(
        &'a self,
        left: &HashMap<String, ObjectId>,
        tries_all: bool,
        records: &mut Records<'a>,
    ) -> Result<(), Error> {
        let mut after = None;
        while records.aside.len() < MAX_ASIDE {
            let rows = self.ours(left, after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.id);
            let is_last = rows.len() < BATCH_SIZE; // a commit from here on wakes the relay again
            let before = self.before(&rows).await?;
            self.publish(in_order(rows, before), tries_all, records).await?;
            if is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The pending rows of other processes: for each process, the last one.
    async fn left_by_others(&self) -> Result<HashMap<String, ObjectId>, Error> {
        let others = doc! { "pending": { "$exists": true, "$ne": self.store.instance() } };
        let is_ours = doc! { "$eq": [{ "$type": "$_id" }, "objectId"] };
        let last = doc! { "$max": { "$cond": [&is_ours, "$_id", Bson::Null] } };
        let strange = doc! { "$max": { "$cond": [&is_ours, Bson::Null, "$_id"] } };
        let by_process = doc! { "_id": "$pending", "last": last, "strange": strange };
        let rows = outbox_of(&self.store).clone_with_type::<Document>();
        let found = async {
            let found = rows.aggregate([doc! { "$match": others }, doc! { "$group": by_process }]).await?;
            found.try_collect::<Vec<Document>>().await
        };
        let mut left = HashMap::new();
        for process in in_time(found).await.context(READING)? {
            let last = process.get_object_id("last");
            let strange = process.get("strange").filter(|id| **id != Bson::Null);
            match (process.get_str("_id"), last) {
                (Ok(instance), Ok(last)) => drop(left.insert(instance.to_owned(), last)),
                (_, Ok(last)) => {
                    self.store.report_unreadable(OUTBOX, &Bson::ObjectId(last), &"its field `pending` is not a text");
                }
                _ => {}
            }
            if let Some(id) = strange {
                self.store.report_unreadable(OUTBOX, id, &"its id is not an ObjectId");
            }
        }
        Ok(left)
    }

    /// The oldest pending rows of this process and of those that it takes over, after the last batch.
    async fn ours(&self, left: &HashMap<String, ObjectId>, after: Option<ObjectId>) -> Result<Vec<Pending>, Error> {
        let mut ours = vec![doc! { "pending": self.store.instance() }];
        ours.extend(left.iter().map(|(instance, last)| doc! { "pending": instance, "_id": { "$lte": last } }));
        let after = after.map_or(doc! { "$type": "objectId" }, |after| doc! { "$gt": after });
        let these = doc! { "$or": ours, "_id": after };
        let rows = outbox_of(&self.store).clone_with_type::<RawDocumentBuf>();
        self.read(rows.find(these).sort(doc! { "_id": 1 }).limit(BATCH_SIZE.try_into()?)).await
    }

    /// The pending rows of other processes that may have to be published before these, since they are about the same records.
    async fn before(&self, rows: &[Pending]) -> Result<Vec<Pending>, Error> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let later = rows.iter().filter(|row| row.version > Some(0));
        let records: Vec<_> = later.map(|row| row.record.as_str()).collect();
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
        let rows = outbox_of(&self.store).clone_with_type::<RawDocumentBuf>();
        self.read(rows.find(same)).await
    }

    async fn read(&self, find: Find<'_, RawDocumentBuf>) -> Result<Vec<Pending>, Error> {
        let found = async { find.await?.try_collect::<Vec<_>>().await };
        let found = in_time(found).await.context(READING)?;
        Ok(found.iter().filter_map(|row| Pending::read(&self.store, row)).collect())
    }

    /// Publishes the rows of each record one after the other, and marks what the broker has confirmed. What it does not
    /// confirm soon is put aside.
    async fn publish<'a>(
        &'a self,
        found: Vec<Record>,
        tries_all: bool,
        records: &mut Records<'a>,
    ) -> Result<(), Error> {
        let mut next = Vec::new();
        for record in found {
            if records.in_flight.contains(&record.name) {
                continue; // its answer wakes the relay
            }
            if !records.troubled.contains(&record.name) {
                next.push(record);
            } else if tries_all && records.aside.len() < MAX_TROUBLED {
                records.in_flight.insert(record.name.clone());
                records.aside.push(self.publish_in_turn(record).boxed());
            }
        }
        let mut next = next.into_iter();
        let (mut in_flight, mut names) = (FuturesUnordered::new(), HashSet::new());
        let mut outcomes = Vec::new();
        loop {
            while in_flight.len() < CONCURRENT_RECORDS
                && let Some(record) = next.next()
            {
                names.insert(record.name.clone());
                in_flight.push(self.publish_in_turn(record).boxed());
            }
            match timeout(PATIENCE, in_flight.next()).await {
                Ok(Some(outcome)) => {
                    names.remove(&outcome.record);
                    outcomes.push(outcome);
                }
                Ok(None) => break,
                Err(_) if records.aside.len() < MAX_ASIDE => {
                    records.in_flight.extend(names.drain());
                    records.aside.extend(take(&mut in_flight));
                }
                Err(_) => {} // the broker is away, which concerns all records
            }
        }
        self.settle(outcomes, records).await
    }

    /// Settles what was put aside and has its answer. Returns whether the broker has confirmed any of it.
    async fn settle_aside(&self, first: Outcome, records: &mut Records<'_>) -> Result<bool, Error> {
        let mut outcomes = vec![first];
        while let Some(Some(outcome)) = records.aside.next().now_or_never() {
            outcomes.push(outcome);
        }
        for outcome in &outcomes {
            records.in_flight.remove(&outcome.record);
        }
        let is_confirmed = outcomes.iter().any(|outcome| !outcome.published.is_empty());
        self.settle(outcomes, records).await?;
        Ok(is_confirmed)
    }

    /// Marks what the broker has confirmed, and reports what it has not.
    async fn settle(&self, outcomes: Vec<Outcome>, records: &mut Records<'_>) -> Result<(), Error> {
        let published: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.published).copied().collect();
        point("relay-published");
        if !published.is_empty() {
            let noted = doc! { "publishedAt": DateTime::now(), "sequence": sequence_of(&published)? };
            let done = vec![doc! { "$set": noted }, doc! { "$unset": "pending" }];
            let ids: Vec<_> = published.iter().map(|(id, _)| *id).collect();
            let these = doc! { "_id": { "$in": ids } };
            let rows = outbox_of(&self.store);
            in_time(rows.update_many(these, done)).await.context("failed to mark events as published")?;
            point("relay-marked");
        }
        for Outcome { record, stuck, .. } in outcomes {
            let Some(stuck) = stuck else {
                records.troubled.remove(&record);
                continue;
            };
            records.troubled.insert(record);
            match stuck {
                Stuck::NotPublished { error, .. } if error.may_pass() => {
                    records
                        .unconfirmed
                        .warn(&format_args!("events stay in the outbox until the next attempt: {error}"));
                }
                Stuck::NotPublished { id, subject, error } if records.refused.insert(id) => {
                    tracing::error!(event_id = %id, subject, "event refused by the broker; it blocks later events of its record: {error}");
                }
                Stuck::NotPublished { .. } | Stuck::Unreadable => {} // reported before
            }
        }
        Ok(())
    }

    /// Publishes the rows of one record up to the first one that fails, which later versions must not overtake.
    async fn publish_in_turn(&self, record: Record) -> Outcome {
        let mut outcome = Outcome { record: record.name, published: Vec::new(), stuck: None };
        for Pending { row, .. } in record.rows {
            let Some(row) = row else {
                outcome.stuck = Some(Stuck::Unreadable);
                break;
            };
            point("relay-before-publish");
            match row.publish(&self.bus, &row.id.to_hex()).await {
                Ok(message) => outcome.published.push((row.id, message.sequence)),
                Err(error) => {
                    outcome.stuck = Some(Stuck::NotPublished { id: row.id, subject: row.subject, error });
                    break;
                }
            }
        }
        outcome
    }
}
