//! What this service publishes, and what it listens to.
//!
//! Without a database there is no inbox: scheduling the same event twice before its time schedules it once, and what the
//! broker publishes has the same id each time, by which the orders service recognises it.

mod listeners;

pub(crate) use listeners::{Listeners, OrderCancelledListener, OrderCreatedListener};

use bus::PublishError;
use common::Rejection;

/// The queue group of the listeners: all processes of this service share the events.
const QUEUE_GROUP: &str = "expiration-service";

/// An event whose schedule the broker refused once it would refuse again.
fn unless_refused(error: PublishError) -> Rejection {
    if error.may_pass() { Rejection::Retry(error.into()) } else { Rejection::Discard(error.into()) }
}
