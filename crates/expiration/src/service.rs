//! The start order.

use std::time::Duration;

use common::{bus, telemetry};
use service::{Error, Scope, Service};

use crate::events::{order_cancelled, order_created};

/// The expiration service.
#[derive(Clone, Copy, Debug)]
pub struct Expiration;

impl Service for Expiration {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let tracer = telemetry::start(&scope, "expiration").await?;
        // A broker that is away keeps us unready, and is no failure.
        let child = |name| scope.child(name).ready_within(Duration::MAX);
        let bus = bus::connect(&scope, tracer).await?;
        child("order-created").start(order_created(&bus)?).await?;
        child("order-cancelled").start(order_cancelled(&bus)?).await?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    }
}
