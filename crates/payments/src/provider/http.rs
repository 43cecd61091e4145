//! Requests to the provider: forms in, JSON out.

use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use axum::http::{HeaderMap, Method, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;
use service::settings::Secret;
use tokio::time::timeout;

use super::refusal::Refusal;
use super::url::ProviderUrl;

/// The version of the API that this service is written for, whatever the account's own is.
const VERSION: HeaderValue = HeaderValue::from_static("2026-09-30.clover");

const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long the provider may take to answer one request. What takes longer may still have its effect.
const ANSWERS_WITHIN: Duration = Duration::from_secs(8);

/// The most that an answer may have; a page of a list has about 200 kB.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// A client of the API with one key. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: ProviderUrl,
    headers: HeaderMap,
}

impl Http {
    pub(super) fn new(url: ProviderUrl, key: &Secret) -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        let mut headers = HeaderMap::new();
        if let Ok(mut login) = HeaderValue::from_str(&format!("Bearer {}", key.reveal())) {
            login.set_sensitive(true);
            headers.insert(AUTHORIZATION, login);
        }
        headers.insert(STRIPE_VERSION, VERSION);
        headers.insert(USER_AGENT, HeaderValue::from_static("ticketing-payments"));
        Self { client, url, headers }
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        self.send(Method::GET, path, Bytes::new(), "").await
    }

    /// Sends a form; with an empty key, none is sent.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        key: &str,
    ) -> Result<T, Refusal> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send(Method::POST, path, form.into(), key).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        form: Bytes,
        key: &str,
    ) -> Result<T, Refusal> {
        let step = format!("{method} {path}");
        let answer = timeout(ANSWERS_WITHIN, self.answer(method, path, form, key)).await;
        let answer = answer.unwrap_or_else(|_| Err(anyhow!("no answer within {ANSWERS_WITHIN:?}")));
        let (status, body) = answer.with_context(|| step.clone()).map_err(Refusal::Unknown)?;
        if !(200..300).contains(&status) {
            return Err(Refusal::of(status, &body));
        }
        let unexpected = || format!("{step}: an answer of another shape");
        serde_json::from_slice(&body).with_context(unexpected).map_err(Refusal::Unknown)
    }

    async fn answer(&self, method: Method, path: &str, form: Bytes, key: &str) -> Result<(u16, Bytes), anyhow::Error> {
        let mut request = Request::builder().method(method).uri(self.url.at(path)).body(Full::from(form))?;
        request.headers_mut().extend(self.headers.clone());
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        if !key.is_empty() {
            request.headers_mut().insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key)?);
        }
        let answer = self.client.request(request).await.with_context(|| format!("{} does not answer", self.url))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| anyhow!(error)).context("the answer breaks off")?;
        Ok((status, body.to_bytes()))
    }
}
