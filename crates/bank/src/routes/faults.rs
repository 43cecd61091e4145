//! Faults on order, which Stripe does not have.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;

use crate::answer::Answer;
use crate::faults::{Faults, Order};

pub(crate) async fn order(State(faults): State<Faults>, body: Bytes) -> (StatusCode, Json<Value>) {
    match serde_json::from_slice::<Order>(&body) {
        Ok(order) => {
            faults.order(order.clone());
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

pub(crate) async fn list(State(faults): State<Faults>) -> Json<Vec<Order>> {
    Json(faults.orders())
}

pub(crate) async fn clear(State(faults): State<Faults>) -> StatusCode {
    faults.clear();
    StatusCode::NO_CONTENT
}
