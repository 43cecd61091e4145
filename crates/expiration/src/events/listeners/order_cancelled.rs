//! order:cancelled: nobody waits for the end of its window any more.

use common::bus::{Bus, InvalidName, Publisher};
use common::events::{ExpirationComplete, OrderCancelled};
use service::{Error, Service};

use crate::events::listen;

/// Has the broker forget it. Should the order's creation come only now, its window ends in vain.
pub(crate) fn order_cancelled(bus: &Bus) -> Result<impl Service<Handle = ()>, InvalidName> {
    listen(bus, withdraw)
}

async fn withdraw(expired: Publisher<ExpirationComplete>, order: OrderCancelled) -> Result<(), Error> {
    expired.withdraw(&ExpirationComplete { order_id: order.id }).await
}
