//! A node that joins the cluster: carries out what its machine decides.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use hub::Memory;
use service::{Error, Scope, Service};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::cluster::Cluster;
use crate::exchange::Exchange;
use crate::file;
use crate::machine::{Config, Effect, Input, Leadership, Machine, Member, Start};
use crate::mesh::{Acceptor, Common, Frame, Greeting, Links, Mesh, keep, task};
use crate::node::Node;
use crate::term::Leader;
use crate::wall_clock::milliseconds;
use crate::watched::replace;

/// How many messages wait for the node at most; their connections wait with them.
const WAITING: usize = 1024;

/// How long the node waits at its stop until the others have learned of it.
const FAREWELL: Duration = Duration::from_millis(500);

/// The pause after a failed accept, which a lack of file descriptors causes, for example.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Joins a cluster, and leaves it properly at the stop; its handle is the [`Cluster`].
#[derive(Clone, Debug)]
pub struct Join {
    /// Where this node listens to the others; they reach it under its name.
    pub bind: SocketAddr,
    /// The name of the cluster, which all nodes have.
    pub cluster: String,
    /// The node, and what it knows of the others.
    pub config: Config,
    /// The file in which this node remembers whom it voted for. It belongs to this node alone.
    pub file: PathBuf,
}

impl Service for Join {
    type Handle = Cluster;

    async fn run(self, scope: Scope<Cluster>) -> Result<(), Error> {
        let Self { bind, cluster, config, file } = self;
        ensure!(config.size > 0, "the size of a cluster is at least 1");
        let listener = TcpListener::bind(bind).await.with_context(|| format!("failed to listen on {bind}"))?;
        scope.listens_at(listener.local_addr()?);
        let memory = file::load(&file)?;
        let (inputs, mut arrived) = mpsc::channel(WAITING);
        let acceptor = Acceptor {
            node: config.node.clone(),
            common: Common { cluster, size: config.size, quorum: config.quorum },
            links: Links::default(),
            memory: Memory::default(),
            inputs,
            limit: config.lease,
        };
        let start = Start { memory, wall_clock: milliseconds() };
        let machine = Machine::new(config, start, Duration::ZERO);
        let mesh = Mesh { links: acceptor.links.clone(), memory: acceptor.memory.clone() };
        let (members, leader) = (watch::Sender::new(machine.members()), watch::Sender::new(Leader::Unknown));
        scope.ready(Cluster {
            node: acceptor.node.clone(),
            members: members.subscribe(),
            leader: leader.subscribe(),
            exchange: Exchange::Mesh(mesh),
        });
        let (alive, mut all_gone) = mpsc::channel(1);
        let connections = BTreeMap::new();
        let mut carrier = Carrier {
            machine,
            started: Instant::now(),
            file,
            acceptor,
            members,
            leader,
            connections,
            alive,
            scope: &scope,
        };
        let stopping = scope.stopping();
        carrier.take(Input::Tick).await?;
        loop {
            let wakes_at = carrier.started + carrier.machine.wakes_at();
            tokio::select! {
                () = stopping.asked() => break,
                Some(input) = arrived.recv() => carrier.take(input).await?,
                () = sleep_until(wakes_at) => carrier.take(Input::Tick).await?,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let acceptor = carrier.acceptor.clone();
                        scope.spawn("connection", async move {
                            // A node that disconnects is not a failure of this one.
                            if let Err(error) = acceptor.serve(stream).await {
                                tracing::debug!(%peer, "{error:#}");
                            }
                            Ok(())
                        });
                    }
                    Err(error) => {
                        tracing::warn!("failed to accept a connection: {error}");
                        sleep(ACCEPT_AGAIN_AFTER).await;
                    }
                },
            }
        }
        carrier.take(Input::Leave).await?;
        let connected = carrier.acceptor.links.stop();
        carrier.connections.retain(|node, _| connected.contains(node));
        drop(carrier.alive);
        timeout(FAREWELL, all_gone.recv()).await.ok();
        Ok(())
    }
}

struct Carrier<'a> {
    machine: Machine,
    /// The moment that the machine's times are measured from.
    started: Instant,
    file: PathBuf,
    acceptor: Acceptor,
    members: watch::Sender<Vec<Member>>,
    leader: watch::Sender<Leader>,
    /// A connection to each node that the machine knows.
    connections: BTreeMap<Node, DropGuard>,
    /// Each connection holds a copy, so that its end is noticed.
    alive: mpsc::Sender<()>,
    scope: &'a Scope<Cluster>,
}

impl Carrier<'_> {
    /// One step of the machine, and all that it asks for.
    async fn take(&mut self, input: Input) -> Result<(), Error> {
        let effects = self.machine.step(self.started.elapsed(), input);
        self.connect();
        let (mut saved, mut sent) = (None, Vec::new());
        for effect in effects {
            match effect {
                Effect::Save(bound) => saved = Some(bound),
                Effect::Send { to, message } => sent.push((to, message)),
            }
        }
        // It is saved before it is shown: else a term could be shown in whose epoch the node's next life leads once more.
        if let Some(bound) = saved {
            file::save(self.file.clone(), bound).await?;
        }
        self.show(); // a term that has ended ends before anybody else is informed
        for (to, message) in sent {
            self.acceptor.links.send(&to, &Frame::Cluster(message));
        }
        Ok(())
    }

    /// Begins and ends connections, so that there is one to each node that is known.
    fn connect(&mut self) {
        let known = self.machine.others();
        if known.iter().eq(self.connections.keys()) {
            return;
        }
        self.connections.retain(|node, _| known.contains(node));
        for to in known {
            if self.connections.contains_key(&to) {
                continue;
            }
            let Acceptor { node, common, links, limit, .. } = self.acceptor.clone();
            let (name, greeting) = (task(&to), Greeting::new(node, to.clone(), common));
            let (forgotten, alive) = (CancellationToken::new(), self.alive.clone());
            self.connections.insert(to, forgotten.clone().drop_guard());
            self.scope.spawn(&name, async move {
                forgotten.run_until_cancelled(keep(links, greeting, limit)).await;
                drop(alive);
                Ok(())
            });
        }
    }

    /// Shows who is alive, and who leads.
    fn show(&self) {
        let leader = match self.machine.leadership(self.started.elapsed()) {
            Leadership::Unknown => Leader::Unknown,
            Leadership::Follower { leader, epoch } => Leader::Other(leader, epoch),
            Leadership::Leader { epoch, until } => Leader::This(epoch, self.started + until),
        };
        replace(&self.leader, leader);
        replace(&self.members, self.machine.members());
    }
}
