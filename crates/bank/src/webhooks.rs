//! Webhooks: events are sent to a URL until it accepts them, signed as by Stripe.
//!
//! The signature is that of <https://docs.stripe.com/webhooks#verify-manually>.

use std::time::Duration;

use anyhow::{Context, ensure};
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures_util::TryStreamExt;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mongodb::bson::{DateTime, doc};
use service::settings::Secret;
use service::{Error, Scope, Service};
use sha2::Sha256;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::books::{Books, Event, now};

/// How often events are looked for that are to be sent.
const EVERY: Duration = Duration::from_millis(200);

/// How long the receiver may take to answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// The pause after the first attempt that fails; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How often an event is sent at most: for about three days.
const MAX_ATTEMPTS: u32 = 83;

/// Sends the events.
#[derive(Debug)]
pub(crate) struct Webhooks {
    pub(crate) books: Books,
    pub(crate) url: String,
    pub(crate) secret: Secret,
}

/// The value of the header `Stripe-Signature` of a payload that is sent at this time, in seconds since 1970.
pub fn signature(secret: &str, time: i64, payload: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(payload);
    let sum: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time},v1={sum}")
}

impl Service for Webhooks {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        scope.ready(());
        let stopping = scope.stopping();
        let mut beat = interval(EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stopping.or(beat.tick()).await.is_some() {
            if let Some(Err(error)) = stopping.or(self.send_all(&client)).await {
                tracing::debug!("failed to send the events: {error:#}");
            }
        }
        Ok(())
    }
}

impl Webhooks {
    async fn send_all(&self, client: &Client<HttpConnector, Full<Bytes>>) -> Result<(), Error> {
        let events = self.books.of::<Event>();
        let due = doc! {
            "isDelivered": false,
            "nextAt": { "$lte": DateTime::now() },
            "attempts": { "$lt": MAX_ATTEMPTS },
        };
        let due: Vec<Event> = events.find(due).sort(doc! { "_id": 1 }).limit(100).await?.try_collect().await?;
        for event in due {
            let change = match self.send(client, &event).await {
                Ok(()) => doc! { "$set": { "isDelivered": true } },
                Err(error) => {
                    tracing::debug!(event = event.id, "the webhook has not accepted an event: {error:#}");
                    let pause = FIRST_PAUSE.saturating_mul(1 << event.attempts.min(20)).min(MAX_PAUSE);
                    let pause = i64::try_from(pause.as_millis())?;
                    let next_at = DateTime::from_millis(DateTime::now().timestamp_millis() + pause);
                    doc! { "$set": { "nextAt": next_at }, "$inc": { "attempts": 1 } }
                }
            };
            events.update_one(doc! { "_id": &event.id }, change).await?;
        }
        Ok(())
    }

    async fn send(&self, client: &Client<HttpConnector, Full<Bytes>>, event: &Event) -> Result<(), Error> {
        let payload = event.shown().to_string();
        let request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header("stripe-signature", signature(self.secret.reveal(), now(), payload.as_bytes()))
            .body(Full::from(payload))
            .context("invalid webhook_url")?;
        let answer = timeout(ANSWERED_WITHIN, client.request(request)).await.context("no answer in time")??;
        ensure!(answer.status().is_success(), "the answer is {}", answer.status());
        Ok(())
    }
}
