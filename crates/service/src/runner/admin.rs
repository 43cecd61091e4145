//! The HTTP routes for operators: whether the program is alive and ready, what it does, and with which settings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::log::reopen;
use super::options::Options;
use crate::settings::{Refused, Reloaded, Settings};
use crate::tree::{self, Tree};

/// The program that the routes describe.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) tree: Tree,
    pub(crate) settings: Settings,
    pub(crate) metrics: PrometheusHandle,
    /// The log file that stdout and stderr are redirected to, if they are.
    pub(crate) log: Option<PathBuf>,
}

/// One row of `/services`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) state: String,
    pub(crate) since: String,
    #[serde(default)]
    pub(crate) address: Option<String>,
    pub(crate) restarts: u32,
    pub(crate) error: Option<String>,
}

/// The route of the options that the program was started with; on the control socket only, since they may contain secrets.
pub(super) const OPTIONS: &str = "/-/options";

/// The answer of `/services`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Services {
    pub(crate) pid: u32,
    pub(crate) generation: u64,
    pub(crate) services: Vec<Row>,
}

/// `GET /livez`, `/readyz`, `/services`, `/config`, `/metrics`, and `POST /-/reload`.
pub(crate) fn router(program: Program) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/services", get(services))
        .route("/config", get(config))
        .route("/metrics", get(metrics))
        .route("/-/reload", post(reload_route))
        .with_state(program)
}

/// `?exclude=nats`, which may be repeated: the caller can do without these.
async fn readyz(State(program): State<Program>, Query(query): Query<Vec<(String, String)>>) -> Response {
    let excluded: Vec<_> = query.into_iter().filter(|(key, _)| key == "exclude").map(|(_, what)| what).collect();
    let not_ready = program.tree.not_ready(&excluded);
    let none_yet = program.tree.statuses().is_empty();
    let ready = not_ready.is_empty() && !none_yet;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let pid = std::process::id();
    (status, line(json!({ "ready": ready, "not_ready": not_ready, "pid": pid }))).into_response()
}

/// A JSON answer that ends with a newline, so that a shell's prompt is not behind it.
fn line(answer: impl Serialize) -> Response {
    match serde_json::to_string(&answer) {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text + "\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn services(State(program): State<Program>) -> Response {
    let (pid, generation) = (std::process::id(), program.settings.generation());
    line(json!({ "pid": pid, "generation": generation, "services": program.tree.statuses() }))
}

async fn config(State(program): State<Program>) -> Response {
    let effective = program.settings.effective().into_iter();
    let shown = effective.map(|(key, (value, origin))| (key, json!({ "value": value, "origin": origin.to_string() })));
    line(shown.collect::<BTreeMap<_, _>>())
}

/// `GET` [`OPTIONS`].
pub(super) fn options_route(options: Options) -> Router {
    Router::new().route(OPTIONS, get(async move || line(options)))
}

async fn reload_route(State(program): State<Program>) -> Response {
    match reload(&program) {
        Ok(reloaded) => line(reloaded),
        Err(refused) => (StatusCode::CONFLICT, line(refused)).into_response(),
    }
}

/// Reads the settings again, and reopens the log.
pub(super) fn reload(program: &Program) -> Result<Reloaded, Refused> {
    if let Some(log) = &program.log
        && let Err(error) = reopen(log)
    {
        tracing::error!("{error:#}");
    }
    let result = program.settings.reload();
    match &result {
        Ok(reloaded) => {
            reloaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
            tracing::info!(generation = reloaded.generation, changed = reloaded.changed.join(", "), "reloaded");
        }
        Err(refused) => tracing::warn!(%refused, "the reload was refused; the settings stay as they are"),
    }
    result
}

async fn metrics(State(program): State<Program>) -> String {
    for status in program.tree.statuses() {
        let labels = [("path", status.path.to_string())];
        let ready = if status.state == tree::State::Ready { 1.0 } else { 0.0 };
        metrics::gauge!("service_ready", &labels).set(ready);
        metrics::counter!("service_restarts_total", &labels).absolute(status.restarts.into());
    }
    program.metrics.render()
}
