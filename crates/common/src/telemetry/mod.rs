//! What belongs together: a trace flows from a request through the outbox and the bus to every listener.
//!
//! It travels as a [`traceparent`](https://www.w3.org/TR/trace-context/), with a correlation id beside it, in the headers
//! of requests and messages. Within a process it belongs to the task: nobody hands it on by hand.
//!
//! Each of its steps is a span of OpenTelemetry. [`start`] sends them to a collector, when the settings name one.

mod collector;
mod export;
mod requests;
mod settings;
mod trace;
mod tracer;

pub use export::start;
pub use settings::{Endpoint, InvalidEndpoint, TelemetrySettings};
pub use trace::Trace;
pub use tracer::Tracer;

pub(crate) use trace::told;

/// The header with the W3C trace context, of requests and of messages.
pub const TRACEPARENT: &str = "traceparent";

/// The header with the correlation id, of requests, their answers, and messages.
pub const CORRELATION_ID: &str = "x-correlation-id";
