//! The declaration of the service, and its start order.

use std::net::SocketAddr;
use std::time::Duration;

use common::extract::SessionKey;
use common::settings::{HttpSettings, SessionSettings};
use common::{Declaration, Program, Topology};
use service::settings::Sections;
use service::{Error, Scope};
use store::MongoSettings;
use telemetry::TelemetrySettings;

use crate::app::app;
use crate::models::{Passwords, Users};
use crate::settings::AuthSettings;
use crate::state::AppState;

/// What is known of the auth service without running it.
pub const DECLARATION: Declaration =
    Declaration { name: "auth", sections, topology: Topology::new, prefixes: &["/api/users"], projections: &[] };

/// The auth service.
pub const PROGRAM: Program = Program { declaration: DECLARATION, start: |scope| Box::pin(start(scope)) };

fn sections() -> Sections {
    Sections::new()
        .with::<AuthSettings>()
        .with::<HttpSettings>()
        .with::<SessionSettings>()
        .with::<MongoSettings>()
        .with::<TelemetrySettings>()
        .moved("auth.bind", "http.bind")
        .moved("auth.jwt_key", "session.jwt_key")
        .moved("auth.mongo_uri", "mongo.uri")
        .moved("auth.trust_proxy", "http.trusted_proxies") // was true or false: refused, with an example
}

async fn start(scope: Scope<Option<SocketAddr>>) -> Result<(), Error> {
    let settings = scope.settings::<AuthSettings>()?.get();
    let tracer = telemetry::start(&scope, DECLARATION.name).await?;
    let store = store::connect(&scope).await?;
    let users = scope.stopping().or_stop(Users::open(&store)).await??;
    let state = AppState {
        users,
        passwords: Passwords::new()?,
        key: SessionKey::new(scope.settings::<SessionSettings>()?.get().jwt_key.reveal()),
        session_length: Duration::from_secs(3600 * u64::from(settings.session_hours)),
    };
    common::serve(&scope, app(state, tracer)).await
}
