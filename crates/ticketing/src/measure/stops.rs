//! How long the composed application takes to stop, with its servers.

use std::ops::Range;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use service::Error;
use tokio::time::sleep;

use super::process::{answers, application};

/// How often the application is started and stopped.
const ROUNDS: usize = 10;

/// How long it is left alone before a stop: at random, since a thread of mongod notices a stop only once a second.
const IDLE: Range<f64> = 1.0..2.0;

/// The times from SIGINT to the exit of the application, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Stops {
    pub(super) median_ms: u128,
    pub(super) max_ms: u128,
    pub(super) rounds: usize,
}

/// Starts and stops the application several times.
pub(super) async fn measure() -> Result<Stops, Error> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (mut child, api, _folder) = application(Stdio::null()).await?;
        answers(&mut child, "the application", api, "/api/tickets").await?;
        sleep(Duration::from_secs_f64(rand::random_range(IDLE))).await;
        let pid = Pid::from_raw(child.id().context("it has ended")?.try_into()?);
        let began = Instant::now();
        kill(pid, Signal::SIGINT)?;
        let status = child.wait().await?;
        times.push(began.elapsed().as_millis());
        ensure!(status.success(), "the application stopped with {status}");
    }
    times.sort_unstable();
    Ok(Stops { median_ms: times[ROUNDS / 2], max_ms: times[ROUNDS - 1], rounds: ROUNDS })
}
