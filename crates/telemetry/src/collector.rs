//! The HTTP client through which the exporter reaches the collector.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use service::Error;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::Endpoint;

/// How long the collector may take to answer: the default of the OTLP specification for an export.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// How much of a response is read at most, in bytes; that of a success is nearly empty.
const MAX_RESPONSE: usize = 64 * 1024;

/// The shortest time between two warnings that spans are lost.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// An HTTP client for use on a thread outside the runtime, such as that of the exporter.
#[derive(Debug)]
pub(super) struct Collector {
    endpoint: Endpoint,
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: Handle,
    warned_at: Mutex<Option<Instant>>,
}

impl Collector {
    /// Creates a client whose connections run on the runtime of the caller.
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { endpoint: endpoint.clone(), client, runtime: Handle::current(), warned_at: Mutex::default() }
    }

    fn warn(&self, error: &dyn Display) {
        let mut warned_at = self.warned_at.lock().unwrap_or_else(PoisonError::into_inner);
        if warned_at.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            tracing::warn!("the collector at {} does not accept spans: {error}", self.endpoint);
            *warned_at = Some(Instant::now());
        }
    }
}

impl HttpClient for Collector {
    // The signature is the one that `async_trait` generates for the trait.
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
            // The first error means that the runtime has shut down.
            let answer = posted.await?.inspect_err(|error| self.warn(&format_args!("{error:#}")))?;
            if !answer.status().is_success() {
                self.warn(&answer.status());
            }
            Ok(answer)
        })
    }
}

async fn post(client: &Client<HttpConnector, Full<Bytes>>, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
    let (parts, body) = client.request(request.map(Full::new)).await?.into_parts();
    let body = Limited::new(body, MAX_RESPONSE).collect().await.map_err(anyhow::Error::from_boxed)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}
