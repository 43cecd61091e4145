//! What happens to every request: its path is normalized, and it becomes a step of its trace.
//!
//! Names and attributes are those of the
//! [semantic conventions for HTTP](https://opentelemetry.io/docs/specs/semconv/http/http-spans/).

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state, map_request};
use axum::response::Response;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanBuilder, SpanKind};
use telemetry::{CORRELATION_ID, TRACEPARENT, Trace, Tracer, remote_context};
use tower_layer::Layer;

/// Makes each request a step of its trace, and adds the correlation id to the answer.
pub fn traced(routes: Router, tracer: Tracer) -> Router {
    routes.layer(from_fn_with_state(tracer, in_step))
}

/// Makes the routes ignore the case of a path and one slash at its end, as the course's router does.
pub fn normalized(routes: Router) -> Router {
    Router::new().fallback_service(map_request(normalize_path).layer(routes))
}

async fn normalize_path(mut request: Request) -> Request {
    let path = request.uri().path();
    let plain = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path).to_ascii_lowercase();
    if plain != path {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = format!("{plain}{query}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

async fn in_step(State(tracer): State<Tracer>, request: Request, next: Next) -> Response {
    let step = step_of(&tracer, &request);
    let mut answer = step.scope(next.run(request)).await;
    record_status(&step, answer.status());
    if let Ok(id) = HeaderValue::from_str(step.correlation_id()) {
        answer.headers_mut().insert(CORRELATION_ID, id);
    }
    answer
}

/// The step after the one that sent the request. It is named after the route, not after the path, which contains ids.
fn step_of(tracer: &Tracer, request: &Request) -> Trace {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    tracer.begin(remote_context(header(TRACEPARENT), header(CORRELATION_ID)), || span_of(request))
}

/// Records the status of the answer in the span of the step.
fn record_status(step: &Trace, status: StatusCode) {
    step.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        step.set_attribute(KeyValue::new("error.type", status.as_u16().to_string()));
        step.fail(&"");
    }
}

fn span_of(request: &Request) -> SpanBuilder {
    let method = known(request.method());
    let mut attributes = vec![
        KeyValue::new("http.request.method", method.unwrap_or("_OTHER")),
        KeyValue::new("url.path", request.uri().path().to_owned()),
        KeyValue::new("url.scheme", "http"),
    ];
    let mut name = method.unwrap_or("HTTP").to_owned();
    if let Some(route) = request.extensions().get::<MatchedPath>() {
        attributes.push(KeyValue::new("http.route", route.as_str().to_owned()));
        name = format!("{name} {}", route.as_str());
    }
    SpanBuilder::from_name(name).with_kind(SpanKind::Server).with_attributes(attributes)
}

/// The method, if it is a standard one: anybody may invent a method, which must not name a span.
fn known(method: &Method) -> Option<&'static str> {
    let all = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    all.into_iter().find(|known| method == known)
}
