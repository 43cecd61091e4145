//! Storing a message among the dead letters.

use async_nats::HeaderMap;

use super::attempt::shortened;
use super::headers::{
    DELIVERIES, FAILURES, GROUP, HISTORY, ORIGINAL_ID, REASON, REDRIVE_GROUP, SEQUENCE, SUBJECT, WHOLE_SIZE, copy,
};
use super::{DeadLetter, Failures};
use crate::streams::DEAD_LETTER;
use crate::{Bus, Delivery, Name, PublishError};

/// How much is kept of a message that is too large to be stored with its headers, in bytes.
const KEPT_BYTES: usize = 1000;

impl DeadLetter {
    /// Stores a delivery among the dead letters of a group; the same one twice is stored once.
    pub(crate) async fn store(
        bus: &Bus,
        group: &Name,
        delivery: &Delivery,
        reason: &str,
        failures: &Failures,
    ) -> Result<(), PublishError> {
        let mut headers = HeaderMap::new();
        // A redriven event was for this group alone, which now has it as a dead letter again.
        copy(&delivery.headers, &mut headers, |name| name != AsRef::<str>::as_ref(&REDRIVE_GROUP));
        headers.insert(GROUP, group.as_str());
        headers.insert(SUBJECT, delivery.subject.as_str());
        headers.insert(SEQUENCE, delivery.sequence.to_string());
        headers.insert(DELIVERIES, delivery.attempt.to_string());
        headers.insert(FAILURES, failures.count.to_string());
        headers.insert(REASON, shortened(reason).replace(|sign: char| sign.is_control(), " "));
        if !failures.history.is_empty() {
            headers.insert(HISTORY, serde_json::to_string(&failures.history)?);
        }
        headers.insert(ORIGINAL_ID, delivery.identity());
        let subject = async_nats::Subject::from(format!("{DEAD_LETTER}.{group}.{}", delivery.subject));
        let id = format!("{group}.{}.{}", delivery.sequence, delivery.published.unix_timestamp_nanos());
        match bus.store(subject.clone(), || Ok(delivery.payload.clone()), headers.clone(), &id).await {
            // With these headers it is too large for the broker. The event itself stays in its stream.
            Err(PublishError::TooLarge { .. }) => {
                headers.insert(WHOLE_SIZE, delivery.payload.len().to_string());
                bus.store(subject, || Ok(delivery.payload.slice(..KEPT_BYTES)), headers, &id).await?;
            }
            stored => drop(stored?),
        }
        Ok(())
    }
}
