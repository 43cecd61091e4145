//! Many readers, as cheap as can be: they look for the time in what they read, and decode nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use crate::server::Kind;

/// The width of a step of the histogram, in microseconds, and how many there are.
const STEP: u64 = 50;
const STEPS: usize = 20_000;

/// How often readers look for messages at most, as often as a network card interrupts a computer that is busy. If each message
/// woke them at once, they would compete with the server for its processors, and that would be measured.
const LOOK_EVERY: Duration = Duration::from_micros(500);

pub(crate) struct Readers {
    seen: Arc<Seen>,
    /// Of their own, so that nobody else waits when they do; `None` once they are dropped.
    runtime: Option<Runtime>,
}

struct Seen {
    received: AtomicUsize,
    delays: Vec<AtomicUsize>,
}

impl Readers {
    /// Connects a reader of each of these channels.
    pub(crate) async fn connect(address: SocketAddr, kind: Kind, channels: impl Iterator<Item = usize>) -> Self {
        let delays = (0..STEPS).map(|_| AtomicUsize::new(0)).collect();
        let seen = Arc::new(Seen { received: AtomicUsize::new(0), delays });
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.enable_io().on_thread_park(|| std::thread::sleep(LOOK_EVERY)).build().unwrap();
        for channel in channels {
            let socket = connected(address, kind, channel).await.into_std().unwrap();
            let seen = Arc::clone(&seen);
            runtime.spawn(async { read(TcpStream::from_std(socket).unwrap(), seen).await });
        }
        Self { seen, runtime: Some(runtime) }
    }

    /// Waits until this many messages were received.
    pub(crate) async fn received(&self, count: usize) {
        while self.seen.received.load(Ordering::Relaxed) < count {
            sleep(Duration::from_micros(500)).await;
        }
    }

    /// The delay that this part of the deliveries did not exceed, in milliseconds.
    pub(crate) fn delay(&self, part: f64) -> f64 {
        let counts: Vec<usize> = self.seen.delays.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let wanted = (counts.iter().sum::<usize>() as f64 * part) as usize;
        let mut sum = 0;
        let step = counts.iter().position(|count| {
            sum += count;
            sum > wanted
        });
        step.unwrap_or(STEPS) as f64 * STEP as f64 / 1000.0
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

async fn connected(address: SocketAddr, kind: Kind, channel: usize) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let headers = match kind {
        Kind::Bare => "",
        Kind::Events => "host: a\r\naccept: text/event-stream\r\n",
        Kind::WebSockets => {
            "host: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        }
    };
    let request = format!("GET /bench-{channel} HTTP/1.1\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    assert!(socket.read(&mut answer).await.unwrap() > 0);
    socket
}

/// Reads a connection: each message has an `@`, a time in 20 digits, and a dot.
async fn read(mut socket: TcpStream, seen: Arc<Seen>) {
    let (mut kept, mut buffer) = (Vec::with_capacity(64), [0; 4096]);
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        kept.extend_from_slice(&buffer[..read]);
        let mut done = 0;
        while let Some(at) = kept[done..].iter().position(|byte| *byte == b'@') {
            let Some(digits) = kept.get(done + at + 1..done + at + 21) else { break };
            let sent = Duration::from_nanos(std::str::from_utf8(digits).unwrap().parse().unwrap());
            let step = now.saturating_sub(sent).as_micros() as u64 / STEP;
            seen.delays[usize::try_from(step).unwrap().min(STEPS - 1)].fetch_add(1, Ordering::Relaxed);
            seen.received.fetch_add(1, Ordering::Relaxed);
            done += at + 21;
        }
        let begun = kept[done..].iter().position(|byte| *byte == b'@').map_or(kept.len(), |at| done + at);
        kept.drain(..begun);
    }
}
