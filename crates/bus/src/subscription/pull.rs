//! The accounting of pull requests.
//!
//! All of it happens in one task, and a request is counted before it is sent. So the number of messages still to come is
//! never overestimated, and a subscription can't wait for messages that nobody has requested. (async-nats 0.51 counts in two
//! tasks, and its message stream can stall with messages waiting.)

use std::time::Duration;

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use tokio::time::Instant;

/// How long a request is valid at the server.
pub(crate) const REQUEST_EXPIRY: Duration = Duration::from_secs(30);

/// How often the server reports that it is alive while it has nothing to send.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// What kind of message arrived in the inbox.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A message of the stream.
    Message,
    /// The server is alive, or a request has ended normally.
    Alive,
    /// Something is wrong with the consumer: check it before requesting more.
    Problem(String),
}

#[derive(Debug)]
pub(crate) struct Pull {
    /// How many messages are requested and still to come, at most.
    requested: usize,
    /// When the last message of any kind arrived.
    last_message_at: Instant,
    /// The number of the next request.
    next: u64,
    /// The number of the first request that still counts.
    first: u64,
}

impl Pull {
    pub(crate) fn new() -> Self {
        Self { requested: 0, last_message_at: Instant::now(), next: 0, first: 0 }
    }

    /// The next request, if at most half of `batch` are in flight here or still to come.
    pub(crate) fn request(&mut self, in_flight: usize, batch: usize) -> Option<Request> {
        let have = self.requested + in_flight;
        if have > batch / 2 {
            return None;
        }
        let count = batch - have;
        if self.requested == 0 {
            self.last_message_at = Instant::now(); // the silence begins now
        }
        self.requested += count;
        let number = self.next;
        self.next += 1;
        Some(Request { number, count })
    }

    /// Records what arrived.
    pub(crate) fn arrived(&mut self, message: &Message) -> Arrival {
        self.last_message_at = Instant::now();
        // A publisher may have put a status into the headers of a message, which the broker acks all the same.
        let is_delivered = message.reply.as_ref().is_some_and(|reply| reply.starts_with("$JS.ACK."));
        let Some(status) = message.status.filter(|_| !is_delivered) else {
            // It may belong to an abandoned request: then the count is too low, and we request more.
            self.requested = self.requested.saturating_sub(1);
            return Arrival::Message;
        };
        if status == StatusCode::IDLE_HEARTBEAT {
            return Arrival::Alive;
        }
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse::<u64>().ok());
        if number.is_none_or(|number| number < self.first) {
            return Arrival::Alive; // the end of a request that was abandoned already
        }
        match pending(message) {
            Some(pending) => self.requested = self.requested.saturating_sub(pending),
            None => self.requested = 0,
        }
        let description = message.description.as_deref().unwrap_or_default();
        // 408: expired. 409 has many reasons, of which these are the normal end of a request.
        let is_normal_end = ["Batch Completed", "Message Size Exceeds MaxBytes"].contains(&description);
        if status == StatusCode::TIMEOUT || is_normal_end {
            Arrival::Alive
        } else {
            Arrival::Problem(format!("{status} {description}"))
        }
    }

    /// Whether requested messages are still to come.
    pub(crate) fn is_waiting(&self) -> bool {
        self.requested > 0
    }

    /// When the server will have been silent for too long, if messages are still to come.
    pub(crate) fn silent_at(&self) -> Option<Instant> {
        (self.requested > 0).then(|| self.last_message_at + HEARTBEAT_INTERVAL * 2 + HEARTBEAT_INTERVAL / 2)
    }

    /// Abandons all requests, after a lost connection or too long a silence. Messages that still arrive for them count.
    pub(crate) fn reset(&mut self) {
        self.requested = 0;
        self.first = self.next;
    }
}

/// A request to send: for `count` messages, to the inbox with this number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) number: u64,
    pub(crate) count: usize,
}

impl Request {
    /// The request in JetStream's format (ADR-13), with times in nanoseconds.
    pub(crate) fn payload(&self) -> Bytes {
        let (expires, heartbeat) = (REQUEST_EXPIRY.as_nanos(), HEARTBEAT_INTERVAL.as_nanos());
        format!("{{\"batch\":{},\"expires\":{expires},\"idle_heartbeat\":{heartbeat}}}", self.count).into()
    }
}

/// How many messages a request that has ended did not deliver.
fn pending(message: &Message) -> Option<usize> {
    message.headers.as_ref()?.get("Nats-Pending-Messages")?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use async_nats::{HeaderMap, Message, StatusCode};

    use super::{Arrival, Pull, Request};

    fn message() -> Message {
        let subject = "ticket:created".into();
        Message {
            subject,
            reply: None,
            payload: "{}".into(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        }
    }

    fn expired(request: u64, pending: usize) -> Message {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Pending-Messages", pending.to_string());
        Message {
            subject: format!("_INBOX.x.{request}").into(),
            status: Some(StatusCode::TIMEOUT),
            headers: Some(headers),
            ..message()
        }
    }

    #[test]
    fn a_batch_of_one_is_requested_again_when_nothing_is_in_flight() {
        let mut pull = Pull::new();
        assert_eq!(pull.request(0, 1), Some(Request { number: 0, count: 1 }));
        assert_eq!(pull.request(0, 1), None);
        assert_eq!(pull.arrived(&message()), Arrival::Message);
        assert_eq!(pull.request(1, 1), None);
        assert_eq!(pull.request(0, 1), Some(Request { number: 1, count: 1 }));
    }

    #[test]
    fn a_larger_batch_is_refilled_when_half_of_it_is_handled() {
        let mut pull = Pull::new();
        assert_eq!(pull.request(0, 10), Some(Request { number: 0, count: 10 }));
        for _ in 0..5 {
            assert_eq!(pull.arrived(&message()), Arrival::Message);
        }
        assert_eq!(pull.request(1, 10), None);
        assert_eq!(pull.request(0, 10), Some(Request { number: 1, count: 5 }));
    }

    #[test]
    fn messages_that_an_expired_request_did_not_deliver_are_requested_again() {
        let mut pull = Pull::new();
        pull.request(0, 10);
        pull.arrived(&message());
        assert_eq!(pull.arrived(&expired(0, 9)), Arrival::Alive);
        assert_eq!(pull.silent_at(), None);
        assert_eq!(pull.request(0, 10), Some(Request { number: 1, count: 10 }));
    }

    #[test]
    fn late_messages_of_abandoned_requests_never_raise_the_count_too_high() {
        let mut pull = Pull::new();
        pull.request(0, 10);
        pull.reset();
        pull.request(0, 2);
        for _ in 0..5 {
            assert_eq!(pull.arrived(&message()), Arrival::Message);
        }
        assert_eq!(pull.arrived(&expired(0, 5)), Arrival::Alive);
        assert_eq!(pull.request(0, 2), Some(Request { number: 2, count: 2 }));
        assert_eq!(pull.arrived(&expired(2, 2)), Arrival::Alive);
        assert_eq!(pull.silent_at(), None);
    }
}
