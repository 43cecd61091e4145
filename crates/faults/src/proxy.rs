//! A TCP proxy between a service and one of its servers, which can behave like a broken network.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// The state of the network between the two sides of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Everything is passed on immediately.
    Fine,
    /// Connections are closed, and new ones are refused.
    Cut,
    /// Every byte arrives this much later. The throughput is not limited.
    Delayed(Duration),
    /// Nothing arrives and no connection is closed; what was sent is delivered when this ends.
    HalfOpen,
    /// The throughput is limited to this number of bytes per second.
    Slow(usize),
}

/// The largest number of bytes that are read and passed on in one piece.
const CHUNK: usize = 4096;

/// How many chunks may be in flight in one direction of a connection: 16 MiB. Beyond that the proxy stops reading.
const IN_FLIGHT: usize = 4096;

/// A chunk that was read, and the time at which it may be passed on.
type Chunk = (Instant, Vec<u8>);

/// A proxy for one server; it stops when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy for the server at this address, on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// When it can't listen.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (network, seen) = watch::channel(Network::Fine);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, target, seen));
        Self { address, network, _accepting: accepting }
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the state of the network, for open connections and for new ones.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, network: watch::Receiver<Network>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((near, _)) = listener.accept().await else { continue };
        if *network.borrow() == Network::Cut {
            continue; // drops the connection, which closes it
        }
        connections.spawn(connection(near, target, network.clone()));
    }
}

async fn connection(near: TcpStream, target: SocketAddr, network: watch::Receiver<Network>) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let mut cut = network.clone();
    tokio::select! {
        _ = cut.wait_for(|network| *network == Network::Cut) => {}
        () = pass(near_in, far_out, network.clone()) => {}
        () = pass(far_in, near_out, network) => {}
    }
}

/// Passes on what one side sends, until it closes the connection.
///
/// Reading goes on while earlier chunks wait for their time: a delay adds latency to each chunk, and they do not add up.
async fn pass(from: OwnedReadHalf, to: OwnedWriteHalf, network: watch::Receiver<Network>) {
    let (read, chunks) = mpsc::channel(IN_FLIGHT);
    tokio::join!(receive(from, read, network.clone()), deliver(chunks, to, network));
}

async fn receive(mut from: OwnedReadHalf, read: mpsc::Sender<Chunk>, network: watch::Receiver<Network>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(size @ 1..) = from.read(&mut chunk).await {
        let delay = if let Network::Delayed(delay) = *network.borrow() { delay } else { Duration::ZERO };
        if read.send((Instant::now() + delay, chunk[..size].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn deliver(mut chunks: mpsc::Receiver<Chunk>, mut to: OwnedWriteHalf, mut network: watch::Receiver<Network>) {
    while let Some((at, chunk)) = chunks.recv().await {
        sleep_until(at).await;
        let now = *network.borrow_and_update();
        match now {
            Network::Fine | Network::Delayed(_) => {}
            Network::Slow(bytes) => sleep(Duration::from_secs_f64(chunk.len() as f64 / bytes as f64)).await,
            Network::HalfOpen | Network::Cut => {
                if network.wait_for(|network| *network != now).await.is_err() {
                    return;
                }
            }
        }
        if to.write_all(&chunk).await.is_err() {
            return;
        }
    }
}
