//! The listeners, one event in each file.

mod order_cancelled;
mod order_created;

pub(crate) use order_cancelled::OrderCancelledListener;
pub(crate) use order_created::OrderCreatedListener;

/// All listeners of this service.
pub(crate) type Listeners = (OrderCreatedListener, OrderCancelledListener);
