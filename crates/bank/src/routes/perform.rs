//! Carrying out a request that changes something: once under its key, in one transaction.

use axum::extract::{FromRequest, Request};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use store::Tx;

use crate::answer::{Answer, Refused};
use crate::faults::{Fault, cut};
use crate::params::Params;
use crate::state::AppState;
use crate::work::Work;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotent-replayed";

/// A request that changes something.
#[derive(Debug)]
pub(crate) struct Change {
    path: String,
    params: Params,
    key: Option<String>,
}

impl<S: Send + Sync> FromRequest<S> for Change {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let key = request.headers().get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).map(str::to_owned);
        let path = request.uri().path().to_owned();
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self { path, params: Params::parse(&body), key })
    }
}

impl Change {
    /// Does the work in a transaction with the answer under the key, unless the key has an answer.
    pub(super) async fn perform(self, state: &AppState, work: Work) -> Response {
        let Self { path, params, key } = self;
        let running = match key.as_deref().map(|key| state.keys.begin(key)).transpose() {
            Ok(running) => running,
            Err(answer) => return answer.into_response(),
        };
        let fault = match &state.faults {
            Some(faults) => faults.inject(&path).await,
            None => None,
        };
        match fault {
            Some(Fault::CutBefore) => return cut(),
            Some(Fault::TooManyRequests) => {
                let message = "Request rate limit exceeded. You can learn more about rate limits here \
                               https://docs.stripe.com/rate-limits.";
                let more = [("code", "rate_limit".into())];
                return Answer::error(429, "invalid_request_error", message, &more).into_response();
            }
            _ => {}
        }
        let (books, keys, key) = (state.books.clone(), state.keys.clone(), running.as_ref().map(|one| one.key.clone()));
        let request = format!("{path} {:?}", params.sorted());
        let done = async move |tx: &mut Tx| {
            if let Some(key) = &key
                && let Some(answer) = keys.earlier(tx, key, &request).await?
            {
                return Ok((answer, true));
            }
            let mut answer = work.perform(&books, tx, &params).await?;
            if fault == Some(Fault::ErrorAfter) {
                answer = Answer::error(500, "api_error", "An unknown error occurred", &[]);
            }
            if let Some(key) = &key {
                keys.keep(tx, key, &request, &answer).await?;
            }
            Ok::<_, Refused>((answer, false))
        };
        let (answer, is_replayed) = match state.store.transaction(done).await {
            Ok(done) => done,
            Err(refused) => (refused.answer_to(&path), false),
        };
        if fault == Some(Fault::CutAfter) {
            return cut();
        }
        let mut response = answer.into_response();
        if let Some(key) = running.and_then(|one| HeaderValue::from_str(&one.key).ok()) {
            response.headers_mut().insert(IDEMPOTENCY_KEY, key);
        }
        if is_replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
