//! The outbox: an event is committed together with the change that it reports.
//!
//! A service that writes to its database and then publishes loses the event if it is killed in between, and one that
//! publishes first may report a change that never was. Therefore nothing but the database is written: the event is a
//! document of the transaction that makes the change, and the [relay](crate::Relay) publishes it after the commit. The
//! price is one more write, and a delay of a few milliseconds.
//!
//! The type [`Outbox<E>`](Outbox) records one kind of event only, and needs a transaction to do so, so a wrong payload or a
//! record outside a transaction does not compile. Rows stay for [30 days](KEPT_FOR) after they were published, so that an
//! audit can compare them with the stream.

use std::fmt;
use std::marker::PhantomData;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use crate::{KEPT_FOR, Store, Tx};
use bus::{Bus, PublishError, Published, RecordedEvent};
use events::{Event, Subject};
use service::Error;
use telemetry::{Trace, remote_context};

pub(crate) const OUTBOX: &str = "outbox";

/// What failed, if reading the outbox does.
pub(crate) const READING: &str = "failed to read the outbox";

/// Records one kind of event; [`Outboxes::open`] creates it.
///
/// The [`Relay`](crate::Relay) publishes what was committed. Nothing else in a service publishes such events, so an event
/// can't report a change that was never committed, nor be lost after one that was.
pub struct Outbox<E> {
    rows: Collection<Row>,
    event: PhantomData<fn(E)>, // always Send and Sync, whatever E is
}

/// The events that a service records: a tuple of their types.
///
/// A service names them once. Its outboxes are made from that type, and so is its [topology](bus::Topology), so a
/// service can't record an event that it does not describe.
///
/// ```
/// # use events::{TicketCreated, TicketUpdated};
/// # use store::{Outbox, Outboxes, Store};
/// type Published = (TicketCreated, TicketUpdated);
///
/// fn outboxes(store: &Store) -> (Outbox<TicketCreated>, Outbox<TicketUpdated>) {
///     Published::open(store)
/// }
/// ```
pub trait Outboxes {
    /// The subjects that the relay publishes them on.
    const SUBJECTS: &'static [Subject];

    /// An [`Outbox`] for each event.
    type All;

    /// The outboxes in the service's own database.
    fn open(store: &Store) -> Self::All;
}

impl<A: Event> Outboxes for (A,) {
    const SUBJECTS: &'static [Subject] = &[A::SUBJECT];

    type All = (Outbox<A>,);

    fn open(store: &Store) -> Self::All {
        (Outbox::new(store),)
    }
}

impl<A: Event, B: Event> Outboxes for (A, B) {
    const SUBJECTS: &'static [Subject] = &[A::SUBJECT, B::SUBJECT];

    type All = (Outbox<A>, Outbox<B>);

    fn open(store: &Store) -> Self::All {
        (Outbox::new(store), Outbox::new(store))
    }
}

/// An event as it is stored in the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    /// The id of the event.
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    pub(crate) subject: String,
    /// The event as JSON.
    pub(crate) payload: String,
    /// The record that the event is about, as `ticket/<id>`.
    pub(crate) aggregate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// The step of a trace that has recorded the event, if it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    pub(crate) recorded_at: DateTime,
    /// The instance of the store whose relay is to publish the event; absent once it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<String>,
    /// When the broker had confirmed the event; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published_at: Option<DateTime>,
    /// The sequence of the event's message in the stream, as the relay or an audit has noted it; absent if neither has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<u64>,
}

impl Row {
    /// Publishes the event, as the step after the one that has recorded it. The broker ignores a second message with the
    /// same `message_id` within its duplicate window.
    pub(crate) async fn publish(&self, bus: &Bus, message_id: &str) -> Result<Published, PublishError> {
        let event = RecordedEvent {
            subject: &self.subject,
            payload: &self.payload,
            event_id: &self.id.to_hex(),
            recorded_in: remote_context(self.traceparent.as_deref(), self.correlation_id.as_deref()),
        };
        bus.publish_recorded(event, message_id).await
    }
}

/// All rows of the outbox.
pub(crate) fn outbox_of(store: &Store) -> Collection<Row> {
    store.collection(OUTBOX)
}

/// The id of an event, and the sequence of its message in the stream.
pub(crate) type Place = (ObjectId, u64);

/// The expression of an update's pipeline for the field `sequence` of these rows.
pub(crate) fn sequence_of(places: &[Place]) -> Result<Document, Error> {
    let ids: Vec<_> = places.iter().map(|(id, _)| *id).collect();
    let sequences: Result<Vec<_>, _> = places.iter().map(|(_, sequence)| i64::try_from(*sequence)).collect();
    Ok(doc! { "$arrayElemAt": [sequences?, { "$indexOfArray": [ids, "$_id"] }] })
}

/// The index that finds rows by the sequences of their messages, and those without one.
pub(crate) fn by_sequence() -> IndexModel {
    IndexModel::builder().keys(doc! { "sequence": 1, "_id": 1 }).build()
}

/// The indexes that find pending rows, the audit's, and the one that removes rows in the end.
pub(crate) fn indexes() -> [IndexModel; 4] {
    let pending = IndexOptions::builder().partial_filter_expression(doc! { "pending": { "$exists": true } }).build();
    let kept = IndexOptions::builder().expire_after(KEPT_FOR).build();
    [
        IndexModel::builder().keys(doc! { "pending": 1, "_id": 1 }).options(pending.clone()).build(),
        IndexModel::builder().keys(doc! { "aggregate": 1 }).options(pending).build(),
        by_sequence(),
        IndexModel::builder().keys(doc! { "publishedAt": 1 }).options(kept).build(),
    ]
}

impl<E: Event> Outbox<E> {
    fn new(store: &Store) -> Self {
        Self { rows: outbox_of(store), event: PhantomData }
    }

    /// Records the event: it is published once the transaction is committed, and never if it is not.
    ///
    /// # Errors
    ///
    /// Those of the database; when the event can't be written as JSON.
    pub async fn record(&self, tx: &mut Tx, event: &E) -> Result<(), mongodb::error::Error> {
        let aggregate = event.aggregate();
        let trace = Trace::current();
        let row = Row {
            id: ObjectId::new(),
            subject: E::SUBJECT.as_str().to_owned(),
            payload: serde_json::to_string(event).map_err(mongodb::error::Error::custom)?,
            aggregate: aggregate.to_string(),
            version: aggregate.version,
            traceparent: trace.as_ref().map(Trace::traceparent),
            correlation_id: trace.map(|trace| trace.correlation_id().to_owned()),
            recorded_at: DateTime::now(),
            pending: Some(tx.store().instance().to_owned()),
            published_at: None,
            sequence: None,
        };
        self.rows.insert_one(row).session(&mut *tx).await?;
        tx.has_recorded();
        if let Some(version) = aggregate.version {
            tx.wrote(aggregate.record(), version);
        }
        Ok(())
    }
}

// Written out, since a derive would demand `E: Clone`.
impl<E> Clone for Outbox<E> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), event: PhantomData }
    }
}

impl<E: Event> fmt::Debug for Outbox<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outbox").field(&E::SUBJECT).finish()
    }
}
