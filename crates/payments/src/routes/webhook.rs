//! POST /api/payments/webhook
//!
//! What a webhook says is never believed, since it may come late, twice, or never: it only lets the settler and the refunder
//! look now. Its signature keeps strangers from causing requests to the provider.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::HeaderMap;
use common::errors::ApiError;
use common::extract::read;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::signature;
use crate::state::AppState;

/// An event of Stripe's: <https://docs.stripe.com/api/events/object>.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    object: Object,
}

/// An intent, or something that belongs to one.
#[derive(Debug, Deserialize)]
struct Object {
    id: String,
    object: String,
    #[serde(default)]
    payment_intent: Option<String>,
}

pub(crate) async fn receive_webhook(
    Shared(AppState { payments, webhook_secret, .. }): Shared<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let secret = webhook_secret.ok_or(ApiError::NotFound)?;
    let payload = read(body).await?;
    let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !signature::is_valid(secret.reveal(), header, &payload) {
        return Err(ApiError::BadRequest("The signature is not valid"));
    }
    let event: Event =
        serde_json::from_slice(&payload).map_err(|_| ApiError::BadRequest("The body is not an event of Stripe's"))?;
    let Object { id, object, payment_intent } = event.data.object;
    let intent = if object == "payment_intent" { Some(id) } else { payment_intent };
    if let Some(intent) = intent {
        payments.hint(&intent, event.kind == "payment_intent.succeeded").await?;
    }
    Ok(Json(json!({ "received": true })))
}
