//! Sending the verdict on a message to the broker.

use std::time::Duration;

use async_nats::Subject;
use async_nats::client::{Request, RequestErrorKind};
use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until};

use super::Verdict;
use super::member::Item;
use crate::crash::point;
use crate::{Bus, DeadLetter, Name};

/// How long one request for a confirmation may take.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause between two requests for a confirmation.
const CONFIRM_PAUSE: Duration = Duration::from_millis(20);

/// When a message is redelivered that could not be stored as a dead letter.
const DEAD_LETTER_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Sends the verdict to the broker, and returns when the broker has confirmed it.
///
/// An ack that is not confirmed is sent again while the message is still this member's (`patience`, the ack wait). After
/// that the message is redelivered, and its handler must recognise it as a duplicate.
pub(crate) async fn settle(bus: &Bus, group: &Name, item: Item, verdict: Verdict, patience: Duration) {
    let Item { delivery, reply, .. } = item;
    let answer = match verdict {
        Verdict::Leave => return,
        Verdict::Ack => Bytes::from_static(b"+ACK"),
        Verdict::Nak(delay) => nak(delay),
        // Boxed, since it is rare and large, and would make the future of every ack as large.
        Verdict::DeadLetter { reason, failures } => {
            match Box::pin(DeadLetter::store(bus, group, &delivery, &reason, &failures)).await {
                Ok(()) => Bytes::from_static(b"+TERM dead letter"),
                Err(error) => {
                    let (subject, sequence, after) = (&delivery.subject, delivery.sequence, DEAD_LETTER_RETRY_AFTER);
                    tracing::warn!(
                        %group, subject, sequence,
                        "failed to store the dead letter, will be redelivered in {after:?}: {error}"
                    );
                    nak(after)
                }
            }
        }
    };
    confirm(bus, reply, answer, patience).await;
    point("subscription-acked");
}

/// The nak of a message that is to be redelivered after `delay`.
///
/// It always names a delay: the server redelivers after a plain `-NAK` within a millisecond, and to the same client.
fn nak(delay: Duration) -> Bytes {
    format!("-NAK {{\"delay\": {}}}", delay.as_nanos()).into()
}

async fn confirm(bus: &Bus, reply: Subject, answer: Bytes, patience: Duration) {
    let give_up = Instant::now() + patience;
    loop {
        // Not `double_ack`, which takes "no such consumer" for a confirmation.
        let request = Request::new().payload(answer.clone()).timeout(Some(CONFIRM_TIMEOUT));
        let Err(error) = bus.client().send_request(reply.clone(), request).await else { return };
        if error.kind() == RequestErrorKind::NoResponders && bus.is_connected() {
            return; // the consumer is deleted, so there is nothing left to confirm
        }
        if Instant::now() >= give_up {
            tracing::warn!("ack not confirmed, its message will be redelivered: {error}");
            return;
        }
        tokio::select! {
            () = bus.connected() => sleep(CONFIRM_PAUSE).await,
            () = sleep_until(give_up) => {}
        }
    }
}
