//! Publishing and handling messages as steps of traces.
//!
//! Names and attributes are those of the
//! [semantic conventions for messaging](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/). The
//! span that handles a message is a child of the span that sent it, so a trace is one tree.

use async_nats::HeaderMap;
use async_nats::header::HeaderValue;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};
use telemetry::{CORRELATION_ID, TRACEPARENT, Trace, remote_context};

use crate::{Bus, Delivery, Verdict};

/// The trace headers of a message that is published in this step.
pub(crate) fn headers(step: &Trace) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, step.traceparent());
    headers.insert(CORRELATION_ID, step.correlation_id());
    headers
}

impl Bus {
    /// Begins the step that publishes an event, or schedules it; the message carries the step's [`headers`].
    pub(crate) fn sending(&self, operation: &'static str, subject: &str, event_id: &str, before: Context) -> Trace {
        self.tracer.begin(before, || {
            let span = self.span(operation, subject, Some(event_id), [("messaging.operation.type", "send")]);
            span.with_kind(SpanKind::Producer)
        })
    }

    /// Handles a message for a queue group, as the step after the one that published it.
    pub async fn handling(&self, group: &str, message: &Delivery, work: impl Future<Output = Verdict>) -> Verdict {
        let header = |name| message.headers.get(name).map(HeaderValue::as_str);
        let step = self.tracer.begin(remote_context(header(TRACEPARENT), header(CORRELATION_ID)), || {
            let own = [("messaging.operation.type", "process"), ("messaging.consumer.group.name", group)];
            self.span("process", &message.subject, message.event_id(), own).with_kind(SpanKind::Consumer)
        });
        let verdict = step.scope(work).await;
        if let Verdict::DeadLetter { reason, .. } = &verdict {
            step.fail(reason);
        }
        verdict
    }

    fn span<const N: usize>(
        &self,
        operation: &'static str,
        subject: &str,
        event_id: Option<&str>,
        own: [(&'static str, &str); N],
    ) -> SpanBuilder {
        let all = [
            ("messaging.system", "nats"),
            ("messaging.operation.name", operation),
            ("messaging.destination.name", subject),
            ("messaging.client.id", self.client_id().as_str()),
        ];
        let id = event_id.map(|id| ("messaging.message.id", id));
        let attributes = all.into_iter().chain(own).chain(id);
        let attributes = attributes.map(|(name, value)| KeyValue::new(name, value.to_owned()));
        SpanBuilder::from_name(format!("{operation} {subject}")).with_attributes(attributes)
    }
}
