//! What this service listens to. It says one thing, at a time that the broker keeps.
//!
//! Without a database there is no inbox: scheduling the same twice before its time is scheduling it once, and what the
//! broker publishes has the same id each time, by which the orders service knows it.

mod listeners;

use std::sync::Arc;
use std::time::Duration;

use common::bus::{
    Bus, Consumer, Delivery, InvalidName, Membership, PublishError, Publisher, Source, Start, Subscription, Verdict,
};
use common::events::{Event, ExpirationComplete, OrderCancelled, OrderCreated};
use common::fault::point;
use common::telemetry::Trace;
use common::wiring::Wiring;
use service::{Service, Stopping};

pub(crate) use listeners::{order_cancelled, order_created};

/// With whom the listeners share their events: all processes of this service.
const QUEUE_GROUP: &str = "expiration-service";

/// When something comes again that the broker has not confirmed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// All that this service says and hears.
pub fn wiring() -> Wiring {
    Wiring::of("expiration")
        .publishes::<ExpirationComplete>()
        .listens_to::<OrderCreated>(QUEUE_GROUP)
        .listens_to::<OrderCancelled>(QUEUE_GROUP)
}

/// Subscribes to one kind of event; an error of the handler means that it comes again.
fn listen<E: Event, F>(
    bus: &Bus,
    handle: impl Fn(Publisher<ExpirationComplete>, E) -> F + Clone + Send + Sync + 'static,
) -> Result<impl Service<Handle = ()>, InvalidName>
where
    F: Future<Output = Result<(), service::Error>> + Send,
{
    let group: common::bus::Name = QUEUE_GROUP.parse()?;
    let consumer = Consumer {
        source: Source::Events(E::SUBJECT),
        membership: Membership::DurableGroup { durable: group.clone(), group },
        start: Start::All,
        ack_wait: Duration::from_secs(5), // as in the course
        max_in_flight: 1000,
        batch: 64,
        concurrency: 64,
    };
    let (publisher, traced) = (bus.publisher(), bus.clone());
    let handler = move |delivery: Arc<Delivery>, _: Stopping| {
        let (publisher, handle, traced) = (publisher.clone(), handle.clone(), traced.clone());
        async move {
            let taken = take(&delivery, |event| handle(publisher, event));
            traced.handling(QUEUE_GROUP, &delivery, taken).await
        }
    };
    Ok(Subscription { bus: bus.clone(), consumer, handler })
}

async fn take<E: Event, F>(delivery: &Delivery, handle: impl FnOnce(E) -> F) -> Verdict
where
    F: Future<Output = Result<(), service::Error>>,
{
    point("expiration-received");
    let event = match delivery.event() {
        Ok(event) => event,
        Err(error) => return Verdict::dead_letter(error.to_string()),
    };
    match handle(event).await {
        Ok(()) => {
            point("expiration-before-ack");
            Verdict::Ack
        }
        // What the broker was sure to refuse once, it refuses for ever.
        Err(error) if error.downcast_ref::<PublishError>().is_some_and(|error| !error.may_pass()) => {
            Verdict::dead_letter(format!("{error:#}"))
        }
        Err(error) => {
            tracing::warn!(subject = delivery.subject, "an event comes again: {error:#}");
            if let Some(step) = Trace::current() {
                step.failed(&format_args!("{error:#}"));
            }
            Verdict::Nak(AGAIN_AFTER)
        }
    }
}
