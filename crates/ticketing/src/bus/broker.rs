//! The broker, for the commands that talk to it.

use clap::Args;
use common::bus::{self, Connection, Name, ServerUrl};
use service::{Error, Scope};

/// Which broker.
#[derive(Clone, Debug, Args)]
pub(super) struct Broker {
    /// The NATS server
    #[arg(long, env = "NATS_URL", value_name = "URL", default_value = "nats://127.0.0.1:4222", hide_env_values = true)]
    nats_url: ServerUrl,
    /// Whose events: the name of the stream
    #[arg(long, env = "NATS_CLUSTER_ID", value_name = "NAME", default_value = "ticketing")]
    nats_cluster_id: Name,
}

impl Broker {
    pub(super) async fn connect<H>(&self, scope: &Scope<H>) -> Result<bus::Bus, Error> {
        let connection = Connection::new(self.nats_url.clone(), self.nats_cluster_id.clone(), "bus".parse()?);
        scope.start("nats", connection).await
    }
}
