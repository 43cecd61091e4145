//! The start order.

use std::time::Duration;

use common::bus;
use service::{Error, Scope, Service};

use crate::events::{order_cancelled, order_created};

/// The expiration service.
#[derive(Clone, Copy, Debug)]
pub struct Expiration;

impl Service for Expiration {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        // A broker that is away keeps us unready, and is no failure.
        let child = |name| scope.child(name).ready_within(Duration::MAX);
        let bus = bus::connect(&scope).await?;
        child("order-created").start(order_created(&bus)?).await?;
        child("order-cancelled").start(order_cancelled(&bus)?).await?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    }
}
