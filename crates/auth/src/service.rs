//! The start order.

use std::net::SocketAddr;
use std::time::Duration;

use common::extract::SessionKey;
use common::store::Connection;
use common::telemetry;
use service::http::Http;
use service::{Error, Scope, Service};

use crate::app::{AppState, app};
use crate::config::AuthSettings;
use crate::models::{Passwords, Users};

/// The auth service; its handle is the address it listens on.
#[derive(Clone, Copy, Debug)]
pub struct Auth;

impl Service for Auth {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let settings = scope.settings::<AuthSettings>()?.get();
        let tracer = telemetry::start(&scope, "auth").await?;
        let uri = settings.mongo_uri.clone();
        // A database that is away keeps us unready, and is no failure.
        let store = scope.child("store").ready_within(Duration::MAX).start(Connection { uri }).await?;
        let stopping = scope.stopping();
        let Some(users) = stopping.or(Users::open(&store)).await else { return Ok(()) };
        let state = AppState {
            users: users?,
            passwords: Passwords::new()?,
            key: SessionKey::new(settings.jwt_key.reveal()),
            good_for: Duration::from_secs(3600 * u64::from(settings.session_hours)),
            trusts_proxy: settings.trust_proxy,
        };
        let http = Http { bind: settings.bind, router: app(state, tracer), drain_delay: Duration::ZERO };
        let address = scope.start("http", http).await?;
        tracing::info!(%address, "the API is here");
        scope.ready(address);
        stopping.await;
        Ok(())
    }
}
