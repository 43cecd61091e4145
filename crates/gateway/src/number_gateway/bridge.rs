//! The numbers of a number server, published by the leader.

use std::time::Duration;

use cluster::{Cluster, Term};
use hub::{Channel, NotPublished};
use numbers::{Feed, NumberClient, Source};
use service::{Error, Live, Restart, Scope, Service, Slot};
use telemetry::WarnOnce;
use tokio::sync::broadcast::error::RecvError;

/// Publishes the numbers of a number server in one term. It reconnects to a server that was away.
pub(super) struct Bridge {
    pub(super) source: Live<Source>,
    pub(super) cluster: Cluster,
    pub(super) term: Term,
    pub(super) channel: Channel,
}

impl Service for Bridge {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.ready(());
        let source = self.source.clone();
        let connect = move || {
            let Source { server, silence_seconds } = (*source.get()).clone();
            NumberClient { server, silence: Duration::from_secs(silence_seconds.into()) }
        };
        let client = scope.child("client").optional().restart(Restart::always()).start(connect).await?;
        let (stopping, mut once) = (scope.stopping(), WarnOnce::default());
        while stopping.or(self.publish_all(&client, &mut once)).await.is_some() {}
        Ok(())
    }
}

impl Bridge {
    /// Publishes the numbers of one connection.
    async fn publish_all(&self, client: &Slot<Feed>, once: &mut WarnOnce) {
        let Ok(feed) = client.wait().await else { return std::future::pending().await };
        let Some(mut numbers) = feed.subscribe() else {
            return tokio::task::yield_now().await; // the connection has just ended; its slot is about to be emptied
        };
        loop {
            match numbers.recv().await {
                // A number that nobody can get now is of no use later.
                Ok(number) => match self.cluster.publish(&self.term, &self.channel, number.to_string().into()).await {
                    Ok(_) => *once = WarnOnce::default(),
                    Err(NotPublished::Unavailable(error)) => {
                        once.warn(&format_args!("a number is not published: {error}"))
                    }
                    Err(NotPublished::Outdated) => return std::future::pending().await, // the stop is about to follow
                },
                Err(RecvError::Lagged(missed)) => tracing::warn!("{missed} numbers are not published: too slow"),
                Err(RecvError::Closed) => return,
            }
        }
    }
}
