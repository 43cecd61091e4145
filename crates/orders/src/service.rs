//! The declaration of the service, and its start order.

use std::net::SocketAddr;

use bus::{ListenerSettings, NatsSettings};
use common::extract::SessionKey;
use common::settings::{HttpSettings, SessionSettings};
use common::{Declaration, Listeners as _, Program, Topology};
use service::settings::Sections;
use service::{Error, Scope};
use store::{MongoSettings, Outboxes, Projection, Relay, Replay};
use telemetry::TelemetrySettings;

use crate::app::app;
use crate::events::{
    ExpirationCompleteListener, Listeners, PaymentCreatedListener, Published, TicketCreatedListener,
    TicketUpdatedListener,
};
use crate::models::{Orders, Ticket};
use crate::settings::OrdersSettings;
use crate::state::AppState;
use crate::sweep::Sweep;

/// What is known of the orders service without running it.
pub const DECLARATION: Declaration = Declaration {
    name: "orders",
    sections,
    topology: || Topology::new().publishes(Published::SUBJECTS).listens::<Listeners>(),
    prefixes: &["/api/orders"],
    projections: &[Replay::of::<Ticket>()],
};

/// The orders service.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

fn sections() -> Sections {
    Sections::new()
        .with::<OrdersSettings>()
        .with::<HttpSettings>()
        .with::<SessionSettings>()
        .with::<MongoSettings>()
        .with::<NatsSettings>()
        .with::<ListenerSettings>()
        .with::<TelemetrySettings>()
        .moved("orders.bind", "http.bind")
        .moved("orders.jwt_key", "session.jwt_key")
        .moved("orders.mongo_uri", "mongo.uri")
}

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let settings = scope.settings::<OrdersSettings>()?;
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let store = store::connect(&scope).await?;
    let bus = bus::connect(&scope, tracer.clone()).await?;
    scope.child("relay").wait_until_ready().start(Relay::new(&store, &bus)).await?;

    let orders = scope.stopping().or_stop(Orders::open(&store)).await??;
    let tickets = Projection::of(&store);
    let (created, cancelled) = Published::open(&store);
    let listeners: Listeners = (
        TicketCreatedListener { tickets: tickets.clone() },
        TicketUpdatedListener { tickets: tickets.clone() },
        ExpirationCompleteListener::new(&orders, &cancelled),
        PaymentCreatedListener { orders: orders.clone() },
    );
    listeners.start(&scope, &store, &bus).await?;
    let sweep = Sweep { store: store.clone(), bus, orders: orders.clone(), cancelled: cancelled.clone() };
    scope.start("sweep", sweep).await?;

    let key = SessionKey::new(scope.settings::<SessionSettings>()?.get().jwt_key.reveal());
    let state = AppState { store, orders, tickets, created, cancelled, key, settings };
    common::serve(&scope, app(state, tracer)).await
}
