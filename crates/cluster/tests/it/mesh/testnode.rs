//! Nodes of a test's own, each with a hub.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use cluster::machine::{Config, Quorum};
use cluster::{Cluster, Exchange, Join, Leader, Node};
use hub::{Batch, Hub, HubSettings, Limits, MessageHub, Subscription};
use service::settings::Sections;
use service::{Error, Running, Scope, Service, launch};
use tempfile::TempDir;
use testkit::{LIMIT, free_port, settings, until};
use tokio::time::timeout;

/// A node with its hub, in a process of its own if the services of one were.
pub(crate) struct Station(pub(crate) Join);

impl Service for Station {
    type Handle = (Cluster, Hub<Exchange>);

    async fn run(self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        let cluster = scope.start("cluster", self.0).await?;
        let hub = scope.start("hub", MessageHub { transport: cluster.exchange() }).await?;
        scope.ready((cluster, hub));
        scope.stopping().await;
        Ok(())
    }
}

/// A node that runs.
pub(crate) struct TestNode {
    pub(crate) node: Node,
    pub(crate) running: Running<(Cluster, Hub<Exchange>)>,
    pub(crate) cluster: Cluster,
    pub(crate) hub: Hub<Exchange>,
}

/// Where the nodes of a test are, sorted by name, and their files.
pub(crate) struct Place {
    pub(crate) nodes: Vec<Node>,
    folder: TempDir,
}

impl Place {
    pub(crate) fn of(size: usize) -> Self {
        let mut nodes: Vec<Node> = (0..size).map(|_| format!("127.0.0.1:{}", free_port()).parse().unwrap()).collect();
        nodes.sort();
        Self { nodes, folder: TempDir::new().unwrap() }
    }

    /// How this node joins: it knows the one before it, and the first knows the last.
    pub(crate) fn join(&self, number: usize) -> Join {
        let size = self.nodes.len();
        let (node, seed) = (self.nodes[number].clone(), self.nodes[(number + size - 1) % size].clone());
        let config = Config {
            node: node.clone(),
            seeds: BTreeSet::from([seed]),
            size,
            quorum: Quorum::Majority,
            lease: Duration::from_secs(2),
        };
        let bind = node.as_str().parse().unwrap();
        Join { bind, cluster: "test".to_owned(), config, file: self.file(number) }
    }

    fn file(&self, number: usize) -> std::path::PathBuf {
        let folder: &Path = self.folder.path();
        folder.join(format!("node-{number}.json"))
    }

    pub(crate) async fn start(&self, number: usize) -> TestNode {
        self.launch(number, Station(self.join(number))).await
    }

    /// Starts a node as part of this service.
    pub(crate) async fn launch<S: Service<Handle = (Cluster, Hub<Exchange>)>>(
        &self,
        number: usize,
        node: S,
    ) -> TestNode {
        let settings = settings(Sections::new().with::<HubSettings>(), &[]);
        let mut running = launch("node", node).settings(settings).start();
        let (cluster, hub) = running.ready().await.unwrap();
        TestNode { node: self.nodes[number].clone(), running, cluster, hub }
    }

    /// All nodes, once each sees all.
    pub(crate) async fn start_all(&self) -> Vec<TestNode> {
        let mut nodes = Vec::new();
        for number in 0..self.nodes.len() {
            nodes.push(self.start(number).await);
        }
        for node in &nodes {
            node.sees(&self.nodes).await;
        }
        nodes
    }
}

impl TestNode {
    /// Waits until the roster has these nodes.
    pub(crate) async fn sees(&self, nodes: &[Node]) {
        let roster = || async { self.roster() == nodes };
        until(&format!("{} sees {nodes:?}", self.node), roster).await;
    }

    pub(crate) fn roster(&self) -> Vec<Node> {
        self.cluster.members().borrow().iter().map(|member| member.node.clone()).collect()
    }

    pub(crate) fn leader(&self) -> Leader {
        self.cluster.leader().borrow().clone()
    }

    pub(crate) async fn publish(&self, channel: &str, body: &str) {
        self.hub.publish(&channel.parse().unwrap(), body.to_owned().into()).await.unwrap();
    }

    pub(crate) async fn read(&self, channel: &str) -> Reader {
        Reader { subscription: self.hub.subscribe(&channel.parse().unwrap(), None).await.unwrap() }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }
}

/// Reads a channel of a hub.
pub(crate) struct Reader {
    subscription: Subscription,
}

impl Reader {
    /// The next message, which must arrive.
    pub(crate) async fn next(&mut self) -> String {
        self.next_or_missed().await.expect("no message is missed")
    }

    /// The next message, or that some are missed.
    pub(crate) async fn next_or_missed(&mut self) -> Option<String> {
        let next = self.subscription.next(Limits { items: 1, bytes: 1 });
        match timeout(LIMIT, next).await.unwrap() {
            Batch::Items(messages) => Some(String::from_utf8(messages[0].body.to_vec()).unwrap()),
            Batch::Missed(_) => None,
        }
    }
}
