//! The client.

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

use super::Source;

/// How many numbers wait for a slow reader; then it misses the oldest.
const WAITING: usize = 16;

/// Longer than any number.
const LONGEST_LINE: usize = 32;

/// Reads the numbers of a server; its handle is the [`Feed`].
///
/// A lost connection, a line that is no number, too long a silence: each is a failure, and connecting again is its
/// parent's policy.
#[derive(Clone, Debug)]
pub struct NumberClient {
    /// Where the server is, as host:port.
    pub server: String,
    /// How long the server may be silent.
    pub silence: Duration,
}

/// The numbers of one connection.
#[derive(Clone, Debug)]
pub struct Feed {
    numbers: broadcast::WeakSender<u8>,
}

impl Feed {
    /// The numbers from now on; nothing when the connection is over.
    pub fn subscribe(&self) -> Option<broadcast::Receiver<u8>> {
        self.numbers.upgrade().map(|numbers| numbers.subscribe())
    }
}

impl Service for NumberClient {
    type Handle = Feed;

    async fn run(self, scope: Scope<Feed>) -> Result<(), Error> {
        let Self { server, silence } = self;
        let socket = TcpStream::connect(&server).await.with_context(|| format!("connecting to {server}"))?;
        let (numbers, _) = broadcast::channel(WAITING);
        scope.ready(Feed { numbers: numbers.downgrade() });
        let mut lines = FramedRead::new(socket, LinesCodec::new_with_max_length(LONGEST_LINE));
        let stopping = scope.stopping();
        while let Some(line) = stopping.or(timeout(silence, lines.next())).await {
            let Some(line) = line.with_context(|| format!("no number from {server} for {silence:?}"))? else {
                bail!("{server} closed the connection");
            };
            let number: u8 = line?.parse().with_context(|| format!("{server} sent a line that is no number"))?;
            ensure!(number <= 10, "{server} sent {number}, which is above 10");
            let _nobody_listens = numbers.send(number);
        }
        Ok(())
    }
}

/// Prints the numbers of the server that the settings name, one a line; connects again whenever it has to.
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
                tokio::task::yield_now().await; // it has just ended; its slot is being emptied
                continue;
            };
            loop {
                match stopping.or(numbers.recv()).await {
                    None => return Ok(()),
                    Some(Ok(number)) => {
                        match stopping.or(spawn_blocking(move || writeln!(io::stdout(), "{number}"))).await {
                            None => return Ok(()), // a reader that pauses does not keep us from stopping
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
