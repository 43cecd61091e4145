//! The number server.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use service::settings::Every;
use service::{Error, Scope, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::Numbers;

/// The pause after a failed accept, which a lack of file descriptors causes, for example.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Sends each connection random numbers from 0 to 10 at the configured rate; its handle is its address.
#[derive(Clone, Copy, Debug)]
pub struct NumberServer;

impl Service for NumberServer {
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        let settings = scope.settings::<Numbers>()?;
        let bind = settings.get().bind;
        let listener = TcpListener::bind(bind).await.with_context(|| format!("listening on {bind}"))?;
        let address = listener.local_addr()?;
        scope.listens_at(address);
        scope.ready(address);
        let stopping = scope.stopping();
        while let Some(accepted) = stopping.or(listener.accept()).await {
            match accepted {
                Ok((socket, peer)) => {
                    let beat = settings.every(Numbers::period);
                    scope.spawn("connection", async move {
                        // A client that disconnects is not a failure of the server.
                        if let Err(error) = send_numbers(socket, beat).await {
                            tracing::debug!(%peer, "{error}");
                        }
                        Ok(())
                    });
                }
                Err(error) => {
                    tracing::warn!("accepting a connection: {error}");
                    sleep(ACCEPT_AGAIN_AFTER).await;
                }
            }
        }
        Ok(())
    }
}

async fn send_numbers(socket: TcpStream, mut beat: Every) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let (mut from, mut to) = socket.into_split();
    let mut ignored = [0; 64];
    loop {
        tokio::select! {
            () = beat.tick() => to.write_all(format!("{}\n", rand::random_range(0..=10)).as_bytes()).await?,
            // What a client sends is ignored; reading notices that it has left before the next number is due.
            read = from.read(&mut ignored) => if read? == 0 { return Ok(()) },
        }
    }
}
