//! The first step of the tutorial in the README, on any free port.

use std::net::SocketAddr;

use service::settings::Sections;
use service::{Error, Exit, Scope, Service};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

struct NumberServer;

impl Service for NumberServer {
    /// What others may hold once the service is ready.
    type Handle = SocketAddr;

    async fn run(self, scope: Scope<SocketAddr>) -> Result<(), Error> {
        // Starting: an error here fails the start.
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        scope.listens_at(address);
        scope.ready(address);

        // Ready, until it is asked to stop.
        let stopping = scope.stopping();
        while let Some(accepted) = stopping.or(listener.accept()).await {
            let (mut socket, _) = accepted?;
            scope.spawn("connection", async move {
                socket.write_all(b"7\n").await?;
                Ok(())
            });
        }

        // Draining: say goodbye here. After this line the connections are cancelled.
        Ok(())
    }
}

fn main() -> Exit {
    service::runner::main("numbers", Sections::new(), || NumberServer)
}
