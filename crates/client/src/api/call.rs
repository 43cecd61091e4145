//! Requests to the services.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{CONTENT_TYPE, COOKIE, DATE, LINK, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use bytes::Bytes;
use common::errors::ApiError;
use common::extract::{Client as Reader, session_cookies};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use service::Error;
use telemetry::{CORRELATION_ID, TRACEPARENT, Trace};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::time::{Instant, sleep, timeout};

use super::failure::{Failure, Refused};
use crate::settings::ClientSettings;

/// How long a service may take to answer. It may still do what it was asked for after that.
const ANSWERS_WITHIN: Duration = Duration::from_secs(8);

/// How long a record may take to reach another service; usually it takes some milliseconds.
const ARRIVES_WITHIN: Duration = Duration::from_secs(3);

/// Between two tries until then.
const PAUSE: Duration = Duration::from_millis(50);

/// How long an idle connection is kept: shorter than a service keeps it, which is 10 s.
const IDLE: Duration = Duration::from_secs(5);

/// The most that an answer may have, in bytes: a list of 1000 tickets has about 400 kB.
const MOST: usize = 4 * 1024 * 1024;

/// Where the services are. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    client: Client<HttpConnector, Full<Bytes>>,
    auth: Service,
    tickets: Service,
    orders: Service,
    payments: Service,
    live: Service,
}

/// One service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// `http://host:port`
    url: Arc<str>,
    /// What it is for, as a reader of a page knows it.
    what: &'static str,
}

impl Services {
    pub(crate) fn at(settings: &ClientSettings) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .retry_canceled_requests(true) // "canceled" means: not one byte of it was sent
            .build(connector);
        let service = |url: &str, what| Service { url: url.trim_end_matches('/').into(), what };
        Self {
            client,
            auth: service(&settings.auth_url, "Signing in"),
            tickets: service(&settings.tickets_url, "The list of tickets"),
            orders: service(&settings.orders_url, "Ordering"),
            payments: service(&settings.payments_url, "Paying"),
            live: service(&settings.live_url, "Live changes"),
        }
    }
}

/// The APIs, called on behalf of whoever asks for a page.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    services: Services,
    /// What is passed on of the request for the page.
    headers: HeaderMap,
}

/// What a service answers.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) value: T,
    /// The cookies to set.
    pub(super) cookies: Vec<HeaderValue>,
    /// Whether a list goes on behind this page of it.
    pub(super) has_more: bool,
    /// The time by the service's clock, to the second.
    pub(super) time: OffsetDateTime,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    /// Whether there are more.
    pub(crate) has_more: bool,
}

impl Api {
    pub(super) fn auth(&self) -> &Service {
        &self.services.auth
    }

    pub(super) fn tickets(&self) -> &Service {
        &self.services.tickets
    }

    pub(super) fn orders(&self) -> &Service {
        &self.services.orders
    }

    pub(super) fn payments(&self) -> &Service {
        &self.services.payments
    }

    pub(super) fn live(&self) -> &Service {
        &self.services.live
    }

    /// Whether the request has a session, valid or not.
    pub(super) fn has_session(&self) -> bool {
        self.headers.contains_key(COOKIE)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, service: &Service, path: &str) -> Result<Answer<T>, Failure> {
        self.call(service, Method::GET, path, None).await
    }

    /// One page of a list: what follows the record with this id, at most so many.
    pub(super) async fn list<T: DeserializeOwned, I: Display>(
        &self,
        service: &Service,
        path_and_query: &str,
        after: Option<I>,
        limit: usize,
    ) -> Result<Listed<T>, Failure> {
        let after = after.map(|id| format!("&after={id}")).unwrap_or_default();
        let answer = self.get(service, &format!("{path_and_query}limit={limit}{after}")).await?;
        Ok(Listed { items: answer.value, has_more: answer.has_more })
    }

    /// Sends a request, and reads the answer: of JSON, or none for a `()`.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        service: &Service,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer<T>, Failure> {
        let step = format!("{method} {path}");
        let away = |cause: Error| Failure::Away { what: service.what, cause: cause.context(step.clone()) };
        let answer = timeout(ANSWERS_WITHIN, self.send(service, method, path, body)).await;
        let answer = answer.unwrap_or_else(|_| Err(anyhow!("no answer within {ANSWERS_WITHIN:?}")));
        let (head, body) = answer.map_err(away)?;
        match head.status {
            status if status.is_success() => {}
            StatusCode::UNAUTHORIZED => return Err(Failure::NotAuthorized),
            StatusCode::NOT_FOUND => return Err(Failure::NotFound),
            status if status.is_client_error() => {
                let body: ErrorBody = serde_json::from_slice(&body)
                    .with_context(|| format!("answered with {status}, and not in the shape of the APIs"))
                    .map_err(away)?;
                return Err(Failure::Refused(body.errors));
            }
            status => return Err(away(anyhow!("answered with {status}: {}", String::from_utf8_lossy(&body)))),
        }
        let body = if body.is_empty() { b"null" } else { body.as_ref() };
        let value = serde_json::from_slice(body).context("an answer of another shape").map_err(away)?;
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Answer {
            value,
            cookies: head.headers.get_all(SET_COOKIE).iter().cloned().collect(),
            has_more: text(LINK).contains(r#"rel="next""#),
            time: OffsetDateTime::parse(text(DATE), &Rfc2822).unwrap_or_else(|_| OffsetDateTime::now_utc()),
        })
    }

    /// Creates something from a record that may not have reached the service yet: sends the request again while there is no
    /// such record, in which case nothing was done.
    pub(super) async fn create<T: DeserializeOwned>(
        &self,
        service: &Service,
        path: &str,
        body: &Value,
    ) -> Result<Answer<T>, Failure> {
        let end = Instant::now() + ARRIVES_WITHIN;
        loop {
            match self.call(service, Method::POST, path, Some(body)).await {
                Err(Failure::NotFound) if Instant::now() < end => sleep(PAUSE).await,
                answer => return answer,
            }
        }
    }

    async fn send(
        &self,
        service: &Service,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(axum::http::response::Parts, Bytes), Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", service.url));
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            if let Some(trace) = Trace::current() {
                headers.insert(TRACEPARENT, trace.traceparent().parse()?);
                headers.insert(CORRELATION_ID, trace.correlation_id().parse()?);
            }
            if body.is_some() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body))?;
        let answer = self.services.client.request(request).await.with_context(|| service.url.to_string())?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MOST).collect().await;
        Ok((head, body.map_err(|error| anyhow!(error)).context("the answer breaks off")?.to_bytes()))
    }
}

/// The body of an error answer.
#[derive(Deserialize)]
struct ErrorBody {
    errors: Vec<Refused>,
}

impl<S> FromRequestParts<S> for Api
where
    S: Sync,
    Services: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let mut headers = HeaderMap::new();
        Reader::from_request_parts(parts, state).await?.pass_on(&mut headers);
        if let Some(session) = session(&parts.headers) {
            headers.insert(COOKIE, session);
        }
        Ok(Self { services: Services::from_ref(state), headers })
    }
}

/// The session cookies of a request, and no other: those of other programs are none of the services' business.
fn session(headers: &HeaderMap) -> Option<HeaderValue> {
    let sessions: Vec<_> = session_cookies(headers).collect();
    HeaderValue::from_bytes(&sessions.join(&b"; "[..])).ok().filter(|value| !value.is_empty())
}
