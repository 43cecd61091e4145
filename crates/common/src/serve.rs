//! The HTTP API of a service, the last thing that it starts.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use service::http::Http;
use service::{Error, Scope};

use crate::settings::HttpSettings;

/// Serves the API at the address of `[http] bind`, makes the service ready with it, and waits for the request to stop.
///
/// # Errors
///
/// When the address can't be bound.
pub async fn serve(scope: &Scope<Option<SocketAddr>>, router: Router) -> Result<(), Error> {
    let bind = scope.settings::<HttpSettings>()?.get().bind;
    let address = scope.start("http", Http { bind, router, drain_delay: Duration::ZERO }).await?;
    tracing::info!(%address, "listening");
    scope.ready(Some(address));
    scope.stopping().await;
    Ok(())
}
