//! The book-keeping of pull requests.
//!
//! Everything happens in one task, and a request is counted before it is sent. So the count of messages still to come
//! is never higher than the truth, and a subscription cannot wait for messages that nobody was asked for.
//! (async-nats 0.51 counts in two tasks, and its message stream can stall with messages waiting.)

use std::time::Duration;

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use tokio::time::Instant;

/// How long a request stands before the server gives it up.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often the server says that it is alive while it has nothing to send.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// What a message of the inbox is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A message of the stream.
    Message,
    /// The server is alive, or a request is over in the ordinary way.
    Alive,
    /// Something is wrong with the consumer: look after it before asking again.
    Trouble(String),
}

#[derive(Debug)]
pub(crate) struct Pull {
    /// How many messages are asked for and still to come, at most.
    asked: usize,
    heard: Instant,
    /// The number of the next request, and of the first that still counts.
    next: u64,
    first: u64,
}

impl Pull {
    pub(crate) fn new() -> Self {
        Self { asked: 0, heard: Instant::now(), next: 0, first: 0 }
    }

    /// The next request, when fewer than half of `batch` are in hand or on their way.
    pub(crate) fn ask(&mut self, in_hand: usize, batch: usize) -> Option<Ask> {
        let have = self.asked + in_hand;
        if have > batch / 2 {
            return None;
        }
        let count = batch - have;
        if self.asked == 0 {
            self.heard = Instant::now(); // silence counts from here
        }
        self.asked += count;
        let number = self.next;
        self.next += 1;
        Some(Ask { number, count })
    }

    /// Takes note of what came.
    pub(crate) fn arrived(&mut self, message: &Message) -> Arrival {
        self.heard = Instant::now();
        let Some(status) = message.status else {
            // From an abandoned request it may come too: the count is then too low, and we ask for more.
            self.asked = self.asked.saturating_sub(1);
            return Arrival::Message;
        };
        if status == StatusCode::IDLE_HEARTBEAT {
            return Arrival::Alive;
        }
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse::<u64>().ok());
        if number.is_none_or(|number| number < self.first) {
            return Arrival::Alive; // the end of a request that was given up already
        }
        match pending(message) {
            Some(pending) => self.asked = self.asked.saturating_sub(pending),
            None => self.asked = 0,
        }
        let said = message.description.as_deref().unwrap_or_default();
        // 408: expired. 409 is said for many reasons, of which these belong to the ordinary end of a request.
        let ordinary = ["Batch Completed", "Message Size Exceeds MaxBytes"].contains(&said);
        if status == StatusCode::TIMEOUT || ordinary {
            Arrival::Alive
        } else {
            Arrival::Trouble(format!("{status} {said}"))
        }
    }

    /// Whether anything that was asked for is still to come.
    pub(crate) fn is_waiting(&self) -> bool {
        self.asked > 0
    }

    /// When the silence is too long, if anything is to come.
    pub(crate) fn silent_at(&self) -> Option<Instant> {
        (self.asked > 0).then(|| self.heard + HEARTBEAT * 2 + HEARTBEAT / 2)
    }

    /// Gives up all requests, after a lost connection or too long a silence. What still comes of them is welcome.
    pub(crate) fn reset(&mut self) {
        self.asked = 0;
        self.first = self.next;
    }
}

/// A request to send: so many messages to the inbox with this number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) number: u64,
    pub(crate) count: usize,
}

impl Ask {
    /// The request as JetStream reads it (ADR-13), with times in nanoseconds.
    pub(crate) fn payload(&self) -> Bytes {
        let (expires, heartbeat) = (EXPIRES.as_nanos(), HEARTBEAT.as_nanos());
        format!("{{\"batch\":{},\"expires\":{expires},\"idle_heartbeat\":{heartbeat}}}", self.count).into()
    }
}

/// How many messages a request that is over did not bring.
fn pending(message: &Message) -> Option<usize> {
    message.headers.as_ref()?.get("Nats-Pending-Messages")?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use async_nats::{HeaderMap, Message, StatusCode};

    use super::{Arrival, Ask, Pull};

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
    fn a_batch_of_one_asks_again_when_nothing_is_in_hand() {
        let mut pull = Pull::new();
        assert_eq!(pull.ask(0, 1), Some(Ask { number: 0, count: 1 }));
        assert_eq!(pull.ask(0, 1), None);
        assert_eq!(pull.arrived(&message()), Arrival::Message);
        assert_eq!(pull.ask(1, 1), None);
        assert_eq!(pull.ask(0, 1), Some(Ask { number: 1, count: 1 }));
    }

    #[test]
    fn a_larger_batch_is_filled_up_when_half_of_it_is_handled() {
        let mut pull = Pull::new();
        assert_eq!(pull.ask(0, 10), Some(Ask { number: 0, count: 10 }));
        for _ in 0..5 {
            assert_eq!(pull.arrived(&message()), Arrival::Message);
        }
        assert_eq!(pull.ask(1, 10), None);
        assert_eq!(pull.ask(0, 10), Some(Ask { number: 1, count: 5 }));
    }

    #[test]
    fn what_an_expired_request_did_not_bring_is_asked_for_again() {
        let mut pull = Pull::new();
        pull.ask(0, 10);
        pull.arrived(&message());
        assert_eq!(pull.arrived(&expired(0, 9)), Arrival::Alive);
        assert_eq!(pull.silent_at(), None);
        assert_eq!(pull.ask(0, 10), Some(Ask { number: 1, count: 10 }));
    }

    #[test]
    fn late_messages_of_abandoned_requests_never_make_the_count_too_high() {
        let mut pull = Pull::new();
        pull.ask(0, 10);
        pull.reset();
        pull.ask(0, 2);
        for _ in 0..5 {
            assert_eq!(pull.arrived(&message()), Arrival::Message);
        }
        assert_eq!(pull.arrived(&expired(0, 5)), Arrival::Alive);
        assert_eq!(pull.ask(0, 2), Some(Ask { number: 2, count: 2 }));
        assert_eq!(pull.arrived(&expired(2, 2)), Arrival::Alive);
        assert_eq!(pull.silent_at(), None);
    }
}
