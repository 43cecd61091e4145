//! The declaration of the service, and its start order.

use std::net::SocketAddr;

use bus::{ListenerSettings, NatsSettings};
use common::extract::SessionKey;
use common::settings::{HttpSettings, SessionSettings};
use common::{Declaration, Listeners as _, Program, Topology};
use service::settings::Sections;
use service::{Error, Scope};
use store::{MongoSettings, Outboxes, Relay};
use telemetry::TelemetrySettings;

use crate::app::app;
use crate::events::{Listeners, OrderCancelledListener, OrderCreatedListener, Published};
use crate::models::Tickets;
use crate::state::AppState;

/// What is known of the tickets service without running it.
pub const DECLARATION: Declaration = Declaration {
    name: "tickets",
    sections,
    topology: || Topology::new().publishes(Published::SUBJECTS).listens::<Listeners>(),
    prefixes: &["/api/tickets"],
    projections: &[],
};

/// The tickets service.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

fn sections() -> Sections {
    Sections::new()
        .with::<HttpSettings>()
        .with::<SessionSettings>()
        .with::<MongoSettings>()
        .with::<NatsSettings>()
        .with::<ListenerSettings>()
        .with::<TelemetrySettings>()
        .moved("tickets.bind", "http.bind")
        .moved("tickets.jwt_key", "session.jwt_key")
        .moved("tickets.mongo_uri", "mongo.uri")
}

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let store = store::connect(&scope).await?;
    let bus = bus::connect(&scope, tracer.clone()).await?;
    scope.child("relay").wait_until_ready().start(Relay::new(&store, &bus)).await?;

    let tickets = scope.stopping().or_stop(Tickets::open(&store)).await??;
    let (created, updated) = Published::open(&store);
    let listeners: Listeners = (
        OrderCreatedListener { tickets: tickets.clone(), updated: updated.clone() },
        OrderCancelledListener { tickets: tickets.clone(), updated: updated.clone() },
    );
    listeners.start(&scope, &store, &bus).await?;

    let key = SessionKey::new(scope.settings::<SessionSettings>()?.get().jwt_key.reveal());
    common::serve(&scope, app(AppState { store, tickets, created, updated, key }, tracer)).await
}
