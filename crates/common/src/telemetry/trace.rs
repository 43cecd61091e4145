//! One step of a trace, and what is known of the step before.

use std::fmt::Display;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{FutureExt, Status, TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Instrument;

use super::{CORRELATION_ID, TRACEPARENT};

/// The longest correlation id that is taken over from outside, in bytes.
const LONGEST: usize = 128;

/// One step of a trace. As a span, it lasts until nobody holds it any more.
#[derive(Clone, Debug)]
pub struct Trace(pub(super) Context);

/// What the caller calls all this. It travels in the context, so every step after this one has it too.
#[derive(Debug)]
pub(super) struct CorrelationId(pub(super) String);

impl Trace {
    /// The step that this task belongs to, if it belongs to one.
    pub fn current() -> Option<Self> {
        let context = Context::current();
        context.has_active_span().then_some(Self(context))
    }

    /// Makes everything that the future does a part of this step, its log lines too.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let id = self.0.span().span_context().trace_id();
        let span = tracing::info_span!("trace", %id, correlation_id = self.correlation_id());
        future.with_context(self.0.clone()).instrument(span).await
    }

    /// As it stands in a header: `00-<trace id>-<span id>-<flags>`.
    pub fn traceparent(&self) -> String {
        let span = self.0.span();
        let context = span.span_context();
        format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags())
    }

    /// What the caller calls all this, or else the trace id.
    pub fn correlation_id(&self) -> &str {
        self.0.get::<CorrelationId>().map_or("", |CorrelationId(id)| id)
    }

    /// The headers of a message that tells of this step.
    pub(crate) fn headers(&self) -> async_nats::HeaderMap {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(TRACEPARENT, self.traceparent());
        headers.insert(CORRELATION_ID, self.correlation_id());
        headers
    }

    /// Marks the step as failed.
    pub fn failed(&self, why: &dyn Display) {
        self.0.span().set_status(Status::error(why.to_string()));
    }
}

/// What these headers tell of the step before; nothing, when they are none that we understand.
pub(crate) fn told(traceparent: Option<&str>, correlation_id: Option<&str>) -> Context {
    let before = TraceContextPropagator::new().extract_with_context(&Context::new(), &Told(traceparent));
    match correlation_id.filter(|id| is_fit(id)) {
        Some(id) => before.with_value(CorrelationId(id.to_owned())),
        None => before,
    }
}

/// The one header that is read.
struct Told<'a>(Option<&'a str>);

impl Extractor for Told<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

fn is_fit(id: &str) -> bool {
    !id.is_empty() && id.len() <= LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic())
}
