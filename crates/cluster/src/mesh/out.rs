//! Connections to other nodes, which send.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use service::Error;
use telemetry::WarnOnce;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::links::{Links, Waiting};
use super::wire::{Frame, Frames, Greeting, frames, greeting, send};
use crate::node::Node;

/// The pause before a connection is tried again, after the first failure; it doubles up to the longest, and half of it is random.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many frames are sent together at most: a connection that takes them in time is not stuck, however many follow.
const TOGETHER: usize = 256;

/// Keeps a connection to a node until the links are stopped. `limit` is how long a step may take.
pub(crate) async fn keep(links: Links, ours: Greeting, limit: Duration) {
    let (mut pause, mut once) = (FIRST_PAUSE, WarnOnce::default());
    let to = ours.to.clone();
    loop {
        match connected(&ours, limit).await {
            Ok(frames) => {
                let Some(waiting) = links.connect(&to) else { return };
                pause = FIRST_PAUSE;
                once = WarnOnce::default();
                if let Err(error) = carry(frames, waiting, limit).await {
                    tracing::debug!("the connection to {to} ended: {error:#}");
                }
            }
            Err(error) => once.warn(&format_args!("{error:#}; trying again")),
        }
        if links.has_stopped() {
            return;
        }
        sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn connected(ours: &Greeting, limit: Duration) -> Result<Frames, Error> {
    let to = &ours.to;
    let greeted = async {
        let stream = TcpStream::connect(to.as_str()).await.with_context(|| format!("failed to connect to {to}"))?;
        let mut frames = frames(stream);
        send(&mut frames, &Frame::Greeting(ours.clone())).await?;
        let theirs = greeting(&mut frames).await.with_context(|| format!("failed to join {to}"))?;
        if let Some(objection) = ours.objection(&theirs) {
            bail!("failed to join {to}: {objection}");
        }
        Ok(frames)
    };
    timeout(limit, greeted).await.with_context(|| format!("{to} does not answer"))?
}

/// Sends what waits, what keeps the cluster going first, until there is nothing to wait for.
async fn carry(mut frames: Frames, mut waiting: Waiting, limit: Duration) -> Result<(), Error> {
    let Waiting { control, publications, .. } = &mut waiting;
    loop {
        let next = tokio::select! {
            biased;
            next = control.recv() => next,
            Some(next) = publications.recv() => Some(next),
            _ = frames.next() => bail!("it was closed by the other side"), // which sends nothing but its greeting
        };
        let Some(next) = next else { return Ok(()) };
        let sent = async {
            frames.feed(next).await?;
            // What waits is sent together.
            for _ in 0..TOGETHER {
                let Ok(next) = control.try_recv().or_else(|_| publications.try_recv()) else { break };
                frames.feed(next).await?;
            }
            SinkExt::<Bytes>::flush(&mut frames).await
        };
        timeout(limit, sent).await.context("it takes nothing any more")?.context("failed to send")?;
    }
}

/// The name of the task that keeps the connection to this node.
pub(crate) fn task(to: &Node) -> String {
    format!("to {to}")
}
