//! A TCP proxy between a service and one of its servers, for everything that a network does to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What the network does to what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// Nothing.
    Fine,
    /// Connections break, and no new one is made.
    Cut,
    /// Everything arrives so much later.
    Delayed(Duration),
    /// Nothing arrives, and nobody is told; what was sent is kept.
    HalfOpen,
    /// So many bytes arrive in a second.
    Slow(usize),
}

/// How much is passed on at once, in bytes.
const CHUNK: usize = 4096;

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    network: watch::Sender<Network>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (network, seen) = watch::channel(Network::Fine);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, target, seen));
        Self { address, network, _accepting: accepting }
    }

    pub(crate) fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, network: watch::Receiver<Network>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((near, _)) = listener.accept().await else { continue };
        if *network.borrow() == Network::Cut {
            continue; // closes it
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

/// Passes on what comes, until one side ends.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut network: watch::Receiver<Network>) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(size @ 1..) = from.read(&mut chunk).await {
        let now = *network.borrow_and_update();
        match now {
            Network::Fine => {}
            Network::Delayed(time) => sleep(time).await,
            Network::Slow(bytes) => sleep(Duration::from_secs_f64(size as f64 / bytes as f64)).await,
            Network::HalfOpen | Network::Cut => {
                if network.wait_for(|network| *network != now).await.is_err() {
                    return;
                }
            }
        }
        if to.write_all(&chunk[..size]).await.is_err() {
            return;
        }
    }
}
