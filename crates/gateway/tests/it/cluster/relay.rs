//! What stands between a process and whom it connects to.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes on what comes to it, counts it, and can hold it back as a cut cable does: connections stay open, and nothing arrives.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    cut: watch::Sender<Cut>,
    counts: Arc<Counts>,
    _accepting: JoinSet<()>,
}

/// Which connections nothing passes on.
#[derive(Clone, Debug, Default)]
struct Cut {
    all: bool,
    /// Connections that begin with the greeting of one of these nodes.
    from: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    most: AtomicUsize,
    bytes: AtomicU64,
}

impl Relay {
    /// Begins to pass on to this address, which nobody need listen at yet.
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, seen) = watch::channel(Cut::default());
        let counts = Arc::new(Counts::default());
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, target, seen, counts.clone()));
        Self { address, cut, counts, _accepting: accepting }
    }

    /// Holds everything back, or lets it pass.
    pub(crate) fn cut(&self, all: bool) {
        self.cut.send_modify(|cut| cut.all = all);
    }

    /// Holds back the connections of these nodes, and no others.
    pub(crate) fn cut_from<'a>(&self, nodes: impl IntoIterator<Item = &'a str>) {
        let from = nodes.into_iter().map(str::to_owned).collect();
        self.cut.send_modify(|cut| cut.from = from);
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// How many connections were open at the same time at most.
    pub(crate) fn most(&self) -> usize {
        self.counts.most.load(Ordering::SeqCst)
    }

    /// How many bytes have passed in both directions.
    pub(crate) fn bytes(&self) -> u64 {
        self.counts.bytes.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, cut: watch::Receiver<Cut>, counts: Arc<Counts>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(pass(stream, target, cut.clone(), counts.clone()));
    }
}

/// Passes one connection on until one side ends it.
async fn pass(client: TcpStream, target: SocketAddr, cut: watch::Receiver<Cut>, counts: Arc<Counts>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let open = counts.open.fetch_add(1, Ordering::SeqCst) + 1;
    counts.most.fetch_max(open, Ordering::SeqCst);
    let (mut from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut first = vec![0; 64 * 1024];
    // A server that speaks first is passed on too.
    let first = tokio::select! {
        read = from_client.read(&mut first) => first[..read.unwrap_or(0)].to_vec(),
        _ = from_server.readable() => Vec::new(),
    };
    let text = String::from_utf8_lossy(&first);
    let from = text.split_once("\"from\":\"").and_then(|(_, rest)| rest.split('"').next()).map(str::to_owned);
    tokio::select! {
        () = copy(first, from_client, to_server, from.as_deref(), cut.clone(), &counts) => {}
        () = copy(Vec::new(), from_server, to_client, from.as_deref(), cut, &counts) => {}
    }
    counts.open.fetch_sub(1, Ordering::SeqCst);
}

async fn copy(
    first: Vec<u8>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    node: Option<&str>,
    mut cut: watch::Receiver<Cut>,
    counts: &Counts,
) {
    let passes = |cut: &Cut| !cut.all && node.is_none_or(|node| !cut.from.contains(node));
    let (mut buffer, mut read) = (vec![0; 64 * 1024], first);
    loop {
        if cut.wait_for(passes).await.is_err() || to.write_all(&read).await.is_err() {
            return;
        }
        counts.bytes.fetch_add(read.len() as u64, Ordering::SeqCst);
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(length) => read = buffer[..length].to_vec(),
        }
    }
}
