//! nats-server with JetStream, as a service.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use service::{Error, Scope, Service};
use tokio::time::sleep;

use crate::folder::Folder;
use crate::process::{Process, check_free};

/// A nats-server with JetStream on 127.0.0.1.
#[derive(Clone, Debug)]
pub struct NatsServer {
    /// The binary, from [`find`](crate::find).
    pub binary: PathBuf,
    /// The folder of its streams and log.
    pub data: PathBuf,
    /// The port for clients; 0 means any free one.
    pub port: u16,
    /// The port of its monitoring pages; 0 means any free one.
    pub monitoring_port: u16,
    /// A [configuration file](https://docs.nats.io/running-a-nats-service/configuration), for a member of a cluster, for
    /// example. The ports above override it; the file must enable JetStream and name its storage folder.
    pub config: Option<PathBuf>,
}

impl NatsServer {
    /// A single server, on free ports.
    pub fn on_free_ports(binary: PathBuf, data: PathBuf) -> Self {
        Self { binary, data, port: 0, monitoring_port: 0, config: None }
    }
}

/// The addresses of a running nats-server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsServerAddress {
    /// URL for clients: `nats://127.0.0.1:4222`.
    pub url: String,
    /// URL of its monitoring pages: `http://127.0.0.1:8222`.
    pub monitoring: String,
    /// The port of `url`.
    pub port: u16,
    /// The port of `monitoring`.
    pub monitoring_port: u16,
    /// Process id.
    pub pid: u32,
}

/// The file that nats-server writes once it listens (`--ports_file_dir`).
#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
    monitoring: Vec<String>,
}

impl Service for NatsServer {
    type Handle = NatsServerAddress;

    async fn run(self, scope: Scope<NatsServerAddress>) -> Result<(), Error> {
        let Self { binary, data, port, monitoring_port, config } = self;
        let folder = Folder::claim(&data).await?;
        check_free(port)?;
        check_free(monitoring_port)?;
        for stale in ports_files(&folder.path)? {
            fs::remove_file(stale)?;
        }
        let log = folder.path.join("nats-server.log");
        let number = |port: u16| if port == 0 { "-1".into() } else { port.to_string().into() };
        let mut arguments: Vec<OsString> = vec![
            "--addr".into(),
            "127.0.0.1".into(),
            "--port".into(),
            number(port),
            "--http_port".into(),
            number(monitoring_port),
            "--log".into(),
            log.clone().into(),
            "--ports_file_dir".into(),
            folder.path.clone().into(),
        ];
        arguments.extend(match config {
            Some(config) => vec!["--config".into(), config.into()],
            None => vec!["--jetstream".into(), "--store_dir".into(), folder.path.clone().into()],
        });
        let mut process = Process::spawn(&binary, &arguments, &folder, log)?;

        let stopping = scope.stopping();
        let ports = tokio::select! {
            ports = listening(&folder.path) => ports?,
            error = process.ended() => return Err(error),
            () = stopping.asked() => return process.stop().await,
        };
        let (url, port) = first(ports.nats)?;
        let (monitoring, monitoring_port) = first(ports.monitoring)?;
        scope.ready(NatsServerAddress { url, monitoring, port, monitoring_port, pid: process.pid() });
        tokio::select! {
            error = process.ended() => Err(error),
            () = stopping.asked() => process.stop().await,
        }
    }
}

/// Waits until the ports file is complete.
async fn listening(folder: &Path) -> Result<Ports, Error> {
    loop {
        for file in ports_files(folder)? {
            if let Ok(ports) = serde_json::from_slice(&fs::read(file)?) {
                return Ok(ports);
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// The first URL that nats-server reports, and its port.
fn first(urls: Vec<String>) -> Result<(String, u16), Error> {
    let url = urls.into_iter().next().context("nats-server did not report the addresses of both ports")?;
    let port = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let port = port.with_context(|| format!("nats-server reported an address without a port: {url}"))?;
    Ok((url, port))
}

fn ports_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let files = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    Ok(files.into_iter().filter(|file| file.extension().is_some_and(|is| is == "ports")).collect())
}
