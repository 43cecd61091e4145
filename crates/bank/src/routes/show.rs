//! Answering a request that changes nothing.

use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use mongodb::bson::doc;
use serde_json::Value;

use crate::answer::{Answer, Refused};
use crate::books::{Entry, Page};
use crate::faults::{Fault, cut};
use crate::params::Params;
use crate::state::AppState;

/// The object with this id.
pub(super) async fn one<E: Entry>(state: &AppState, id: &str, shown: impl Fn(&E) -> Value) -> Response {
    let found = async {
        let found = state.books.of::<E>().find_one(doc! { "_id": id }).await?;
        found.map(|entry| shown(&entry)).ok_or_else(|| Refused::missing("id", E::NAME, id))
    };
    answered(state, &format!("/{id}"), found).await
}

/// A page of all objects of a kind, or of those that a parameter selects: `filters` are parameters with their fields.
pub(super) async fn list<E: Entry>(
    state: &AppState,
    uri: &Uri,
    filters: &[(&str, &str)],
    shown: impl Fn(&E) -> Value,
) -> Response {
    let page = async {
        let params = Params::parse(uri.query().unwrap_or_default().as_bytes());
        let known: Vec<_> = Page::PARAMS.into_iter().chain(filters.iter().map(|(param, _)| *param)).collect();
        params.only(&known)?;
        let page = Page::of(&params)?;
        let page = filters.iter().fold(page, |page, (param, field)| page.with(field, params.get(param)));
        page.read(&state.books, uri.path(), shown).await
    };
    answered(state, uri.path(), page).await
}

/// Answers a request with this path, unless a fault was ordered for it.
pub(super) async fn answered(
    state: &AppState,
    path: &str,
    answer: impl Future<Output = Result<Value, Refused>>,
) -> Response {
    if let Some(faults) = &state.faults
        && let Some(Fault::CutBefore | Fault::CutAfter) = faults.inject(path).await
    {
        return cut();
    }
    answer.await.map_or_else(|refused| refused.answer_to(path), Answer::ok).into_response()
}
