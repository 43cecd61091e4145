//! What follows a change of protocol: bytes, in both directions.

use std::time::Duration;

use futures_util::try_join;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{self, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::time::timeout;

/// How long a client may take to close its side after the service has closed its own.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Copies until both sides have ended, or one has broken off: then the other is closed too.
pub(super) async fn copy(client: OnUpgrade, service: OnUpgrade) {
    let (client, service) = match try_join!(client, service) {
        Ok(both) => both,
        Err(error) => return tracing::debug!("a change of protocol failed: {error}"),
    };
    let (client_reads, client_writes) = split(TokioIo::new(client));
    let (service_reads, service_writes) = split(TokioIo::new(service));
    let to_client = one_way(service_reads, client_writes);
    let to_service = one_way(client_reads, service_writes);
    tokio::pin!(to_client, to_service);
    let ended = tokio::select! {
        ended = &mut to_client => match ended {
            // The service has nothing more to send, so a client that stays delays a stop by this limit at most.
            Ok(()) => timeout(CLOSE_WITHIN, to_service).await.unwrap_or(Ok(())),
            Err(error) => Err(error),
        },
        ended = &mut to_service => match ended {
            Ok(()) => to_client.await,
            Err(error) => Err(error),
        },
    };
    if let Err(error) = ended {
        tracing::debug!("an upgraded connection broke off: {error}");
    }
}

async fn one_way(mut from: ReadHalf<TokioIo<Upgraded>>, mut to: WriteHalf<TokioIo<Upgraded>>) -> io::Result<()> {
    io::copy(&mut from, &mut to).await?;
    to.shutdown().await
}
