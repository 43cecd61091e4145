//! Requests to a running program over its control socket.

use anyhow::{Context, bail};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::runtime;
use tokio::time::timeout;

use super::admin::Services;
use super::log::{remark, say};
use super::place::Place;
use crate::error::Error;
use crate::exit::Exit;
use crate::run::fail;
use crate::settings::{Refused, Reloaded};

/// The longest time to wait for an answer.
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// Sends one request and returns the answer.
pub(super) fn ask(place: &Place, method: Method, path: &str) -> Result<(StatusCode, Bytes), Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let asked = async {
        let socket = place.socket();
        let stream =
            UnixStream::connect(&socket).await.with_context(|| format!("failed to connect to {}", socket.display()))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder().method(method).uri(path).header("host", "localhost").body(Body::empty())?;
        let answer = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        tokio::select! {
            answer = answer => answer,
            ended = connection => bail!("the program ended the connection: {ended:?}"),
        }
    };
    runtime.block_on(async { timeout(ANSWER_WITHIN, asked).await }).context("no answer from the program")?
}

/// Prints that the program does not run.
pub(super) fn not_running(place: &Place) -> Exit {
    remark(&format_args!("{} is not running (no process holds {})", place.name, place.pid_file().display()));
    Exit::NotRunning
}

pub(super) fn reload(place: &Place) -> Result<Exit, Error> {
    if place.holder()?.is_none() {
        return Ok(not_running(place));
    }
    let (status, body) = ask(place, Method::POST, "/-/reload")?;
    if status == StatusCode::OK {
        let Reloaded { generation, changed, warnings } = serde_json::from_slice(&body)?;
        warnings.iter().for_each(|warning| remark(&format_args!("warning: {warning}")));
        let changed = if changed.is_empty() { "nothing".to_owned() } else { changed.join(", ") };
        say(&format_args!("generation {generation}, changed: {changed}"))?;
        return Ok(Exit::Clean);
    }
    let refused: Refused = serde_json::from_slice(&body)?;
    Ok(fail(&refused))
}

pub(super) fn status(place: &Place, json: bool) -> Result<Exit, Error> {
    if place.holder()?.is_none() {
        return Ok(not_running(place));
    }
    let (_, body) = ask(place, Method::GET, "/services")?;
    if json {
        say(&String::from_utf8_lossy(&body))?;
        return Ok(Exit::Clean);
    }
    let Services { pid, generation, services } = serde_json::from_slice(&body)?;
    say(&format_args!("process {pid}, generation {generation} of the settings"))?;
    let width = services.iter().map(|row| row.path.len()).max().unwrap_or_default();
    for row in services {
        let restarts = if row.restarts == 0 { String::new() } else { format!(", restarts {}", row.restarts) };
        let error = row.error.map(|error| format!(": {error}")).unwrap_or_default();
        say(&format_args!("{:width$}  {} since {}{restarts}{error}", row.path, row.state, row.since))?;
    }
    Ok(Exit::Clean)
}

/// The services of this process that are not ready; `None` if it does not answer yet (another process may).
pub(super) fn not_ready(place: &Place, pid: u32) -> Option<Vec<String>> {
    let (_, body) = ask(place, Method::GET, "/readyz").ok()?;
    let answer: Value = serde_json::from_slice(&body).ok()?;
    if answer["pid"] != pid {
        return None;
    }
    if answer["ready"] == true {
        return Some(Vec::new());
    }
    let paths = answer["not_ready"].as_array()?.iter().filter_map(|path| path.as_str().map(str::to_owned));
    let paths: Vec<_> = paths.collect();
    (!paths.is_empty()).then_some(paths)
}
