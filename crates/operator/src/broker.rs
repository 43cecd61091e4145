//! The broker of a running application, and the frame of every command that uses it.

use anyhow::anyhow;
use bus::{Bus, Connection, ErrorKind, Name, ServerUrl, Streams};
use clap::Args;
use service::{Error, Exit, Scope, Service, Stopped};

/// The broker of a running application.
#[derive(Args, Clone, Debug)]
pub(crate) struct Broker {
    /// The NATS server
    #[arg(long, env = "NATS_URL", value_name = "URL", hide_env_values = true, default_value = "nats://127.0.0.1:4222")]
    nats_url: ServerUrl,
    /// The cluster id, which is the name of the stream of events
    #[arg(long, env = "NATS_CLUSTER_ID", value_name = "NAME", default_value = "ticketing")]
    nats_cluster_id: Name,
}

impl Broker {
    /// Runs a command to its end: connects, becomes ready, and does the work, which watches [`Scope::stopping`].
    pub(crate) fn run<W, F>(self, command: &str, work: W) -> Exit
    where
        W: FnOnce(Bus, Scope<()>) -> F + Send + 'static,
        F: Future<Output = Result<(), Error>> + Send,
    {
        service::run(command, Command { broker: self, work })
    }

    /// Connects without registering as a client, and without changing the streams.
    async fn connect(self, scope: &Scope<()>) -> Result<Bus, Error> {
        let Self { nats_url, nats_cluster_id } = self;
        let client_id = format!("ticketing-bus-{:08x}", rand::random::<u32>()).parse()?;
        let connection = Connection::new(nats_url, nats_cluster_id, client_id);
        scope.start("nats", Connection { streams: Streams::Required, ..connection }).await.map_err(with_hint)
    }
}

fn with_hint(error: Error) -> Error {
    match ErrorKind::of(&error) {
        Some(unreachable @ ErrorKind::Unreachable { .. }) => anyhow!(
            "{unreachable}; start the application with `cargo run`, or forward the cluster's server with `kubectl \
             port-forward service/nats-srv 4222:4222`, or name another with --nats-url"
        ),
        Some(missing @ ErrorKind::NoStream { .. }) => {
            anyhow!("{missing}: start the services, or check --nats-url and --nats-cluster-id")
        }
        _ => error,
    }
}

/// A command that uses the broker.
struct Command<W> {
    broker: Broker,
    work: W,
}

impl<W, F> Service for Command<W>
where
    W: FnOnce(Bus, Scope<()>) -> F + Send + 'static,
    F: Future<Output = Result<(), Error>> + Send,
{
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let work = async {
            let bus = self.broker.connect(&scope).await?;
            scope.ready(());
            (self.work)(bus, scope).await
        };
        // What was to be started was not: for a command that is a failure.
        work.await
            .map_err(|error| if error.is::<Stopped>() { anyhow!("stopped before anything was done") } else { error })
    }
}
