//! The comparison of outboxes and stream.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::ensure;
use bus::{Bus, Delivery, Reader, Start};
use events::Subject;
use mongodb::bson::DateTime;
use mongodb::bson::oid::ObjectId;
use service::Error;

use super::finding::{Finding, Kind, Summary};
use super::rows::{self, PAGE, Unplaced, is_known};
use crate::Store;

/// The time after its commit within which an event is in the stream, if a relay is running and the broker is there.
const RELAYED_WITHIN: Duration = Duration::from_secs(10);

/// How many bytes of payloads are compared in one batch, unless one message has more.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The comparison of the outboxes of some databases with the stream, row by row. It may run alongside the services.
///
/// An event on one of its subjects must be in one of the outboxes. Events that were published more than 30 days ago are in
/// no outbox any more, and are only counted. The memory that an audit needs does not depend on the number of events.
///
/// It writes nothing but the sequences of the messages, in the rows of the outboxes, and an index on them.
#[derive(Debug)]
pub struct Audit {
    pub(super) bus: Bus,
    pub(super) stores: Vec<Store>,
    reader: Reader,
    step: Step,
    /// All messages up to this sequence were compared.
    pub(super) position: u64,
    /// The last sequence of the stream when the audit began.
    last: u64,
    pub(super) summary: Summary,
    /// The altered messages of events, for the repair.
    pub(super) altered: HashMap<ObjectId, Vec<u64>>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The messages are read, and compared with the rows.
    Messages,
    /// The rows without a message are read: those of one database after the other.
    Rows {
        database: usize,
        after: Option<ObjectId>,
    },
    Finished,
}

impl Audit {
    /// Prepares the audit. It compares events on these subjects, and on those in the outboxes.
    ///
    /// # Errors
    ///
    /// When a database or the broker does not answer.
    pub async fn begin(bus: &Bus, stores: &[Store], subjects: &[Subject]) -> Result<Self, Error> {
        let mut subjects: BTreeSet<_> = subjects.iter().copied().collect();
        for store in stores {
            rows::prepare(store).await?;
            subjects.extend(rows::subjects(store).await?);
        }
        let subjects: Vec<_> = subjects.into_iter().collect();
        let reader = Reader::of_events(bus, &subjects, Start::All).await?;
        let databases = stores.iter().map(|store| store.database().name().to_owned()).collect();
        Ok(Self {
            bus: bus.clone(),
            stores: stores.to_vec(),
            step: if subjects.is_empty() { Step::Finished } else { Step::Messages },
            position: 0,
            last: reader.last(),
            reader,
            summary: Summary { databases, ..Summary::default() },
            altered: HashMap::new(),
        })
    }

    /// Compares the next batch, and returns what differs in it, maybe nothing; `None` at the end. Messages come first, in
    /// the order of the stream, and then the events without a message, in the order in which they were recorded.
    ///
    /// # Errors
    ///
    /// When a database or the broker does not answer, or somebody deletes the stream in the meantime.
    pub async fn next(&mut self) -> Result<Option<Vec<Finding>>, Error> {
        let mut found = Vec::new();
        match self.step {
            Step::Messages => {
                let (messages, is_end) = self.read().await?;
                // At the end, these are also the rows whose messages were the last ones, and are gone.
                let read = messages.last().map_or(self.position, |message| message.sequence);
                let until = if is_end { self.last.max(read) } else { read };
                self.compare(messages, until, &mut found).await?;
                if self.position >= self.last {
                    self.forget_rows_beyond_the_end().await?;
                    self.step = Step::Rows { database: 0, after: None };
                }
            }
            Step::Rows { database, .. } if database == self.stores.len() => self.step = Step::Finished,
            Step::Rows { database, after } => {
                let (page, last) = self.unplaced(database, after, &mut found).await?;
                self.judge(database, page, &mut found);
                self.step = match last {
                    Some(_) => Step::Rows { database, after: last },
                    None => Step::Rows { database: database + 1, after: None },
                };
            }
            Step::Finished => return Ok(None),
        }
        for finding in &found {
            *self.summary.counts.entry(finding.kind).or_default() += 1;
        }
        Ok(Some(found))
    }

    /// Compares everything, and returns all that differs: for tests, which have few events.
    ///
    /// # Errors
    ///
    /// As [`Audit::next`].
    pub async fn findings(&mut self) -> Result<Vec<Finding>, Error> {
        let mut all = Vec::new();
        while let Some(found) = self.next().await? {
            all.extend(found);
        }
        Ok(all)
    }

    /// How many messages are still to be read, at most; 0 while the events without a message are listed.
    pub fn left(&self) -> u64 {
        self.last.saturating_sub(self.position)
    }

    pub(super) fn is_finished(&self) -> bool {
        matches!(self.step, Step::Finished)
    }

    /// What was found until now, in numbers.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Ends the audit, and returns what was found, in numbers.
    pub async fn close(self) -> Summary {
        self.reader.close().await;
        self.summary
    }

    /// The next batch of messages, and whether the stream contains no more now.
    async fn read(&mut self) -> Result<(Vec<Delivery>, bool), Error> {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while messages.len() < PAGE && bytes < BATCH_BYTES {
            let Some(message) = self.reader.try_next().await? else { return Ok((messages, true)) };
            ensure!(message.sequence > self.position, "the stream was deleted during the audit: run it again");
            bytes += message.payload.len();
            let is_last = message.sequence >= self.reader.last();
            messages.push(message);
            if is_last {
                return Ok((messages, true));
            }
        }
        Ok((messages, false))
    }

    /// Takes the sequence away from rows that name one behind the end of the stream: it was deleted, and created again.
    async fn forget_rows_beyond_the_end(&mut self) -> Result<(), Error> {
        for store in &self.stores {
            let mut places = rows::after(store, self.position).await?;
            let (mut page, mut is_end) = (Vec::new(), false);
            while !is_end {
                match places.next().await? {
                    Some(place) => page.push(place),
                    None => is_end = true,
                }
                if page.len() == PAGE || is_end {
                    // Looked up after the rows: what was published until then is in the stream.
                    let last = self.reader.refresh().await?;
                    let beyond = page.drain(..).filter(|place| place.sequence > last);
                    rows::forget(store, &mut beyond.map(|place| place.id).collect()).await?;
                }
            }
        }
        Ok(())
    }

    /// The first rows of a database that have no message, after the given one, and the last one that was looked at.
    pub(super) async fn unplaced(
        &mut self,
        database: usize,
        after: Option<ObjectId>,
        found: &mut Vec<Finding>,
    ) -> Result<(Vec<Unplaced>, Option<ObjectId>), Error> {
        let store = self.stores[database].clone();
        let (mut page, last) = rows::unplaced(&store, after).await?;
        // A relay that notes no sequences may have published them in the meantime: then the message is in the stream now.
        if last.is_some() && self.read_what_is_new(found).await? {
            let ids: Vec<_> = page.iter().map(|row| row.id).collect();
            page = rows::still_unplaced(&store, &ids).await?;
        }
        page.retain(|row| is_known(&row.subject));
        Ok((page, last))
    }

    /// Compares the messages that were published after the last batch, and returns whether there were any.
    async fn read_what_is_new(&mut self, found: &mut Vec<Finding>) -> Result<bool, Error> {
        let last = self.reader.refresh().await?;
        if last <= self.position {
            return Ok(false);
        }
        while self.position < last {
            let (messages, is_end) = self.read().await?;
            if let Some(read) = messages.last().map(|message| message.sequence) {
                self.compare(messages, read, found).await?;
            }
            if is_end {
                break;
            }
        }
        self.position = self.position.max(last); // the rest of the sequences belongs to other subjects
        Ok(true)
    }

    fn judge(&mut self, database: usize, page: Vec<Unplaced>, found: &mut Vec<Finding>) {
        self.summary.committed += page.len() as u64;
        for row in page {
            let is_late = DateTime::now().saturating_duration_since(row.recorded_at) > RELAYED_WITHIN;
            let kind = match row.pending {
                Some(_) if is_late => Kind::Unsent,
                None if !self.altered.contains_key(&row.id) => Kind::Missing,
                _ => continue,
            };
            let (aggregate, version) = (Some(row.aggregate), row.version);
            let (database, event_id) = (Some(self.name_of(database)), Some(row.id.to_hex()));
            found.push(Finding {
                kind,
                database,
                event_id,
                subject: row.subject,
                aggregate,
                version,
                sequences: Vec::new(),
            });
        }
    }

    pub(super) fn name_of(&self, database: usize) -> String {
        self.stores[database].database().name().to_owned()
    }
}
