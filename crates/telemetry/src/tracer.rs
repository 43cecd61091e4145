//! The tracer of a service.

use opentelemetry::trace::{SpanBuilder, SpanContext, TraceContextExt, TraceFlags, TraceState, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SdkTracer};

use crate::Trace;
use crate::trace::CorrelationId;

/// Begins the steps of traces, as spans of one service. [`start`](crate::start) makes one.
///
/// The default tracer exports nothing: it begins traces, and passes on those of others unchanged.
#[derive(Clone, Debug, Default)]
pub struct Tracer(pub(crate) Option<SdkTracer>);

impl Tracer {
    /// Begins the step after the one of this context, or the first step of a new trace.
    pub fn begin(&self, before: Context, span: impl FnOnce() -> SpanBuilder) -> Trace {
        let context = match &self.0 {
            Some(tracer) => before.with_span(tracer.build_with_context(span(), &before)),
            None => before,
        };
        let is_known = context.span().span_context().is_valid();
        let context = if is_known { context } else { context.with_remote_span_context(first()) };
        let trace_id = context.span().span_context().trace_id();
        let context = match context.get::<CorrelationId>() {
            Some(_) => context,
            None => context.with_value(CorrelationId(trace_id.to_string())),
        };
        let trace = Trace(context);
        trace.0.span().set_attribute(KeyValue::new("correlation_id", trace.correlation_id().to_owned()));
        trace
    }
}

/// The first step of a trace that is not exported.
fn first() -> SpanContext {
    let ids = RandomIdGenerator::default();
    SpanContext::new(ids.new_trace_id(), ids.new_span_id(), TraceFlags::SAMPLED, false, TraceState::NONE)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::SpanBuilder;

    use super::{Trace, Tracer};
    use crate::remote_context;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn begin(traceparent: &str, correlation_id: &str) -> Trace {
        Tracer::default().begin(remote_context(Some(traceparent), Some(correlation_id)), SpanBuilder::default)
    }

    #[test]
    fn a_step_that_is_not_exported_is_passed_on_unchanged() {
        let step = begin(GIVEN, "order-42");
        assert_eq!((step.traceparent().as_str(), step.correlation_id()), (GIVEN, "order-42"));
    }

    #[test]
    fn an_invalid_trace_context_begins_a_new_trace() {
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
            let first = begin(given, "not fit\r\n");
            assert!(!first.traceparent().contains("0af7651916cd43dd8448eb211c80319c"), "{given}");
            assert!(first.traceparent().contains(first.correlation_id()), "{given}");
        }
    }

    #[tokio::test]
    async fn everything_that_a_task_does_belongs_to_its_step() {
        let step = begin(GIVEN, "order-42");
        let seen = step.scope(async { Trace::current() }).await.unwrap();
        assert_eq!((seen.traceparent(), seen.correlation_id()), (step.traceparent(), "order-42"));
        assert!(Trace::current().is_none());
    }
}
