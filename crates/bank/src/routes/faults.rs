//! Faults on order, which Stripe does not have.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;

use crate::answer::Answer;
use crate::faults::Order;
use crate::state::AppState;

pub(crate) async fn order(State(state): State<AppState>, body: Bytes) -> (StatusCode, Json<Value>) {
    match serde_json::from_slice::<Order>(&body) {
        Ok(order) => {
            state.faults.iter().for_each(|faults| faults.order(order.clone()));
            (StatusCode::CREATED, Json(serde_json::json!(order)))
        }
        Err(error) => {
            let message =
                format!("{error}; a fault looks like {{\"fault\":\"cut_after\",\"path\":\"/confirm\",\"times\":1}}");
            let Answer { body, .. } = Answer::error(400, "invalid_request_error", message, &[]);
            (StatusCode::BAD_REQUEST, Json(body))
        }
    }
}

pub(crate) async fn list(State(state): State<AppState>) -> Json<Vec<Order>> {
    Json(state.faults.map(|faults| faults.orders()).unwrap_or_default())
}

pub(crate) async fn clear(State(state): State<AppState>) -> StatusCode {
    state.faults.iter().for_each(crate::faults::Faults::clear);
    StatusCode::NO_CONTENT
}
