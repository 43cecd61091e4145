//! Requests to a running program over its control socket.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::UnixStream;
use tokio::runtime;
use tokio::time::timeout;

use super::admin::{self, Services};
use super::log::{remark, say};
use super::options::Options;
use super::place::Place;
use crate::error::Error;
use crate::exit::Exit;
use crate::run::fail;
use crate::settings::{Refused, Reloaded};

/// The longest time to wait for an answer, and for one about readiness, which is asked for again and again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const PROBE_WITHIN: Duration = Duration::from_secs(1);

/// The pause between two requests to a program that does not answer yet.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Sends one request and returns the answer.
fn ask(place: &Place, method: Method, path: &str, within: Duration) -> Result<(StatusCode, Bytes), Error> {
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
    runtime.block_on(async { timeout(within, asked).await }).context("no answer from the program")?
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
    let (status, body) = ask(place, Method::POST, "/-/reload", ANSWER_WITHIN)?;
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
    let (_, body) = ask(place, Method::GET, "/services", ANSWER_WITHIN)?;
    if json {
        say(&String::from_utf8_lossy(&body).trim_end())?;
        return Ok(Exit::Clean);
    }
    let Services { pid, generation, services } = serde_json::from_slice(&body)?;
    say(&format_args!("process {pid}, generation {generation} of the settings"))?;
    let width = services.iter().map(|row| row.path.len()).max().unwrap_or_default();
    for row in services {
        let restarts = if row.restarts == 0 { String::new() } else { format!(", restarts {}", row.restarts) };
        let address = row.address.map(|address| format!(" at {address}")).unwrap_or_default();
        let error = row.error.map(|error| format!(": {error}")).unwrap_or_default();
        let since = humantime::format_duration(lasted(&row.since)?);
        say(&format_args!("{:width$}  {}{address} for {since}{restarts}{error}", row.path, row.state))?;
    }
    Ok(Exit::Clean)
}

/// How long ago this was, in whole seconds.
fn lasted(since: &str) -> Result<Duration, Error> {
    let since = OffsetDateTime::parse(since, &Rfc3339).with_context(|| format!("not a time: {since}"))?;
    let lasted = (OffsetDateTime::now_utc() - since).whole_seconds();
    Ok(Duration::from_secs(lasted.try_into().unwrap_or_default())) // below 0 if the clock was set
}

/// The options that the running program was started with; `None` if no program runs.
pub(super) fn options(place: &Place) -> Result<Option<Options>, Error> {
    let began = Instant::now();
    while let Some(pid) = place.holder()? {
        match ask(place, Method::GET, admin::OPTIONS, ANSWER_WITHIN) {
            Ok((StatusCode::OK, body)) => return Ok(Some(serde_json::from_slice(&body)?)),
            // It has just been started, or is about to end.
            Err(_) if began.elapsed() < ANSWER_WITHIN => sleep(ASK_EVERY),
            _ => bail!(
                "process {pid} does not say which options it was started with: `stop` it, and `start` it with its options"
            ),
        }
    }
    Ok(None)
}

/// The services of this process that are not ready; `None` if it does not answer yet (another process may).
pub(super) fn not_ready(place: &Place, pid: u32) -> Option<Vec<String>> {
    let (_, body) = ask(place, Method::GET, "/readyz", PROBE_WITHIN).ok()?;
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
