//! One step of a trace, and the context of the step before it.

use std::fmt::Display;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{FutureExt, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Instrument;

use crate::TRACEPARENT;

/// The longest correlation id that is accepted from outside, in bytes.
const MAX_CORRELATION_ID: usize = 128;

/// One step of a trace. Its span ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Trace(pub(crate) Context);

/// The correlation id, which travels in the context, so that every later step has it too.
#[derive(Debug)]
pub(crate) struct CorrelationId(pub(crate) String);

impl Trace {
    /// The step that the current task belongs to, if any.
    pub fn current() -> Option<Self> {
        let context = Context::current();
        context.has_active_span().then_some(Self(context))
    }

    /// Runs the future as part of this step; its log lines carry the trace id and the correlation id.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let id = self.0.span().span_context().trace_id();
        let span = tracing::info_span!("trace", %id, correlation_id = self.correlation_id());
        future.with_context(self.0.clone()).instrument(span).await
    }

    /// The value of the `traceparent` header: `00-<trace id>-<span id>-<flags>`.
    pub fn traceparent(&self) -> String {
        let span = self.0.span();
        let context = span.span_context();
        format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags())
    }

    /// The caller's correlation id, or else the trace id.
    pub fn correlation_id(&self) -> &str {
        self.0.get::<CorrelationId>().map_or("", |CorrelationId(id)| id)
    }

    /// Adds an attribute to the span of this step.
    pub fn set_attribute(&self, attribute: KeyValue) {
        self.0.span().set_attribute(attribute);
    }

    /// Marks the step as failed, for this reason.
    pub fn fail(&self, reason: &dyn Display) {
        self.0.span().set_status(Status::error(reason.to_string()));
    }
}

/// The context of the step that sent these headers; an empty one if they are absent or invalid.
pub fn remote_context(traceparent: Option<&str>, correlation_id: Option<&str>) -> Context {
    let before = TraceContextPropagator::new().extract_with_context(&Context::new(), &Header(traceparent));
    match correlation_id.filter(|id| is_valid(id)) {
        Some(id) => before.with_value(CorrelationId(id.to_owned())),
        None => before,
    }
}

/// The `traceparent` header, as the propagator reads it.
struct Header<'a>(Option<&'a str>);

impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

fn is_valid(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_CORRELATION_ID && id.bytes().all(|byte| byte.is_ascii_graphic())
}
