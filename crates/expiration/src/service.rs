//! The declaration of the service, and its start order.

use std::net::SocketAddr;

use bus::{ListenerSettings, NatsSettings};
use common::events::ExpirationComplete;
use common::{Declaration, Listeners as _, Nowhere, Program, Topology};
use service::settings::Sections;
use service::{Error, Scope};
use telemetry::TelemetrySettings;

use crate::events::{Listeners, OrderCancelledListener, OrderCreatedListener};

/// What is known of the expiration service without running it.
pub const DECLARATION: Declaration = Declaration {
    name: "expiration",
    sections: || Sections::new().with::<NatsSettings>().with::<ListenerSettings>().with::<TelemetrySettings>(),
    topology: || Topology::new().publishes_directly::<ExpirationComplete>().listens::<Listeners>(),
    prefixes: &[],
    projections: &[],
};

/// The expiration service.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let bus = bus::connect(&scope, tracer).await?;
    let listeners: Listeners =
        (OrderCreatedListener { expired: bus.publisher() }, OrderCancelledListener { expired: bus.publisher() });
    listeners.start(&scope, &Nowhere::default(), &bus).await?;
    scope.ready(None);
    scope.stopping().await;
    Ok(())
}
