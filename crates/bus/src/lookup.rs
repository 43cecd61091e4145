//! One message of a stream, by its sequence.

use async_nats::jetstream::stream::RawMessageErrorKind;

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

/// The message with this sequence, if the stream contains it.
pub(crate) async fn message_at(bus: &Bus, stream: &str, sequence: u64) -> Result<Option<Delivery>, Error> {
    let failed =
        |error: async_nats::Error| Error::request(format!("read message #{sequence} of the stream {stream}"), error);
    let found = bus.jetstream().get_stream_no_info(stream).await.map_err(|error| failed(error.into()))?;
    match found.get_raw_message(sequence).await {
        Ok(message) => Ok(Some(message.into())),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) if error.kind() == RawMessageErrorKind::Other => Err(failed("the broker does not answer".into())),
        Err(error) => Err(failed(error.into())),
    }
}
