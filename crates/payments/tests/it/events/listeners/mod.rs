//! The listeners, one event in each file.

mod order_cancelled;
mod order_created;
