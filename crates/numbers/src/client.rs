//! The number client, and the service that prints what it receives.

use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures_util::StreamExt;
use service::{Error, Restart, Scope, Service};
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, LinesCodec};

use crate::Source;

/// How many numbers are buffered for a slow subscriber; beyond that it misses the oldest.
const WAITING: usize = 16;

/// The longest accepted line, in bytes; longer than any number.
const LONGEST_LINE: usize = 32;

/// Reads the numbers of a server; its handle is a [`Feed`].
///
/// A lost connection, a line that is not a number, and a silence that is too long are failures. Reconnecting is the
/// restart policy of its parent.
#[derive(Clone, Debug)]
pub struct NumberClient {
    /// Address of the server, as host:port.
    pub server: String,
    /// How long the server may be silent before the connection fails.
    pub silence: Duration,
}

/// The numbers received on one connection.
#[derive(Clone, Debug)]
pub struct Feed {
    numbers: broadcast::WeakSender<u8>,
}

impl Feed {
    /// Subscribes to the numbers from now on; `None` when the connection has ended.
    pub fn subscribe(&self) -> Option<broadcast::Receiver<u8>> {
        self.numbers.upgrade().map(|numbers| numbers.subscribe())
    }
}

impl Service for NumberClient {
    type Handle = Feed;

    async fn run(self, scope: Scope<Feed>) -> Result<(), Error> {
        let Self { server, silence } = self;
        let socket = TcpStream::connect(&server).await.with_context(|| format!("failed to connect to {server}"))?;
        let (numbers, _) = broadcast::channel(WAITING);
        scope.ready(Feed { numbers: numbers.downgrade() });
        let mut lines = FramedRead::new(socket, LinesCodec::new_with_max_length(LONGEST_LINE));
        let stopping = scope.stopping();
        while let Some(line) = stopping.or(timeout(silence, lines.next())).await {
            let Some(line) = line.with_context(|| format!("no number from {server} for {silence:?}"))? else {
                bail!("{server} closed the connection");
            };
            let number: u8 = line?.parse().with_context(|| format!("{server} sent a line that is not a number"))?;
            ensure!(number <= 10, "{server} sent {number}, which is above 10");
            let _nobody_listens = numbers.send(number);
        }
        Ok(())
    }
}

/// Prints the numbers of the server named by the settings, one per line; reconnects whenever the connection fails.
#[derive(Clone, Copy, Debug)]
pub struct PrintNumbers;

impl Service for PrintNumbers {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let settings = scope.settings::<Source>()?;
        let connect = move || {
            let Source { server, silence_seconds } = (*settings.get()).clone();
            NumberClient { server, silence: Duration::from_secs(silence_seconds.into()) }
        };
        let client = scope.child("client").restart(Restart::always()).start(connect).await?;
        scope.ready(());
        let stopping = scope.stopping();
        while let Some(feed) = stopping.or(client.wait()).await {
            let Some(mut numbers) = feed?.subscribe() else {
                tokio::task::yield_now().await; // the connection has just ended; its slot is about to be emptied
                continue;
            };
            loop {
                match stopping.or(numbers.recv()).await {
                    None => return Ok(()),
                    Some(Ok(number)) => {
                        match stopping.or(spawn_blocking(move || writeln!(io::stdout(), "{number}"))).await {
                            None => return Ok(()), // a paused reader must not delay the stop
                            Some(Ok(Err(error))) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                            Some(written) => written??,
                        }
                    }
                    Some(Err(broadcast::error::RecvError::Lagged(_))) => {} // printing was too slow
                    Some(Err(broadcast::error::RecvError::Closed)) => break,
                }
            }
        }
        Ok(())
    }
}
