//! The outbox: what a service says is committed with what it tells of.

use std::fmt;
use std::marker::PhantomData;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use super::{KEPT_FOR, Store, Tx};
use crate::bus::{Bus, EVENT_ID, PublishError, Published};
use crate::events::{Aggregate, AggregateRef, Event, Subject};
use crate::telemetry::{Trace, told};

pub(super) const OUTBOX: &str = "outbox";

/// Records one kind of event: [`Recorded::outboxes`] makes it.
///
/// The [`Relay`](super::Relay) publishes what was committed. Nothing else of a service publishes, so an event can't be
/// told of a change that never was, nor be lost after one that was.
pub struct Outbox<E> {
    rows: Collection<Row>,
    event: PhantomData<fn(E)>, // always Send and Sync, whatever E is
}

/// The kinds of events that a service records: a tuple of them.
///
/// A service names them once. Its outboxes are made from that, and so is what it tells of itself, its
/// [wiring](crate::wiring): it can't record what it does not tell.
///
/// ```
/// # use common::events::{TicketCreated, TicketUpdated};
/// # use common::store::{Outbox, Recorded, Store};
/// type Said = (TicketCreated, TicketUpdated);
///
/// fn outboxes(store: &Store) -> (Outbox<TicketCreated>, Outbox<TicketUpdated>) {
///     Said::outboxes(store)
/// }
/// ```
pub trait Recorded {
    /// Where the relay publishes them.
    const SUBJECTS: &'static [Subject];

    /// An [`Outbox`] for each of them.
    type Outboxes;

    /// The right to record each of them.
    fn outboxes(store: &Store) -> Self::Outboxes;
}

impl<A: Event> Recorded for (A,) {
    const SUBJECTS: &'static [Subject] = &[A::SUBJECT];

    type Outboxes = (Outbox<A>,);

    fn outboxes(store: &Store) -> Self::Outboxes {
        (Outbox::new(store),)
    }
}

impl<A: Event, B: Event> Recorded for (A, B) {
    const SUBJECTS: &'static [Subject] = &[A::SUBJECT, B::SUBJECT];

    type Outboxes = (Outbox<A>, Outbox<B>);

    fn outboxes(store: &Store) -> Self::Outboxes {
        (Outbox::new(store), Outbox::new(store))
    }
}

/// An event as it stands in the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    /// The event's id.
    #[serde(rename = "_id")]
    pub(super) id: ObjectId,
    pub(super) subject: String,
    /// JSON.
    pub(super) payload: String,
    /// The record it tells of, as `ticket/<id>`.
    pub(super) aggregate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u64>,
    /// The step that has recorded it, if it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    pub(super) recorded_at: DateTime,
    /// Whose it is to publish; absent once it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<String>,
    /// Absent until the broker has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    published_at: Option<DateTime>,
}

impl Row {
    /// Publishes the event, as the step after the one that has recorded it, under an id by which the broker knows this
    /// attempt for a while.
    pub(super) async fn publish(&self, bus: &Bus, message_id: &str) -> Result<Published, PublishError> {
        let id = self.id.to_hex();
        let before = told(self.traceparent.as_deref(), self.correlation_id.as_deref());
        let step = bus.sending("send", &self.subject, &id, before);
        let mut headers = step.headers();
        headers.insert(EVENT_ID, id);
        let payload = || Ok(self.payload.clone().into());
        let stored = bus.store(self.subject.clone().into(), payload, headers, message_id).await;
        stored.inspect_err(|error| step.failed(error))
    }
}

/// What a row is found by while it is pending, and what removes it in the end.
pub(super) fn indexes() -> [IndexModel; 3] {
    let pending = IndexOptions::builder().partial_filter_expression(doc! { "pending": { "$exists": true } }).build();
    let kept = IndexOptions::builder().expire_after(KEPT_FOR).build();
    [
        IndexModel::builder().keys(doc! { "pending": 1, "_id": 1 }).options(pending.clone()).build(),
        IndexModel::builder().keys(doc! { "aggregate": 1 }).options(pending).build(),
        IndexModel::builder().keys(doc! { "publishedAt": 1 }).options(kept).build(),
    ]
}

impl<E: Event> Outbox<E> {
    fn new(store: &Store) -> Self {
        Self { rows: store.collection(OUTBOX), event: PhantomData }
    }

    /// Records the event: it is published once the transaction is committed, and never if it is not.
    ///
    /// # Errors
    ///
    /// When the database does not take it, or it cannot be written as JSON.
    pub async fn record(&self, tx: &mut Tx, event: &E) -> Result<(), mongodb::error::Error> {
        let AggregateRef { aggregate, id, version } = event.aggregate();
        let kind = match aggregate {
            Aggregate::Ticket => "ticket",
            Aggregate::Order => "order",
            Aggregate::Payment => "payment",
        };
        let trace = Trace::current();
        let row = Row {
            id: ObjectId::new(),
            subject: E::SUBJECT.as_str().to_owned(),
            payload: serde_json::to_string(event).map_err(mongodb::error::Error::custom)?,
            aggregate: format!("{kind}/{id}"),
            version,
            traceparent: trace.as_ref().map(Trace::traceparent),
            correlation_id: trace.map(|trace| trace.correlation_id().to_owned()),
            recorded_at: DateTime::now(),
            pending: Some(tx.store().instance().to_owned()),
            published_at: None,
        };
        self.rows.insert_one(row).session(&mut *tx).await?;
        tx.has_recorded();
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
