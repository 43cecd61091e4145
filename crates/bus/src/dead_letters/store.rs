//! Storing a message among the dead letters.

use async_nats::HeaderMap;

use super::attempt::shortened;
use super::headers::{
    DELIVERIES, FAILURES, GROUP, HISTORY, ORIGINAL_ID, PREFIX, REASON, REDRIVE_GROUP, SEQUENCE, SUBJECT, WHOLE_SIZE,
    copy,
};
use super::{DeadLetter, Failures};
use crate::streams::DEAD_LETTER;
use crate::{Bus, Delivery, Name, PublishError};

/// How much is kept of the payload of a message that is too large to be stored with its headers, in bytes.
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
        headers.insert(WHOLE_SIZE, delivery.payload.len().to_string());
        let mut all = headers.clone();
        // A redriven event was for this group alone, which now has it as a dead letter again.
        copy(&delivery.headers, &mut all, |name| {
            name != AsRef::<str>::as_ref(&REDRIVE_GROUP) && !name.starts_with(PREFIX)
        });
        let beginning = delivery.payload.slice(..delivery.payload.len().min(KEPT_BYTES));
        let subject = async_nats::Subject::from(format!("{DEAD_LETTER}.{group}.{}", delivery.subject));
        let id = format!("{group}.{}.{}", delivery.sequence, delivery.published.unix_timestamp_nanos());
        // With these headers it may be too large for the broker. The event itself stays in its stream.
        let forms = [(all.clone(), delivery.payload.clone()), (all, beginning.clone()), (headers, beginning)];
        let mut stored = Ok(());
        for (headers, payload) in forms {
            stored = bus.store(subject.clone(), || Ok(payload.clone()), headers, &id).await.map(drop);
            if !matches!(stored, Err(PublishError::TooLarge { .. })) {
                break;
            }
        }
        stored
    }
}
