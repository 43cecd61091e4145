//! The declaration of the service, and its start order.

use std::net::SocketAddr;

use common::settings::HttpSettings;
use common::{Declaration, Program, Topology};
use service::settings::Sections;
use service::{Error, Scope};
use telemetry::TelemetrySettings;

use crate::api::Services;
use crate::app::app;
use crate::assets::Assets;
use crate::settings::ClientSettings;
use crate::state::AppState;

/// What is known of the client without running it. Its paths are those that are nobody else's.
pub const DECLARATION: Declaration =
    Declaration { name: "client", sections, topology: Topology::new, prefixes: &["/"], projections: &[] };

/// The web client.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

fn sections() -> Sections {
    Sections::new().with::<ClientSettings>().with::<HttpSettings>().with::<TelemetrySettings>()
}

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let settings = scope.settings::<ClientSettings>()?.get();
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let key = settings.stripe_publishable_key.clone();
    let state = AppState {
        services: Services::at(&settings),
        assets: Assets::embedded(),
        stripe_key: (!key.is_empty()).then_some(key.into()),
    };
    common::serve(&scope, app(state, tracer)).await
}
