//! Messages that no member can receive.

use super::joined::JoinedConsumer;
use crate::lookup::next_on;
use crate::{Bus, DeadLetter, Error, Failures, Name};

/// How many messages are looked up, at most.
const MAX_LOOKED_UP: usize = 2000;

/// Moves the messages among those in flight whose headers can't be read to the dead letters.
///
/// The client library drops the connection when such a message arrives, so it would be redelivered and drop the connection
/// after each ack wait, for ever.
pub(crate) async fn set_aside_unreadable(consumer: &JoinedConsumer, bus: &Bus, group: &Name) -> Result<(), Error> {
    let in_flight = consumer.in_flight();
    let mut next = *in_flight.start();
    for _ in 0..MAX_LOOKED_UP {
        let found = next_on(bus, consumer.stream(), consumer.filter(), next).await?;
        let Some(found) = found.filter(|found| in_flight.contains(&found.delivery.sequence)) else { return Ok(()) };
        next = found.delivery.sequence + 1;
        if found.is_readable {
            continue;
        }
        let (subject, sequence) = (&found.delivery.subject, found.delivery.sequence);
        let reason = "its headers can't be read";
        let stored = DeadLetter::store(bus, group, &found.delivery, reason, &Failures::default()).await;
        stored.map_err(|error| Error::request(format!("store message #{sequence} as a dead letter"), error))?;
        tracing::error!(%group, subject, sequence, "message moved to the dead letters: {reason}");
        bus.client().publish(consumer.ack_subject(sequence), "+TERM".into()).await.ok();
    }
    Ok(())
}
