//! The limit of the time that a request may take.

use std::time::Duration;

use anyhow::anyhow;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service::http::Open;
use service::settings::Live;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::errors::ApiError;
use crate::settings::HttpSettings;

/// Runs the handler of a request in a task of its own, and answers 503 when it takes longer than the limit.
///
/// The task goes on, also when the client has gone: its transaction is committed or aborted, and not broken off. The server
/// stops only when it has ended, or at its deadline. Only the time until the head of the answer counts, so streams and
/// upgraded connections have no limit.
pub(crate) async fn limited(
    State(settings): State<Live<HttpSettings>>,
    open: Open,
    request: Request,
    next: Next,
) -> Response {
    let limit = Duration::from_secs(settings.get().request_limit_seconds.into());
    let (answer, answered) = oneshot::channel();
    let what = format!("{} {}", request.method(), request.uri().path());
    open.spawn("request", async move {
        answer.send(next.run(request).await).ok(); // nobody receives it after the limit
    });
    match timeout(limit, answered).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => ApiError::Fault(anyhow!("{what}: the handler panicked")).into_response(),
        Err(_) => {
            tracing::warn!("{what}: not answered within {limit:?}; its handler goes on");
            ApiError::Unavailable("The request takes too long; its outcome is not known yet").into_response()
        }
    }
}
