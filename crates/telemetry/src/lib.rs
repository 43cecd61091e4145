//! Traces: a trace follows one request through the outbox and the bus to every listener.
//!
//! It travels as a [`traceparent`](https://www.w3.org/TR/trace-context/), with a correlation id, in the headers of
//! requests and messages. Within a process it belongs to the task, so nobody passes it on explicitly.
//!
//! Each step of a trace is an OpenTelemetry span. [`start`] exports the spans to a collector if the settings name one.

mod collector;
mod export;
mod log;
mod settings;
mod trace;
mod tracer;
mod warn_once;

pub use export::start;
pub use log::log_to_stderr;
pub use settings::{Endpoint, InvalidEndpoint, TelemetrySettings};
pub use trace::{Trace, remote_context};
pub use tracer::Tracer;
pub use warn_once::WarnOnce;

/// The header of requests and messages that carries the W3C trace context.
pub const TRACEPARENT: &str = "traceparent";

/// The header of requests, responses and messages that carries the correlation id.
pub const CORRELATION_ID: &str = "x-correlation-id";
