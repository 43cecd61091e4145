//! The declaration of the service, and its start order.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use bus::{ListenerSettings, NatsSettings};
use common::extract::SessionKey;
use common::settings::{HttpSettings, SessionSettings};
use common::{Declaration, Listeners as _, Program, Topology};
use service::settings::Sections;
use service::{Error, Scope};
use store::{MongoSettings, Outboxes, Projection, Relay, Replay};
use telemetry::{TelemetrySettings, WarnOnce};
use tokio::time::sleep;

use crate::app::app;
use crate::charging::Charging;
use crate::events::{Listeners, OrderCancelledListener, OrderCreatedListener, Published};
use crate::models::{Order, Payments};
use crate::provider::{Provider, Refusal};
use crate::refunder::Refunder;
use crate::settings::PaymentsSettings;
use crate::settler::Settler;
use crate::state::AppState;

/// What is known of the payments service without running it.
pub const DECLARATION: Declaration = Declaration {
    name: "payments",
    sections,
    topology: || Topology::new().publishes(Published::SUBJECTS).listens::<Listeners>(),
    prefixes: &["/api/payments"],
    projections: &[Replay::of::<Order>()],
};

/// The payments service.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

fn sections() -> Sections {
    Sections::new()
        .with::<PaymentsSettings>()
        .with::<HttpSettings>()
        .with::<SessionSettings>()
        .with::<MongoSettings>()
        .with::<NatsSettings>()
        .with::<ListenerSettings>()
        .with::<TelemetrySettings>()
}

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let settings = scope.settings::<PaymentsSettings>()?.get();
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let provider = scope.stopping().or_stop(provider(&settings)).await??;
    let store = store::connect(&scope).await?;
    let bus = bus::connect(&scope, tracer.clone()).await?;
    scope.child("relay").wait_until_ready().start(Relay::new(&store, &bus)).await?;

    let orders = Projection::of(&store);
    let payments = Payments::of(&store, &orders, Published::open(&store));
    scope.stopping().or_stop(payments.create_indexes()).await??;
    let listeners: Listeners = (
        OrderCreatedListener { orders: orders.clone() },
        OrderCancelledListener { orders: orders.clone(), payments: payments.clone() },
    );
    listeners.start(&scope, &store, &bus).await?;
    let charging = Charging { payments: payments.clone(), orders: orders.clone(), provider: provider.clone() };
    scope.start("settler", Settler { charging: charging.clone() }).await?;
    scope.start("refunder", Refunder { payments: payments.clone(), provider }).await?;

    let key = SessionKey::new(scope.settings::<SessionSettings>()?.get().jwt_key.reveal());
    let webhook_secret = Some(settings.stripe_webhook_secret.clone()).filter(|secret| !secret.reveal().is_empty());
    let state = AppState { store, orders, payments, charging, key, webhook_secret };
    common::serve(&scope, app(state, tracer)).await
}

/// The provider, which is waited for however long it is away.
async fn provider(settings: &PaymentsSettings) -> Result<Provider, Error> {
    let url = &settings.stripe_url;
    let mut once = WarnOnce::default();
    loop {
        match Provider::connect(url, &settings.stripe_key).await {
            Ok(provider) => return Ok(provider),
            Err(Refusal::Unauthorized(why)) => {
                bail!("{url} does not accept STRIPE_KEY: {why}; see https://dashboard.stripe.com/apikeys")
            }
            Err(refusal) => once.warn(&format_args!("the payment provider is away: {refusal}; retrying")),
        }
        sleep(Duration::from_secs(1)).await;
    }
}
