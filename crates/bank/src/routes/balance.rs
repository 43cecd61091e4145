//! The account and its balance: <https://docs.stripe.com/api/balance>

use axum::extract::State;
use axum::response::Response;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use serde_json::json;

use super::show;
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
    let balance = async {
        let mut sums = state.books.of::<Charge>().aggregate(steps).await?;
        let amount = sums.try_next().await?.and_then(|sum: Document| sum.get_i64("rest").ok()).unwrap_or_default();
        let of = |amount: i64| [json!({ "amount": amount, "currency": "usd", "source_types": { "card": amount } })];
        Ok(json!({ "object": "balance", "available": of(amount), "livemode": false, "pending": of(0) }))
    };
    show::answered(&state, "/v1/balance", balance).await
}
