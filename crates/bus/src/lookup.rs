//! Looking up one message of a stream.
//!
//! The client library drops the connection when a message arrives whose headers it can't read. The broker's answer to a
//! lookup is JSON, so such a message can be looked up, and be set aside.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::RawMessage;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Bus, Delivery, Error};

/// The event with this sequence in the stream of events, if there is one.
///
/// # Errors
///
/// When the broker does not answer.
pub async fn event_at(bus: &Bus, sequence: u64) -> Result<Option<Delivery>, Error> {
    message_at(bus, bus.cluster_id().as_str(), sequence).await
}

/// Deletes the message with this sequence from the stream of events.
///
/// # Errors
///
/// When the broker does not confirm it.
pub async fn delete_event(bus: &Bus, sequence: u64) -> Result<(), Error> {
    let failed = |error: async_nats::Error| Error::request(format!("delete event #{sequence}"), error);
    let stream = bus.jetstream().get_stream_no_info(bus.cluster_id().as_str()).await;
    let stream = stream.map_err(|error| failed(error.into()))?;
    stream.delete_message(sequence).await.map_err(|error| failed(error.into()))?;
    Ok(())
}

/// A stored message.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// The message; without headers if they can't be read.
    pub(crate) delivery: Delivery,
    /// Whether its headers can be read, so that it can be received.
    pub(crate) is_readable: bool,
}

#[derive(Deserialize)]
struct Answer {
    message: RawMessage,
}

/// The message with this sequence, if the stream contains it.
pub(crate) async fn message_at(bus: &Bus, stream: &str, sequence: u64) -> Result<Option<Delivery>, Error> {
    let found = look_up(bus, stream, &json!({ "seq": sequence })).await?;
    Ok(found.map(|found| found.delivery))
}

/// The first message on this subject, which may have wildcards, at this sequence or behind it.
pub(crate) async fn next_on(bus: &Bus, stream: &str, subject: &str, sequence: u64) -> Result<Option<Stored>, Error> {
    look_up(bus, stream, &json!({ "seq": sequence, "next_by_subj": subject })).await
}

/// The last message on this subject.
pub(crate) async fn last_on(bus: &Bus, stream: &str, subject: &str) -> Result<Option<Stored>, Error> {
    look_up(bus, stream, &json!({ "last_by_subj": subject })).await
}

async fn look_up(bus: &Bus, stream: &str, query: &Value) -> Result<Option<Stored>, Error> {
    let failed = |error: async_nats::Error| {
        let what = query["seq"].as_u64().map(|sequence| format!("#{sequence} ")).unwrap_or_default();
        Error::request(format!("read message {what}of the stream {stream}"), error)
    };
    let answer = bus.jetstream().request(format!("STREAM.MSG.GET.{stream}"), query).await;
    let message = match answer.map_err(|error| failed(error.into()))? {
        Response::Ok(Answer { message }) => message,
        Response::Err { error } if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => return Ok(None),
        Response::Err { error } => return Err(failed(error.into())),
    };
    let without_headers = RawMessage { headers: None, ..message.clone() };
    let read = StreamMessage::try_from(message);
    let is_readable = read.is_ok();
    let message = read.or_else(|_| StreamMessage::try_from(without_headers)).map_err(failed)?;
    Ok(Some(Stored { delivery: message.into(), is_readable }))
}
