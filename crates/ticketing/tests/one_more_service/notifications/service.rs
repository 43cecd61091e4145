//! The declaration of the service, and its start order.

use std::net::SocketAddr;

use bus::{ListenerSettings, NatsSettings};
use common::extract::SessionKey;
use common::settings::{HttpSettings, SessionSettings};
use common::{Declaration, Listeners as _, Program, Topology};
use service::settings::Sections;
use service::{Error, Scope};
use store::{MongoSettings, Projection, Replay};
use telemetry::TelemetrySettings;

use super::listeners::{Listeners, OrderCreatedListener, TicketCreatedListener, TicketUpdatedListener};
use super::notification::Notifications;
use super::routes::{AppState, app};
use super::ticket::Ticket;

/// What is known of the notifications service without running it.
pub const DECLARATION: Declaration = Declaration {
    name: "notifications",
    sections,
    topology: || Topology::new().listens::<Listeners>(),
    prefixes: &["/api/notifications"],
    projections: &[Replay::of::<Ticket>()],
};

/// The notifications service.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

fn sections() -> Sections {
    Sections::new()
        .with::<HttpSettings>()
        .with::<SessionSettings>()
        .with::<MongoSettings>()
        .with::<NatsSettings>()
        .with::<ListenerSettings>()
        .with::<TelemetrySettings>()
}

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let store = store::connect(&scope).await?;
    let bus = bus::connect(&scope, tracer.clone()).await?;

    let tickets = Projection::of(&store);
    let notifications = Notifications::of(&store);
    let listeners: Listeners = (
        TicketCreatedListener { tickets: tickets.clone() },
        TicketUpdatedListener { tickets: tickets.clone() },
        OrderCreatedListener { tickets, notifications: notifications.clone() },
    );
    listeners.start(&scope, &store, &bus).await?;

    let key = SessionKey::new(scope.settings::<SessionSettings>()?.get().jwt_key.reveal());
    common::serve(&scope, app(AppState { notifications, key }, tracer)).await
}
