//! Reading stored events without a consumer: a piece of the stream at once.
//!
//! Any replica of the stream answers, and the answers come as one message each (NATS ADR-31, "Batched requests").

use std::time::Duration;

use async_nats::header::{self, HeaderMap};
use futures_util::StreamExt;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;

use crate::lookup::next_on;
use crate::streams;
use crate::{Bus, Delivery, Error};

/// How long the next message of an answer may take.
const NEXT_WITHIN: Duration = Duration::from_secs(2);

/// What the stream of events contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredEvents {
    /// When the stream was created: sequences of another time are those of another stream.
    pub created: OffsetDateTime,
    /// The sequence of the first event that is stored; one more than `last` if there is none.
    pub first: u64,
    /// The sequence of the last event that was ever stored.
    pub last: u64,
}

/// What the stream of events contains.
///
/// # Errors
///
/// When the broker does not answer.
pub async fn stored_events(bus: &Bus) -> Result<StoredEvents, Error> {
    let info = streams::info(bus, bus.cluster_id().as_str()).await?;
    let (first, last) = (info.state.first_sequence, info.state.last_sequence);
    Ok(StoredEvents { created: info.created, first, last })
}

/// The stored events behind this sequence, at most this many of them and, together, at most 4 MiB; none if there is nothing
/// more. A message whose headers can't be read is left out.
///
/// # Errors
///
/// When the broker does not answer.
pub async fn events_behind(bus: &Bus, sequence: u64, most: usize) -> Result<Vec<Delivery>, Error> {
    match batch(bus, sequence, most).await {
        Ok(events) => Ok(events),
        // The client library drops the connection when the headers of a message can't be read: the next ones come singly.
        Err(error) => {
            tracing::debug!("{error:#}; looking up the next event");
            let stream = bus.cluster_id().as_str();
            let mut from = sequence + 1;
            while let Some(found) = next_on(bus, stream, ">", from).await? {
                if found.is_readable {
                    return Ok(vec![found.delivery]);
                }
                from = found.delivery.sequence + 1;
            }
            Ok(Vec::new())
        }
    }
}

async fn batch(bus: &Bus, sequence: u64, most: usize) -> Result<Vec<Delivery>, Error> {
    let stream = bus.cluster_id();
    let failed =
        |reason: async_nats::Error| Error::request(format!("read the stream {stream} behind #{sequence}"), reason);
    let (client, inbox) = (bus.client(), bus.client().new_inbox());
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| failed(error.into()))?;
    let request = json!({ "seq": sequence + 1, "next_by_subj": ">", "batch": most, "max_bytes": 4 * 1024 * 1024 });
    let subject = format!("$JS.API.DIRECT.GET.{stream}");
    let sent = client.publish_with_reply(subject, inbox, request.to_string().into()).await;
    sent.map_err(|error| failed(error.into()))?;
    let mut events = Vec::new();
    loop {
        let answer = timeout(NEXT_WITHIN, answers.next()).await.map_err(|error| failed(error.into()))?;
        let answer = answer.ok_or_else(|| failed("the connection is closed".into()))?;
        match answer.status.map_or(0, |status| status.as_u16()) {
            0 => {}
            204 | 404 => return Ok(events), // the end of the batch; nothing is stored there
            status => return Err(failed(format!("the broker answered with {status}").into())),
        }
        let headers = answer.headers.unwrap_or_default();
        let event = event(headers, answer.payload).ok_or_else(|| failed("a message without its sequence".into()))?;
        events.push(event);
    }
}

/// The message of one answer: where it is stored is in headers.
fn event(headers: HeaderMap, payload: bytes::Bytes) -> Option<Delivery> {
    let sequence = headers.get(header::NATS_SEQUENCE)?.as_str().parse().ok()?;
    let subject = headers.get(header::NATS_SUBJECT)?.to_string();
    let published = OffsetDateTime::parse(headers.get(header::NATS_TIME_STAMP)?.as_str(), &Rfc3339).ok()?;
    Some(Delivery { subject, payload, sequence, attempt: 0, published, headers })
}
