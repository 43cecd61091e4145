//! A service's listeners: the effect of an event and the note that it was handled are one transaction.

use std::any::type_name;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use futures_util::FutureExt;
use mongodb::error::Error as DatabaseError;
use service::{Error, Scope, Service};

use crate::bus::{Bus, Consumer, Delivery, Membership, Source, Start, Subscription, Verdict};
use crate::events::Event;
use crate::fault::point;
use crate::store::{Aborted, Inbox, Store, Tx, is_passing};
use crate::telemetry::Trace;

/// Handles one kind of event for one queue group.
///
/// ```
/// # use common::listener::{Listener, Rejection};
/// # use common::store::{Outbox, Tx};
/// # use common::events::{OrderCreated, TicketUpdated};
/// struct OrderCreatedListener {
///     updated: Outbox<TicketUpdated>,
/// }
///
/// impl Listener for OrderCreatedListener {
///     type Event = OrderCreated;
///
///     const QUEUE_GROUP: &'static str = "tickets-service";
///
///     async fn on_message(&self, event: &OrderCreated, tx: &mut Tx) -> Result<(), Rejection> {
///         // Change the state, and record what there is to say of it, in the transaction that was given.
/// #       let _ = (event, tx);
///         Ok(())
///     }
/// }
/// ```
///
/// [`Listen`] runs it.
pub trait Listener: Send + Sync + 'static {
    /// What it handles.
    type Event: Event;

    /// With whom it shares the events: those of one group each get a part of them. The course's names.
    const QUEUE_GROUP: &'static str;

    /// Handles the event: everything it changes and says, it does in the transaction. When that conflicts with another,
    /// it is called again, with a new one.
    ///
    /// Its result is the ack. An event that was handled before never comes here.
    fn on_message(&self, event: &Self::Event, tx: &mut Tx) -> impl Future<Output = Result<(), Rejection>> + Send;
}

/// Why an event is not handled. Nothing of what was done in the transaction remains.
///
/// `?` on any error means [`Rejection::Retry`]; therefore this is not an error itself.
#[derive(Debug)]
pub enum Rejection {
    /// Something is wrong that may pass: it comes again, later each time. Out of [tries](Limits::tries), it becomes a
    /// dead letter.
    Retry(anyhow::Error),
    /// An event before it has not arrived yet: it comes again soon, and that is no failure. When it has waited for too
    /// [long](Limits::wait), it becomes a dead letter.
    NotYet,
    /// It can never be handled: it becomes a dead letter at once.
    Discard(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}

/// How long a listener tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many events it handles at once.
    pub concurrency: usize,
    /// How often it is tried to handle an event.
    pub tries: u32,
    /// How long an event may wait for another one before it.
    pub wait: Duration,
}

impl Default for Limits {
    /// 8 at once; 10 tries, which is about two minutes; an hour.
    fn default() -> Self {
        Self { concurrency: 8, tries: 10, wait: Duration::from_secs(60 * 60) }
    }
}

/// How long the broker waits for an answer before an event comes again, as in the course. While it is being handled,
/// the broker is told so.
const ACK_WAIT: Duration = Duration::from_secs(5);

/// How many events of a group may be without an answer. Many, since those that wait or come again later count too, and
/// must not hold up the others; how many are fetched and handled is bounded by [`BATCH`] and [`Limits::concurrency`].
const MAX_IN_FLIGHT: u32 = 100_000;

/// How many events are fetched at once.
const BATCH: usize = 64;

/// The pause after the first failure; it doubles with each one after it.
const RETRY_AFTER: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// The pause of an event that waits for another; it doubles with each delivery.
const LOOK_AFTER: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// The pause when not even the failure could be noted.
const STORE_AWAY: Duration = Duration::from_secs(1);

/// Runs a [`Listener`] on the events of its subject, from the first one there is.
///
/// Its position is kept by the broker under the group and the subject, so that a listener that is added later sees what
/// was before, and one that waits holds up no other. It is ready when it is subscribed.
#[derive(Debug)]
pub struct Listen<L> {
    /// Where its effects and the inbox are.
    pub store: Store,
    /// Where the events come from.
    pub bus: Bus,
    /// What handles them.
    pub listener: L,
    /// How long it tries.
    pub limits: Limits,
}

impl<L: Listener> Listen<L> {
    /// With the limits that most have.
    pub fn new(store: &Store, bus: &Bus, listener: L) -> Self {
        Self { store: store.clone(), bus: bus.clone(), listener, limits: Limits::default() }
    }
}

impl<L: Listener> Service for Listen<L> {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { store, bus, listener, limits } = self;
        let subject = L::Event::SUBJECT;
        let group = L::QUEUE_GROUP.parse().context("the queue group of a listener")?;
        let _claim = bus.claim(&group, subject, type_name::<L>())?;
        let Some(inbox) = scope.stopping().or(Inbox::open(&store, L::QUEUE_GROUP)).await else { return Ok(()) };
        let handling = Arc::new(Handling { store, inbox: inbox?, listener, limits });
        let consumer = Consumer {
            source: Source::Events(subject),
            membership: Membership::DurableGroup { durable: group.clone(), group },
            start: Start::All,
            ack_wait: ACK_WAIT,
            max_in_flight: MAX_IN_FLIGHT,
            batch: BATCH,
            concurrency: limits.concurrency,
        };
        let traced = bus.clone();
        let handler = move |delivery: Arc<Delivery>, _| {
            let (handling, traced) = (Arc::clone(&handling), traced.clone());
            async move { traced.handling(L::QUEUE_GROUP, &delivery, handling.handle(&delivery)).await }
        };
        Subscription { bus, consumer, handler }.run(scope).await
    }
}

struct Handling<L> {
    store: Store,
    inbox: Inbox,
    listener: L,
    limits: Limits,
}

/// Why a transaction of a listener was given up.
enum GivenUp {
    Known,
    Rejected(Rejection),
}

impl From<DatabaseError> for GivenUp {
    fn from(error: DatabaseError) -> Self {
        Self::Rejected(error.into())
    }
}

impl Aborted for GivenUp {
    fn database_error(&self) -> Option<&DatabaseError> {
        match self {
            Self::Rejected(Rejection::Retry(error)) => error.database_error(),
            Self::Rejected(Rejection::NotYet | Rejection::Discard(_)) | Self::Known => None,
        }
    }
}

impl<L: Listener> Handling<L> {
    async fn handle(self: Arc<Self>, delivery: &Delivery) -> Verdict {
        let verdict = self.verdict(delivery).await;
        if let Verdict::DeadLetter { reason, .. } = &verdict {
            let (group, subject, sequence) = (L::QUEUE_GROUP, &delivery.subject, delivery.sequence);
            let event_id = delivery.identity();
            tracing::error!(group, subject, sequence, event_id, "an event goes to the dead letters: {reason}");
        }
        verdict
    }

    async fn verdict(self: Arc<Self>, delivery: &Delivery) -> Verdict {
        point("listener-received");
        let event: L::Event = match delivery.event() {
            Ok(event) => event,
            Err(error) => return Verdict::dead_letter(error.to_string()),
        };
        let id = delivery.identity();
        let taken = Arc::clone(&self).take(id.clone(), event);
        let rejection = match AssertUnwindSafe(taken).catch_unwind().await {
            Ok(Ok(()) | Err(GivenUp::Known)) => return Verdict::Ack,
            Ok(Err(GivenUp::Rejected(rejection))) => rejection,
            Err(panic) => Rejection::Retry(anyhow!("it panicked: {}", said(&*panic))),
        };
        if let (Rejection::Retry(error), Some(step)) = (&rejection, Trace::current()) {
            step.failed(&format_args!("{error:#}"));
        }
        let verdict = match rejection {
            // The database's trouble is not the event's.
            Rejection::Retry(error) if error.database_error().is_some_and(is_passing) => {
                tracing::warn!(event_id = id, "the database has no time for an event, which comes again: {error:#}");
                return Verdict::Nak(STORE_AWAY);
            }
            Rejection::Retry(error) => self.again(&tried(id.clone(), delivery), format!("{error:#}")).await,
            Rejection::NotYet => self.wait(&tried(id.clone(), delivery), delivery.attempt).await,
            Rejection::Discard(error) => Ok(Verdict::dead_letter(format!("{error:#}"))),
        };
        verdict.unwrap_or_else(|error| {
            tracing::warn!(event_id = id, "the database is away, the event comes again: {error}");
            Verdict::Nak(STORE_AWAY)
        })
    }

    async fn take(self: Arc<Self>, id: String, event: L::Event) -> Result<(), GivenUp> {
        let store = self.store.clone();
        let work = async move |tx: &mut Tx| {
            if !self.inbox.note(&id, tx).await? {
                return Err(GivenUp::Known);
            }
            point("listener-noted");
            self.listener.on_message(&event, tx).await.map_err(GivenUp::Rejected)?;
            point("listener-handled");
            Ok(())
        };
        store.transaction(work).await?;
        point("listener-before-ack");
        Ok(())
    }

    async fn again(&self, id: &str, error: String) -> Result<Verdict, DatabaseError> {
        let tries = self.inbox.failed(id, &error).await?;
        if tries.count < self.limits.tries {
            tracing::warn!(event_id = id, attempt = tries.count, "an event was not handled and comes again: {error}");
            return Ok(Verdict::Nak(longer(RETRY_AFTER, tries.count.into(), LONGEST_RETRY)));
        }
        let reason = format!("out of tries ({}): {error}", tries.count);
        Ok(Verdict::DeadLetter { reason, history: tries.history })
    }

    async fn wait(&self, id: &str, attempt: u64) -> Result<Verdict, DatabaseError> {
        let waited = self.inbox.waits(id).await?;
        if waited < self.limits.wait {
            return Ok(Verdict::Nak(longer(LOOK_AFTER, attempt, LONGEST_LOOK)));
        }
        Ok(Verdict::dead_letter(format!("an event before it has not arrived within {:?}", self.limits.wait)))
    }
}

/// The pause doubled with each attempt after the first, and never the same for two.
fn longer(pause: Duration, attempt: u64, longest: Duration) -> Duration {
    let doubled = 2_f64.powi(attempt.saturating_sub(1).min(30).try_into().unwrap_or(30));
    pause.mul_f64(doubled).min(longest).mul_f64(rand::random_range(0.75..1.25))
}

/// What the tries of an event are kept under: those of a redriven one begin anew.
fn tried(id: String, delivery: &Delivery) -> String {
    match delivery.redrive_of() {
        Some(number) => format!("{id}/redrive-{number}"),
        None => id,
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("something without words")
}
