//! The orders service, as its API shows it to one user.

use std::time::Duration;

use anyhow::{Context, ensure};
use axum::http::header::COOKIE;
use axum::http::{HeaderValue, Request, StatusCode, Uri};
use bytes::Bytes;
use common::events::OrderId;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use service::Error;
use tokio::time::timeout;

/// How long the service may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The most that an answer may have, in bytes.
const MOST: usize = 64 * 1024;

/// Asks the orders service. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    client: Client<HttpConnector, Empty<Bytes>>,
    url: String,
}

/// An order as its owner sees it, or why somebody does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The order, as JSON in one line.
    Order { json: String, status: String },
    /// The session is over, or the order is another user's.
    NotAuthorized,
    /// There is no such order.
    NotFound,
}

impl Orders {
    /// The service at this address: `http://orders-srv:3000`.
    pub(super) fn at(url: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
        Self { client, url: url.trim_end_matches('/').to_owned() }
    }

    /// The order, asked for with the cookies of a user.
    ///
    /// # Errors
    ///
    /// When the service does not answer, or not as it should.
    pub(super) async fn order(&self, id: OrderId, cookies: &HeaderValue) -> Result<Answer, Error> {
        timeout(ANSWERS_WITHIN, self.ask(id, cookies)).await.context("the orders service does not answer in time")?
    }

    async fn ask(&self, id: OrderId, cookies: &HeaderValue) -> Result<Answer, Error> {
        let url: Uri = format!("{}/api/orders/{id}", self.url).parse()?;
        let request = Request::get(url).header(COOKIE, cookies).body(Empty::new())?;
        let answer = self.client.request(request).await.context("the orders service is away")?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Ok(Answer::NotAuthorized),
            StatusCode::NOT_FOUND => return Ok(Answer::NotFound),
            status => anyhow::bail!("the orders service answers with {status}"),
        }
        let body = Limited::new(answer.into_body(), MOST).collect().await;
        let body =
            body.map_err(|error| anyhow::anyhow!(error)).context("the answer of the orders service breaks off")?;
        let order: serde_json::Value = serde_json::from_slice(&body.to_bytes()).context("an order is not JSON")?;
        let status = order["status"].as_str().unwrap_or_default().to_owned();
        ensure!(!status.is_empty(), "an order has no status");
        Ok(Answer::Order { json: order.to_string(), status })
    }
}
