//! order:created: its window begins.

use common::bus::{Bus, InvalidName, Publisher};
use common::events::{ExpirationComplete, OrderCreated};
use service::{Error, Service};

use crate::events::listen;

/// Has the broker say when the window is over.
pub(crate) fn order_created(bus: &Bus) -> Result<impl Service<Handle = ()>, InvalidName> {
    listen(bus, schedule)
}

async fn schedule(expired: Publisher<ExpirationComplete>, order: OrderCreated) -> Result<(), Error> {
    expired.publish_at(&ExpirationComplete { order_id: order.id }, order.expires_at).await?;
    Ok(())
}
