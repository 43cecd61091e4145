//! The audit: what was committed, compared with what stands in the stream.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use serde::Serialize;
use service::Error;

use crate::outbox::{OUTBOX, Row};
use crate::{KEPT_FOR, Store};
use bus::{Bus, Delivery, Reader, Start};
use events::Subject;

/// An event that was committed so long ago is to be in the stream, if a relay runs and the broker is there.
const RELAYED_WITHIN: Duration = Duration::from_secs(10);

/// How far the clocks of services, database and broker may be apart.
const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) const READING: &str = "reading the outbox";

/// What an [`audit`] has found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Audit {
    /// The databases whose outboxes were compared.
    pub databases: Vec<String>,
    /// How many events the outboxes hold.
    pub committed: usize,
    /// How many messages of their subjects the stream holds.
    pub stored: usize,
    /// How many of the events of the outboxes stand there as they were committed.
    pub agreed: usize,
    /// Where the two differ: by record, each in the order of its versions; those of the stream alone come last.
    pub findings: Vec<Finding>,
}

/// An event of which outbox and stream tell differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How they differ.
    pub kind: Kind,
    /// The database with the outbox; nothing when no outbox knows the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Which event; nothing when a message has no id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Where it is published.
    pub subject: String,
    /// What it tells of, as `ticket/<id>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<String>,
    /// The version that this has because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The places in the stream where it stands; of what is altered, those with another text.
    pub sequences: Vec<u64>,
    /// Of what is altered: whether it stands there as it was committed, too.
    #[serde(skip)]
    pub(crate) stands: bool,
}

/// How outbox and stream differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It was published, and is not in the stream any more.
    Missing,
    /// It stands in the stream with another text, or under another subject.
    Altered,
    /// It was committed more than 10 s ago, and no relay has published it yet.
    Unsent,
    /// It is in the stream, and no outbox has recorded it.
    Unknown,
    /// It stands in the stream more than once: harmless, since every inbox knows it.
    Duplicate,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Missing => "missing",
            Self::Altered => "altered",
            Self::Unsent => "unsent",
            Self::Unknown => "unknown",
            Self::Duplicate => "duplicate",
        };
        f.write_str(text)
    }
}

impl Audit {
    /// Whether there is a finding of this kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.findings.iter().any(|finding| finding.kind == kind)
    }

    /// Whether stream and outboxes have nothing in common, though both have something: they are of different applications.
    pub fn are_strangers(&self) -> bool {
        self.agreed == 0 && self.has(Kind::Missing) && self.has(Kind::Unknown)
    }

    /// How many findings there are of each kind.
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        let mut counts = BTreeMap::new();
        self.findings.iter().for_each(|finding| *counts.entry(finding.kind).or_default() += 1);
        counts
    }
}

/// A row of an outbox, with where it was seen in the stream.
struct Committed {
    database: usize,
    subject: String,
    payload: u64,
    aggregate: String,
    version: Option<u64>,
    is_pending: bool,
    is_late: bool,
    same: Vec<u64>,
    others: Vec<u64>,
}

/// Compares the outboxes of these databases with the stream, row by row. It changes nothing, and may run beside
/// everything else.
///
/// An event of one of these `subjects`, or of those in the outboxes, must be known to one of them.
///
/// `progress` is told how many messages are still to be read, at most. Of events that were published more than 30 days ago the
/// outbox knows nothing any more, and nothing is said.
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
    // First the rows: what is marked as published by now must be in the stream that is read after them.
    let mut rows = HashMap::new();
    for (database, store) in stores.iter().enumerate() {
        read(&outbox_of(store), database, &mut rows).await?;
    }
    let subjects = all_subjects(&rows, subjects);
    let databases = stores.iter().map(|store| store.database().name().to_owned()).collect();
    let mut audit = Audit { databases, committed: rows.len(), ..Audit::default() };
    let mut strangers = Vec::new();
    if !subjects.is_empty() {
        let mut reader = Reader::of_events(bus, &subjects, Start::All).await?;
        while let Some(delivery) = reader.try_next().await? {
            progress(reader.last().saturating_sub(delivery.sequence));
            // What was redriven stands there for one group's sake.
            if delivery.redrive_of().is_none() {
                audit.stored += 1;
                see(&mut rows, &mut strangers, &delivery);
            }
        }
        reader.close().await;
    }
    for (id, row) in rows {
        audit.agreed += usize::from(!row.same.is_empty());
        audit.findings.extend(row.finding(id, stores).await?);
    }
    audit.findings.sort_by(|one, other| (&one.aggregate, one.version).cmp(&(&other.aggregate, other.version)));
    for stranger in strangers {
        if !is_known(&stranger, stores).await? {
            audit.findings.push(stranger);
        }
    }
    Ok(audit)
}

pub(crate) fn outbox_of(store: &Store) -> Collection<Row> {
    store.collection(OUTBOX)
}

async fn read(outbox: &Collection<Row>, database: usize, rows: &mut HashMap<ObjectId, Committed>) -> Result<(), Error> {
    let mut found = outbox.find(doc! {}).await.context(READING)?;
    while let Some(row) = found.try_next().await.context(READING)? {
        // Of a newer service than this program; it would be looked for in vain.
        if row.subject.parse::<Subject>().is_err() {
            continue;
        }
        let committed = Committed {
            database,
            payload: hash(row.payload.as_bytes()),
            subject: row.subject,
            aggregate: row.aggregate,
            version: row.version,
            is_pending: row.pending.is_some(),
            is_late: DateTime::now().saturating_duration_since(row.recorded_at) > RELAYED_WITHIN,
            same: Vec::new(),
            others: Vec::new(),
        };
        rows.insert(row.id, committed);
    }
    Ok(())
}

/// The subjects of which these outboxes tell all there is.
fn all_subjects(rows: &HashMap<ObjectId, Committed>, known: &[Subject]) -> Vec<Subject> {
    let found = rows.values().filter_map(|row| row.subject.parse().ok());
    let subjects: BTreeSet<Subject> = found.chain(known.iter().copied()).collect();
    subjects.into_iter().collect()
}

/// Notes where an event stands in the stream, or that none of the rows is about it.
fn see(rows: &mut HashMap<ObjectId, Committed>, strangers: &mut Vec<Finding>, delivery: &Delivery) {
    let id = delivery.event_id();
    let row = id.and_then(|id| ObjectId::parse_str(id).ok()).and_then(|id| rows.get_mut(&id));
    if let Some(row) = row {
        let is_same = row.subject == delivery.subject && row.payload == hash(&delivery.payload);
        if is_same { row.same.push(delivery.sequence) } else { row.others.push(delivery.sequence) }
    } else if is_young(delivery) {
        strangers.push(Finding {
            kind: Kind::Unknown,
            database: None,
            event_id: id.map(str::to_owned),
            subject: delivery.subject.clone(),
            aggregate: None,
            version: None,
            sequences: vec![delivery.sequence],
            stands: false,
        });
    }
}

/// Whether an outbox that has recorded it must know it still. What counts is the age of its id: a repair publishes an old
/// event anew.
fn is_young(delivery: &Delivery) -> bool {
    let recorded = delivery.event_id().and_then(|id| ObjectId::parse_str(id).ok());
    let recorded = recorded.map_or(delivery.published.into(), |id| id.timestamp().to_system_time());
    SystemTime::now().duration_since(recorded).is_ok_and(|age| age < KEPT_FOR - MARGIN)
}

impl Committed {
    async fn finding(self, id: ObjectId, stores: &[Store]) -> Result<Option<Finding>, Error> {
        let store = &stores[self.database];
        let stands = !self.same.is_empty();
        let kind = match (self.same.len(), self.others.len()) {
            (_, 1..) => Kind::Altered,
            (2.., _) => Kind::Duplicate,
            (0, _) if !self.is_pending => Kind::Missing,
            // The relay may have come to it meanwhile.
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
            sequences: if kind == Kind::Altered { self.others } else { self.same },
            stands,
        }))
    }
}

async fn is_pending(store: &Store, id: ObjectId) -> Result<bool, Error> {
    let pending = doc! { "_id": id, "pending": { "$exists": true } };
    Ok(outbox_of(store).find_one(pending).await.context(READING)?.is_some())
}

/// Whether an outbox has recorded it after all, since its rows were read.
async fn is_known(stranger: &Finding, stores: &[Store]) -> Result<bool, Error> {
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
