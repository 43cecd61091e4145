//! The programs that are measured.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use common::Declaration;
use service::Error;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::provider;

/// What builds all that is measured.
pub(super) const BUILD: &str = "cargo build --release -p ticketing -p auth -p tickets -p orders -p payments -p expiration -p gateway -p client -p bank";

/// How long a program may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Nothing is sent to a collector while it is measured.
const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Starts the composed application with its servers; returns the address of its API, and its data folder.
pub(super) async fn application(stderr: Stdio) -> Result<(Child, SocketAddr, TempDir), Error> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(std::env::current_exe()?);
    let api = free_address()?;
    command.args(["--free-ports", "--listen", &api.to_string(), "--data-dir"]).arg(folder.path());
    let servers = ["JWT_KEY", "MONGO_URI", "NATS_URL", "NATS_CLIENT_ID", "NATS_CLUSTER_ID", COLLECTOR];
    for name in servers.into_iter().chain(provider::VARIABLES) {
        command.env_remove(name);
    }
    let mut child = command.stdout(Stdio::null()).stderr(stderr).kill_on_drop(true).spawn()?;
    answers(&mut child, "the application", api, "/api/users/currentuser").await?;
    Ok((child, api, folder))
}

/// Starts a service's own program, which is built beside this one, and waits until it is ready; returns the address of
/// its API, if it has one. The web client calls the APIs of the others.
pub(super) async fn start(
    declaration: &Declaration,
    uri: &str,
    nats: &str,
    bank: SocketAddr,
    others: &BTreeMap<&str, SocketAddr>,
    folder: &Path,
) -> Result<(Child, Option<SocketAddr>), Error> {
    let name = declaration.name;
    let (api, admin) = (free_address()?, free_address()?);
    let mut command = runner(name, admin, folder)?;
    command.envs([("JWT_KEY", "measure"), ("MONGO_URI", uri), ("NATS_URL", nats), ("NATS_CLUSTER_ID", "ticketing")]);
    command.env("NATS_CLIENT_ID", name).env("HTTP__BIND", api.to_string()).envs(provider::at_bank(bank));
    for (other, address) in others {
        let api = if *other == gateway::DECLARATION.name { "LIVE" } else { other };
        command.env(format!("CLIENT__{}_URL", api.to_uppercase()), format!("http://{address}"));
    }
    let mut child = command.spawn()?;
    answers(&mut child, name, admin, "/readyz").await?;
    Ok((child, (!declaration.prefixes.is_empty()).then_some(api)))
}

/// Starts the test bank's own program; returns its address.
pub(super) async fn start_bank(uri: &str, folder: &Path) -> Result<(Child, SocketAddr), Error> {
    let (bank, admin) = (free_address()?, free_address()?);
    let mut command = runner("bank", admin, folder)?;
    command.env("MONGO_URI", uri).env("BANK__BIND", bank.to_string());
    let mut child = command.spawn()?;
    answers(&mut child, "bank", admin, "/readyz").await?;
    Ok((child, bank))
}

/// A program that is built beside this one, in the foreground.
fn runner(name: &str, admin: SocketAddr, folder: &Path) -> Result<Command, Error> {
    let mut command = Command::new(beside(name)?);
    command.args(["run", "--admin", &admin.to_string(), "--rundir"]).arg(folder.join("run"));
    command.env_remove(COLLECTOR).stderr(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

/// Waits until a process answers this path with success.
pub(super) async fn answers(child: &mut Child, name: &str, address: SocketAddr, path: &str) -> Result<(), Error> {
    let client = Client::new(address);
    let asking = async {
        loop {
            if client.succeeds(path).await {
                return Ok(());
            }
            if let Some(ended) = child.try_wait()? {
                bail!("{name} has ended before it was ready: {ended}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(READY_WITHIN, asking).await.with_context(|| format!("{name} was not ready in time"))?
}

/// Sends SIGTERM, and waits for the end.
pub(super) async fn stop(mut child: Child) -> Result<(), Error> {
    let pid = child.id().context("it has ended")?;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into()?), nix::sys::signal::Signal::SIGTERM)?;
    child.wait().await?;
    Ok(())
}

/// An address that nobody listens on now.
fn free_address() -> Result<SocketAddr, Error> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn beside(name: &str) -> Result<PathBuf, Error> {
    let program = std::env::current_exe()?.with_file_name(name);
    if !program.exists() {
        bail!("{} is not there: {BUILD}", program.display());
    }
    Ok(program)
}
