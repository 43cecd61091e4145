//! Looking up one message of a stream.

use async_nats::jetstream::stream::RawMessageErrorKind;

use crate::{Bus, Delivery, Error};

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
