//! One event a file.

mod order_cancelled;
mod order_created;

pub(crate) use order_cancelled::order_cancelled;
pub(crate) use order_created::order_created;
