//! The HTTP API of a service, the last thing that it starts.

use std::net::SocketAddr;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use service::http::Http;
use service::{Error, Scope};

use crate::limit::limited;
use crate::settings::HttpSettings;

/// Serves the API at the address of `[http] bind`, makes the service ready with it, and waits for the request to stop.
///
/// A request that takes longer than `[http] request_limit_seconds` is answered with 503. A handler learns by a
/// [`Client`](crate::extract::Client) who sends its request, as the proxies of `[http] trusted_proxies` say.
///
/// # Errors
///
/// When the address can't be bound.
pub async fn serve(scope: &Scope<Option<SocketAddr>>, router: Router) -> Result<(), Error> {
    let settings = scope.settings::<HttpSettings>()?;
    let bind = settings.get().bind;
    let router = router.layer(from_fn_with_state(settings.clone(), limited)).layer(Extension(settings));
    let address = scope.start("http", Http { bind, router, drain_delay: Duration::ZERO }).await?;
    scope.ready(Some(address));
    scope.stopping().await;
    Ok(())
}
