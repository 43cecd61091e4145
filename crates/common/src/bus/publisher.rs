//! The right to publish one kind of event.

use std::fmt;
use std::marker::PhantomData;

use async_nats::HeaderMap;

use super::{Bus, PublishError, Published};
use crate::events::Direct;

/// Publishes one kind of event: [`Bus::publisher`] makes it.
///
/// ```
/// use common::bus::{PublishError, Published, Publisher};
/// use common::events::ExpirationComplete;
///
/// async fn tell(publisher: Publisher<ExpirationComplete>, event: ExpirationComplete) -> Result<Published, PublishError> {
///     publisher.publish(&event).await
/// }
/// ```
///
/// Only for events that no state stands behind; all others belong into an [`Outbox`](crate::store::Outbox).
pub struct Publisher<E: Direct> {
    bus: Bus,
    event: PhantomData<fn(E)>, // always Send and Sync, whatever E is
}

impl<E: Direct> Publisher<E> {
    pub(super) fn new(bus: Bus) -> Self {
        Self { bus, event: PhantomData }
    }

    /// Returns when the broker has stored the event; many may be under way at once.
    ///
    /// # Errors
    ///
    /// As [`Bus::publish`].
    pub async fn publish(&self, event: &E) -> Result<Published, PublishError> {
        let subject = async_nats::Subject::from_static(E::SUBJECT.as_str());
        let payload = || Ok(serde_json::to_vec(event)?.into());
        self.bus.store(subject, payload, HeaderMap::new(), &nuid::next()).await
    }
}

// Written out, since a derive would demand `E: Clone`.
impl<E: Direct> Clone for Publisher<E> {
    fn clone(&self) -> Self {
        Self { bus: self.bus.clone(), event: PhantomData }
    }
}

impl<E: Direct> fmt::Debug for Publisher<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publisher").field(&E::SUBJECT).finish()
    }
}
