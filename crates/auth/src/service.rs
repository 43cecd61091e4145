//! The start order.

use std::net::SocketAddr;
use std::time::Duration;

use common::extract::SessionKey;
use common::store::Store;
use service::http::Http;
use service::{Error, Scope, Service};
use tokio::time::sleep;

use crate::app::{AppState, app};
use crate::config::AuthSettings;
use crate::models::{Passwords, Users};

/// The pause between two attempts to make the index of a database that is away.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The auth service; its handle is the address it listens on.
#[derive(Clone, Copy, Debug)]
pub struct Auth;

impl Service for Auth {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let settings = scope.settings::<AuthSettings>()?.get();
        let uri = settings.mongo_uri.clone();
        // A database that is away keeps us unready, and is no failure.
        let database = scope.child("store").ready_within(Duration::MAX).start(Store { uri }).await?;
        let users = Users::new(&database);
        let stopping = scope.stopping();
        while let Err(error) = match stopping.or(users.ensure_index()).await {
            Some(made) => made,
            None => return Ok(()),
        } {
            tracing::warn!("making the index of the e-mail addresses: {error}");
            stopping.or(sleep(AGAIN_AFTER)).await;
        }
        let state = AppState {
            users,
            passwords: Passwords::new()?,
            key: SessionKey::new(settings.jwt_key.reveal()),
            good_for: Duration::from_secs(3600 * u64::from(settings.session_hours)),
            trusts_proxy: settings.trust_proxy,
        };
        let http = Http { bind: settings.bind, router: app(state), drain_delay: Duration::ZERO };
        let address = scope.start("http", http).await?;
        tracing::info!(%address, "the API is here");
        scope.ready(address);
        stopping.await;
        Ok(())
    }
}
