//! The collector, as the exporter talks to it.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use service::Error;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Endpoint;

/// How long the collector may take to answer: what the specification has for an export.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// The most that is read of an answer, in bytes; a good one is nearly empty.
const ANSWER: usize = 64 * 1024;

/// How often it is said, at most, that spans are lost.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// An HTTP client for a thread that is not the runtime's, such as the exporter's.
#[derive(Debug)]
pub(super) struct Collector {
    endpoint: Endpoint,
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: Handle,
    told: Mutex<Option<Instant>>,
}

impl Collector {
    /// Its connections live on the runtime of the caller.
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { endpoint: endpoint.clone(), client, runtime: Handle::current(), told: Mutex::default() }
    }

    fn tell(&self, error: &dyn Display) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            tracing::warn!("the collector at {} takes no spans: {error}", self.endpoint);
            *told = Some(Instant::now());
        }
    }
}

impl HttpClient for Collector {
    // The signature is what `async_trait` makes of the trait's.
    fn send_bytes<'a, 'f>(&'a self, request: Request<Bytes>) -> BoxFuture<'f, Result<Response<Bytes>, HttpError>>
    where
        'a: 'f,
    {
        let client = self.client.clone();
        let posted = self.runtime.spawn(async move {
            let answer = timeout(ANSWERS_WITHIN, post(&client, request)).await;
            answer.context("no answer in time").flatten()
        });
        Box::pin(async move {
            // The first error means that the program has ended meanwhile.
            let answer = posted.await?.inspect_err(|error| self.tell(&format_args!("{error:#}")))?;
            if !answer.status().is_success() {
                self.tell(&answer.status());
            }
            Ok(answer)
        })
    }
}

async fn post(client: &Client<HttpConnector, Full<Bytes>>, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
    let (parts, body) = client.request(request.map(Full::new)).await?.into_parts();
    let body = Limited::new(Body::new(body), ANSWER).collect().await.map_err(anyhow::Error::from_boxed)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
