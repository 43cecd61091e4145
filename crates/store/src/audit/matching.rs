//! The comparison of one batch of messages with the rows of the outboxes.

use std::collections::{BTreeMap, HashMap};
use std::mem::take;
use std::time::{Duration, SystemTime};

use bus::{Bus, Delivery, event_at};
use mongodb::bson::oid::ObjectId;
use service::Error;

use super::compare::Audit;
use super::finding::{Finding, Kind};
use super::rows::{self, PAGE, is_known};
use crate::KEPT_FOR;
use crate::outbox::Row;

/// How far the clocks of services, database and broker may differ.
const CLOCK_MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// How many altered messages are remembered for one repair.
const REMEMBERED: usize = 100_000;

impl Audit {
    /// Compares these messages, all of their subjects after the position, with the rows that have sequences in between.
    pub(super) async fn compare(
        &mut self,
        messages: Vec<Delivery>,
        until: u64,
        found: &mut Vec<Finding>,
    ) -> Result<(), Error> {
        // A redriven event was published once more, for one group.
        let messages = messages.into_iter().filter(|message| message.redrive_of().is_none());
        let mut messages: BTreeMap<_, _> = messages.map(|message| (message.sequence, message)).collect();
        self.summary.stored += messages.len() as u64;
        for store in &self.stores {
            let mut gone = Vec::new();
            let mut placed = rows::between(store, self.position, until).await?;
            while let Some(row) = placed.next().await? {
                let sequence = row.sequence.unwrap_or_default();
                if messages.get(&sequence).is_some_and(|message| is_of(message, &row) && is_same(message, &row)) {
                    messages.remove(&sequence);
                    self.summary.agree();
                } else if is_known(&row.subject) {
                    gone.push(row.id);
                }
                if gone.len() == PAGE {
                    rows::forget(store, &mut gone).await?;
                }
            }
            rows::forget(store, &mut gone).await?;
        }
        self.position = until;
        self.find_rows_of(messages, found).await
    }

    /// Finds the rows of messages that are not at the place that their row names: by the id of the event.
    async fn find_rows_of(
        &mut self,
        mut messages: BTreeMap<u64, Delivery>,
        found: &mut Vec<Finding>,
    ) -> Result<(), Error> {
        for database in 0..self.stores.len() {
            let ids: Vec<_> = messages.values().filter_map(event_id).collect();
            if ids.is_empty() {
                break;
            }
            let store = self.stores[database].clone();
            let rows: Vec<Row> = rows::with_ids(&store, &ids).await?.all().await?;
            let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
            let mut placed = Vec::new();
            for (sequence, message) in take(&mut messages) {
                let Some(row) = event_id(&message).and_then(|id| rows.get_mut(&id)) else {
                    messages.insert(sequence, message);
                    continue;
                };
                if !is_same(&message, row) {
                    self.remember(row.id, sequence);
                    found.push(self.of_row(Kind::Altered, database, row, vec![sequence]));
                    continue;
                }
                match row.sequence {
                    // Its relay has noted it in the meantime.
                    Some(noted) if noted == sequence => self.summary.agree(),
                    Some(noted) if is_at(&self.bus, row, noted).await? => {
                        let both = vec![noted.min(sequence), noted.max(sequence)];
                        found.push(self.of_row(Kind::Duplicate, database, row, both));
                    }
                    _ => {
                        row.sequence = Some(sequence);
                        placed.push((row.id, sequence));
                        self.summary.agree();
                    }
                }
            }
            rows::note(&store, &placed).await?;
        }
        for message in messages.into_values() {
            if message.is_experiment() {
                // No outbox has recorded it, as it should be.
            } else if is_kept_in_outbox(&message) {
                found.push(of_message(&message));
            } else {
                self.summary.older += 1;
            }
        }
        Ok(())
    }

    /// Remembers an altered message for the repair. Of very many, the rest is for the next one.
    fn remember(&mut self, id: ObjectId, sequence: u64) {
        if self.altered.len() < REMEMBERED || self.altered.contains_key(&id) {
            self.altered.entry(id).or_default().push(sequence);
        }
    }

    fn of_row(&self, kind: Kind, database: usize, row: &Row, sequences: Vec<u64>) -> Finding {
        Finding {
            kind,
            database: Some(self.name_of(database)),
            event_id: Some(row.id.to_hex()),
            subject: row.subject.clone(),
            aggregate: Some(row.aggregate.clone()),
            version: row.version,
            sequences,
        }
    }
}

fn of_message(message: &Delivery) -> Finding {
    Finding {
        kind: Kind::Unknown,
        database: None,
        event_id: message.event_id().map(str::to_owned),
        subject: message.subject.clone(),
        aggregate: None,
        version: None,
        sequences: vec![message.sequence],
    }
}

pub(super) fn event_id(message: &Delivery) -> Option<ObjectId> {
    message.event_id().and_then(|id| ObjectId::parse_str(id).ok())
}

fn is_of(message: &Delivery, row: &Row) -> bool {
    event_id(message) == Some(row.id)
}

/// Whether the stream has the event of this row at this sequence.
async fn is_at(bus: &Bus, row: &Row, sequence: u64) -> Result<bool, Error> {
    let message = event_at(bus, sequence).await?;
    Ok(message.is_some_and(|message| message.redrive_of().is_none() && is_of(&message, row) && is_same(&message, row)))
}

fn is_same(message: &Delivery, row: &Row) -> bool {
    message.subject == row.subject && message.payload == row.payload.as_bytes()
}

/// Whether an outbox that has recorded the event must still contain it. The age of the id decides, not that of the
/// message: a repair publishes an old event again.
pub(super) fn is_kept_in_outbox(message: &Delivery) -> bool {
    let recorded = event_id(message).map_or(message.published.into(), |id| id.timestamp().to_system_time());
    SystemTime::now().duration_since(recorded).is_ok_and(|age| age < KEPT_FOR - CLOCK_MARGIN)
}
