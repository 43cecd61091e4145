//! The comparison of outboxes and stream.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use bus::{Bus, Delivery, Reader, Start};
use events::Subject;
use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use service::Error;

use super::finding::{Audit, Finding, Kind};
use crate::outbox::{READING, outbox_of};
use crate::{KEPT_FOR, Store};

/// The time after its commit within which an event is in the stream, if a relay is running and the broker is there.
const RELAYED_WITHIN: Duration = Duration::from_secs(10);

/// How far the clocks of services, database and broker may differ.
const CLOCK_MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// A row of an outbox, and where its event was found in the stream.
struct Committed {
    /// The index of the database.
    database: usize,
    subject: String,
    /// The hash of the payload.
    payload: u64,
    aggregate: String,
    version: Option<u64>,
    is_pending: bool,
    is_late: bool,
    /// The sequences of the messages that are as committed, and of the others.
    same: Vec<u64>,
    altered: Vec<u64>,
}

/// Compares the outboxes of these databases with the stream, row by row. It is read-only, and may run alongside the
/// services.
///
/// An event on one of these `subjects`, or on those in the outboxes, must be in one of the outboxes. Events that were
/// published more than 30 days ago are in no outbox any more, and are not reported.
///
/// `progress` is called with the number of messages that are still to be read, at most. All rows of the outboxes, those of
/// 30 days, are held in memory, with a hash instead of the payload: about 300 bytes each.
///
/// # Errors
///
/// When a database or the broker does not answer.
pub async fn audit(
    bus: &Bus,
    stores: &[Store],
    subjects: &[Subject],
    mut progress: impl FnMut(u64),
) -> Result<Audit, Error> {
    // First the rows: an event that is marked as published now must be in the stream, which is read after them.
    let mut committed = HashMap::new();
    for (database, store) in stores.iter().enumerate() {
        read(store, database, &mut committed).await?;
    }
    let subjects = all_subjects(&committed, subjects);
    let databases = stores.iter().map(|store| store.database().name().to_owned()).collect();
    let mut audit = Audit { databases, committed: committed.len(), ..Audit::default() };
    let mut strangers = Vec::new();
    if !subjects.is_empty() {
        let mut reader = Reader::of_events(bus, &subjects, Start::All).await?;
        while let Some(delivery) = reader.next_there_is().await? {
            progress(reader.last().saturating_sub(delivery.sequence));
            // A redriven event was published once more, for one group.
            if delivery.redrive_of().is_none() {
                audit.stored += 1;
                match_with_row(&mut committed, &mut strangers, &delivery);
            }
        }
        reader.close().await;
    }
    for (id, row) in committed {
        audit.agreed += usize::from(!row.same.is_empty());
        audit.findings.extend(row.finding(id, stores).await?);
    }
    audit.findings.sort_by(|one, other| (&one.aggregate, one.version).cmp(&(&other.aggregate, other.version)));
    for stranger in strangers {
        if !was_recorded_since(&stranger, stores).await? {
            audit.findings.push(stranger);
        }
    }
    Ok(audit)
}

async fn read(store: &Store, database: usize, committed: &mut HashMap<ObjectId, Committed>) -> Result<(), Error> {
    let mut found = outbox_of(store).find(doc! {}).await.context(READING)?;
    while let Some(row) = found.try_next().await.context(READING)? {
        // An event of a newer service than this program, which does not know the subject to read.
        if row.subject.parse::<Subject>().is_err() {
            continue;
        }
        let event = Committed {
            database,
            payload: hash(row.payload.as_bytes()),
            subject: row.subject,
            aggregate: row.aggregate,
            version: row.version,
            is_pending: row.pending.is_some(),
            is_late: DateTime::now().saturating_duration_since(row.recorded_at) > RELAYED_WITHIN,
            same: Vec::new(),
            altered: Vec::new(),
        };
        committed.insert(row.id, event);
    }
    Ok(())
}

/// The subjects whose events must all be in the outboxes.
fn all_subjects(committed: &HashMap<ObjectId, Committed>, known: &[Subject]) -> Vec<Subject> {
    let found = committed.values().filter_map(|row| row.subject.parse().ok());
    let subjects: BTreeSet<Subject> = found.chain(known.iter().copied()).collect();
    subjects.into_iter().collect()
}

/// Notes the sequence of a message with the row of its event; without a row, the message is a finding.
fn match_with_row(committed: &mut HashMap<ObjectId, Committed>, strangers: &mut Vec<Finding>, delivery: &Delivery) {
    let id = delivery.event_id();
    let row = id.and_then(|id| ObjectId::parse_str(id).ok()).and_then(|id| committed.get_mut(&id));
    if let Some(row) = row {
        let is_same = row.subject == delivery.subject && row.payload == hash(&delivery.payload);
        if is_same { row.same.push(delivery.sequence) } else { row.altered.push(delivery.sequence) }
    } else if is_kept_in_outbox(delivery) {
        strangers.push(Finding {
            kind: Kind::Unknown,
            database: None,
            event_id: id.map(str::to_owned),
            subject: delivery.subject.clone(),
            aggregate: None,
            version: None,
            sequences: vec![delivery.sequence],
            has_unaltered_message: false,
        });
    }
}

/// Whether an outbox that has recorded the event must still contain it. The age of the id decides, not that of the
/// message: a repair publishes an old event again.
fn is_kept_in_outbox(delivery: &Delivery) -> bool {
    let recorded = delivery.event_id().and_then(|id| ObjectId::parse_str(id).ok());
    let recorded = recorded.map_or(delivery.published.into(), |id| id.timestamp().to_system_time());
    SystemTime::now().duration_since(recorded).is_ok_and(|age| age < KEPT_FOR - CLOCK_MARGIN)
}

impl Committed {
    async fn finding(self, id: ObjectId, stores: &[Store]) -> Result<Option<Finding>, Error> {
        let store = &stores[self.database];
        let has_unaltered_message = !self.same.is_empty();
        let kind = match (self.same.len(), self.altered.len()) {
            (_, 1..) => Kind::Altered,
            (2.., _) => Kind::Duplicate,
            (0, _) if !self.is_pending => Kind::Missing,
            // The relay may have published it in the meantime.
            (0, _) if self.is_late && is_pending(store, id).await? => Kind::Unsent,
            _ => return Ok(None),
        };
        Ok(Some(Finding {
            kind,
            database: Some(store.database().name().to_owned()),
            event_id: Some(id.to_hex()),
            subject: self.subject,
            aggregate: Some(self.aggregate),
            version: self.version,
            sequences: if kind == Kind::Altered { self.altered } else { self.same },
            has_unaltered_message,
        }))
    }
}

async fn is_pending(store: &Store, id: ObjectId) -> Result<bool, Error> {
    let pending = doc! { "_id": id, "pending": { "$exists": true } };
    Ok(outbox_of(store).find_one(pending).await.context(READING)?.is_some())
}

/// Whether an outbox has recorded the event after its rows were read.
async fn was_recorded_since(stranger: &Finding, stores: &[Store]) -> Result<bool, Error> {
    let Some(id) = stranger.event_id.as_deref().and_then(|id| ObjectId::parse_str(id).ok()) else { return Ok(false) };
    for store in stores {
        if outbox_of(store).find_one(doc! { "_id": id }).await.context(READING)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
