//! What belongs together: a trace flows from a request through the outbox and the bus to every listener.
//!
//! It travels as a [`traceparent`](https://www.w3.org/TR/trace-context/), with a correlation id beside it, in the headers
//! of requests and messages. Within a process it belongs to the task: nobody hands it on by hand.

use tracing::Instrument;

/// The header with the W3C trace context, of requests and of messages.
pub const TRACEPARENT: &str = "traceparent";

/// The header with the correlation id, of requests, their answers, and messages.
pub const CORRELATION_ID: &str = "x-correlation-id";

/// The longest correlation id that is taken over from outside, in bytes.
const LONGEST: usize = 128;

tokio::task_local! {
    static CURRENT: Trace;
}

/// One step of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// 32 hexadecimal digits.
    trace_id: String,
    /// 16 hexadecimal digits.
    span_id: String,
    /// 2 hexadecimal digits.
    flags: String,
    correlation_id: String,
}

impl Trace {
    /// The next step after the one that sent the request.
    pub fn of_request(headers: &axum::http::HeaderMap) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self::continued(header(TRACEPARENT), header(CORRELATION_ID))
    }

    /// The next step after the one that published the message.
    pub fn of_message(headers: &async_nats::HeaderMap) -> Self {
        let header = |name| headers.get(name).map(async_nats::HeaderValue::as_str);
        Self::continued(header(TRACEPARENT), header(CORRELATION_ID))
    }

    /// The next step after the one that is told of, or the first of a new trace.
    fn continued(traceparent: Option<&str>, correlation_id: Option<&str>) -> Self {
        let span_id = format!("{:016x}", rand::random_range(1..=u64::MAX));
        let (trace_id, flags) = traceparent
            .and_then(parse)
            .unwrap_or_else(|| (format!("{:032x}", rand::random_range(1..=u128::MAX)), "01".to_owned()));
        let correlation_id = correlation_id.filter(|id| is_fit(id)).unwrap_or(&trace_id).to_owned();
        Self { trace_id, span_id, flags, correlation_id }
    }

    /// The step that this task belongs to; the first of a new trace when it belongs to none.
    pub fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_else(|_| Self::continued(None, None))
    }

    /// Makes everything that the future does a part of this step, its log lines too.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        let span = tracing::info_span!("trace", id = self.trace_id, correlation_id = self.correlation_id);
        CURRENT.scope(self, future).instrument(span).await
    }

    /// As it stands in a header: `00-<trace id>-<span id>-<flags>`.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{}", self.trace_id, self.span_id, self.flags)
    }

    /// What the caller calls all this, or else the trace id.
    pub fn correlation_id(&self) -> &str {
        &self.correlation_id
    }
}

/// The trace id and the flags, when the text is a trace context that we understand.
fn parse(traceparent: &str) -> Option<(String, String)> {
    let mut parts = traceparent.split('-');
    let mut part = |length: usize| {
        let is_hex = |text: &&str| text.len() == length && text.bytes().all(is_lower_hex);
        parts.next().filter(is_hex)
    };
    let (version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    // Later versions may have more to say; 255 is none.
    if version == "ff" || is_zero(trace_id) || is_zero(span_id) || (version == "00" && parts.next().is_some()) {
        return None;
    }
    Some((trace_id.to_owned(), flags.to_owned()))
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_fit(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::Trace;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_step_continues_the_trace_under_an_id_of_its_own() {
        let next = Trace::continued(Some(GIVEN), Some("order-42"));
        assert!(next.traceparent().starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{next:?}");
        assert_ne!(next.traceparent(), GIVEN);
        assert_eq!(next.correlation_id(), "order-42");
    }

    #[test]
    fn what_is_no_trace_context_begins_a_new_one() {
        for given in [
            "",
            "nonsense",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            let first = Trace::continued(Some(given), Some("not fit\r\n"));
            assert!(!first.traceparent().contains("0af7651916cd43dd8448eb211c80319c"), "{given}");
            assert!(first.traceparent().contains(first.correlation_id()), "{given}");
        }
    }

    #[tokio::test]
    async fn what_a_task_does_belongs_to_its_step() {
        let step = Trace::continued(Some(GIVEN), None);
        let seen = step.clone().scope(async { Trace::current() }).await;
        assert_eq!(seen, step);
        assert_ne!(Trace::current(), step);
    }
}
