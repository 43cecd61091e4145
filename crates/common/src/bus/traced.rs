//! Sending and handling messages as steps of traces.
//!
//! Names and attributes are those of the
//! [semantic conventions for messaging](https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/). Who
//! handles a message is a child of who has sent it, so that a trace is one tree.

use async_nats::header::HeaderValue;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};

use super::{Bus, Delivery, Verdict};
use crate::telemetry::{CORRELATION_ID, TRACEPARENT, Trace, told};

impl Bus {
    /// The step that publishes an event, or has it published later; to be published with the step's
    /// [headers](Trace::headers).
    pub(crate) fn sending(&self, operation: &'static str, subject: &str, event_id: &str, before: Context) -> Trace {
        self.tracer.begin(before, || {
            let span = self.span(operation, subject, Some(event_id), [("messaging.operation.type", "send")]);
            span.with_kind(SpanKind::Producer)
        })
    }

    /// Handles a message for a group, as the step after the one that has published it.
    pub async fn handling(&self, group: &str, message: &Delivery, work: impl Future<Output = Verdict>) -> Verdict {
        let header = |name| message.headers.get(name).map(HeaderValue::as_str);
        let step = self.tracer.begin(told(header(TRACEPARENT), header(CORRELATION_ID)), || {
            let own = [("messaging.operation.type", "process"), ("messaging.consumer.group.name", group)];
            self.span("process", &message.subject, message.event_id(), own).with_kind(SpanKind::Consumer)
        });
        let verdict = step.scope(work).await;
        if let Verdict::DeadLetter { reason, .. } = &verdict {
            step.failed(reason);
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
