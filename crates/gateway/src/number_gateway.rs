//! The number gateway: numbers in over TCP, and out over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use hub::{Channel, Hub, HubSettings, Transport, Views};
use numbers::{Feed, NumberClient, Source};
use service::http::Http;
use service::{Error, Restart, Scope, Service, Slot};
use tokio::sync::broadcast::error::RecvError;

/// A hub that publishes the numbers of a number server to `/numbers`; its handle is the address.
///
/// It serves its channels also while the number server is away, and reconnects to it.
#[derive(Clone, Copy, Debug)]
pub struct NumberGateway;

impl Service for NumberGateway {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let numbers: Channel = "/numbers".parse()?;
        let settings = scope.settings::<HubSettings>()?;
        let hub = hub::start(&scope).await?;
        let bind = settings.get().bind;
        let router = hub::routes(hub.clone(), settings, Views::All, vec![numbers.clone()]);
        let address = scope.start("http", Http { bind, router, drain_delay: Duration::ZERO }).await?;
        scope.ready(address);

        let source = scope.settings::<Source>()?;
        let connect = move || {
            let Source { server, silence_seconds } = (*source.get()).clone();
            NumberClient { server, silence: Duration::from_secs(silence_seconds.into()) }
        };
        let client = scope.child("numbers").optional().restart(Restart::always()).start(connect).await?;
        let stopping = scope.stopping();
        while stopping.or(publish_all(&client, &hub, &numbers)).await.is_some() {}
        Ok(())
    }
}

/// Publishes the numbers of one connection.
async fn publish_all<T: Transport>(client: &Slot<Feed>, hub: &Hub<T>, channel: &Channel) {
    let Ok(feed) = client.wait().await else { return std::future::pending().await };
    let Some(mut numbers) = feed.subscribe() else {
        return tokio::task::yield_now().await; // the connection has just ended; its slot is about to be emptied
    };
    loop {
        match numbers.recv().await {
            Ok(number) => {
                // A number that nobody can get now is of no use later.
                if let Err(error) = hub.publish(channel, number.to_string().into()).await {
                    tracing::warn!("a number is not published: {error}");
                }
            }
            Err(RecvError::Lagged(missed)) => tracing::warn!("{missed} numbers are not published: too slow"),
            Err(RecvError::Closed) => return,
        }
    }
}
