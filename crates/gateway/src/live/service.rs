//! The declaration of the service, and its start order.

use std::net::SocketAddr;
use std::sync::Arc;

use bus::NatsSettings;
use common::extract::SessionKey;
use common::settings::{HttpSettings, SessionSettings};
use common::{Declaration, Program, Topology};
use service::settings::Sections;
use service::{Error, Scope};
use telemetry::TelemetrySettings;
use tokio::sync::Semaphore;

use super::earlier::READERS;
use super::feed::Following;
use super::limits::Counts;
use super::orders::Orders;
use super::routes::{AppState, app};
use super::settings::LiveSettings;

/// What is known of the live gateway without running it. It reads the events of others, but not as a listener: each process
/// reads all of them, and acks none.
pub const DECLARATION: Declaration =
    Declaration { name: "gateway", sections, topology: Topology::new, prefixes: &["/api/live"], projections: &[] };

/// The live gateway.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

fn sections() -> Sections {
    Sections::new()
        .with::<LiveSettings>()
        .with::<HttpSettings>()
        .with::<SessionSettings>()
        .with::<NatsSettings>()
        .with::<TelemetrySettings>()
}

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let settings = scope.settings::<LiveSettings>()?;
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let bus = bus::connect(&scope, tracer.clone()).await?;
    let feed = scope.child("feed").wait_until_ready().start(Following { bus }).await?;
    let key = SessionKey::new(scope.settings::<SessionSettings>()?.get().jwt_key.reveal());
    let orders = Orders::at(&settings.get().orders_url);
    let (counts, earlier_readers) = (Counts::default(), Arc::new(Semaphore::new(READERS)));
    let state = AppState { feed, orders, key, settings, counts, earlier_readers };
    common::serve(&scope, app(state, tracer)).await
}
