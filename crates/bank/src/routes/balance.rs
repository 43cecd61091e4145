//! The account and its balance: <https://docs.stripe.com/api/balance>

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use serde_json::json;

use crate::answer::Answer;
use crate::books::Charge;
use crate::state::AppState;

pub(crate) async fn account(State(state): State<AppState>) -> Answer {
    Answer::ok(json!({
        "id": state.account,
        "object": "account",
        "charges_enabled": true,
        "country": "US",
        "default_currency": "usd",
        "type": "standard",
    }))
}

/// What was charged and not refunded.
pub(crate) async fn balance(State(state): State<AppState>) -> Response {
    let rest = doc! { "$sum": { "$subtract": ["$amount", "$amountRefunded"] } };
    let steps = [doc! { "$match": { "isPaid": true } }, doc! { "$group": { "_id": null, "rest": rest } }];
    let sum = async {
        let mut sums = state.books.of::<Charge>().aggregate(steps).await?;
        sums.try_next().await
    };
    let sum: mongodb::error::Result<Option<Document>> = sum.await;
    match sum {
        Ok(sum) => {
            let amount = sum.and_then(|sum| sum.get_i64("rest").ok()).unwrap_or_default();
            let available = [json!({ "amount": amount, "currency": "usd", "source_types": { "card": amount } })];
            let none = [json!({ "amount": 0, "currency": "usd", "source_types": { "card": 0 } })];
            let balance = json!({ "object": "balance", "available": available, "livemode": false, "pending": none });
            Answer::ok(balance).into_response()
        }
        Err(error) => {
            tracing::error!("/v1/balance: {error:#}");
            Answer::error(500, "api_error", "The books can't be read now", &[]).into_response()
        }
    }
}
