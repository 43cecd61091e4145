//! Telling the broker what became of a message.

use std::time::Duration;

use async_nats::Subject;
use async_nats::client::{Request, RequestErrorKind};
use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::member::Item;
use crate::crash::point;
use crate::{Bus, DeadLetter, FailedAttempt, Name};

/// How long one request to confirm may take.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// When to try again what could not even be stored as a dead letter.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What a handler decides about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done: never deliver it to this group again.
    Ack,
    /// Not now: deliver it again after this time.
    Nak(Duration),
    /// Never: keep it among the dead letters.
    DeadLetter {
        /// Why.
        reason: String,
        /// What was tried before, if anything was.
        history: Vec<FailedAttempt>,
    },
    /// Say nothing: the broker delivers it again after the ack wait.
    Leave,
}

impl Verdict {
    /// Never, for this reason, at the first attempt.
    pub fn dead_letter(reason: impl Into<String>) -> Self {
        Self::DeadLetter { reason: reason.into(), history: Vec::new() }
    }
}

/// Tells the broker, and is sure that it has heard.
///
/// An ack that is not confirmed is asked for again while the message is still ours (`patience`, its ack wait);
/// after that the message comes again, and whoever handles it must know it for a duplicate.
pub(crate) async fn settle(bus: &Bus, group: &Name, item: Item, verdict: Verdict, patience: Duration) {
    let Item { delivery, reply } = item;
    let answer = match verdict {
        Verdict::Leave => return,
        Verdict::Ack => Bytes::from_static(b"+ACK"),
        Verdict::Nak(delay) => nak(delay),
        // Boxed, since it is rare and large, and an ack should not be the larger for it.
        Verdict::DeadLetter { reason, history } => {
            match Box::pin(DeadLetter::store(bus, group, &delivery, &reason, &history)).await {
                Ok(()) => Bytes::from_static(b"+TERM dead letter"),
                Err(error) => {
                    tracing::warn!(
                        sequence = delivery.sequence,
                        "could not store a dead letter, trying again: {error}"
                    );
                    nak(RETRY_AFTER)
                }
            }
        }
    };
    confirm(bus, reply, answer, patience).await;
    point("subscription-acked");
}

/// Gives a message back, to be delivered after `delay`.
///
/// A delay is always named: a plain `-NAK` comes back within a millisecond, and to the same client.
fn nak(delay: Duration) -> Bytes {
    format!("-NAK {{\"delay\": {}}}", delay.as_nanos()).into()
}

async fn confirm(bus: &Bus, reply: Subject, answer: Bytes, patience: Duration) {
    let give_up = Instant::now() + patience;
    loop {
        // Not `double_ack`, which takes "no such consumer" for a yes.
        let request = Request::new().payload(answer.clone()).timeout(Some(CONFIRM_WITHIN));
        let Err(error) = bus.client().send_request(reply.clone(), request).await else { return };
        if error.kind() == RequestErrorKind::NoResponders && bus.is_connected() {
            return; // the consumer is gone, and with it the question
        }
        if Instant::now() >= give_up {
            tracing::warn!("an ack was not confirmed, so its message will come again: {error}");
            return;
        }
        tokio::select! {
            () = bus.connected() => sleep(Duration::from_millis(20)).await,
            () = tokio::time::sleep_until(give_up) => {}
        }
    }
}
