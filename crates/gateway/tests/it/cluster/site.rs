//! Number gateways that are processes, their number server, and their broker.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use numbers::{NumberServer, Numbers};
use serde_json::{Value, json};
use service::settings::Sections;
use service::{Running, launch};
use tempfile::TempDir;
use testkit::{Api, Broker, LIMIT, Process, Reading, free_port, programs, settings};
use tokio::time::{sleep, timeout};

use super::relay::Relay;

/// How long a node is believed that says nothing: shorter than it is by default, so that the tests are.
pub(crate) const LEASE: Duration = Duration::from_millis(1500);

/// How the nodes of a test exchange messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    Mesh,
    Nats,
}

/// The places of a cluster, and the nodes that run there.
pub(crate) struct Site {
    pub(crate) broker: Option<Broker>,
    /// Stands before the number server.
    pub(crate) numbers: Relay,
    pub(crate) places: Vec<Place>,
    bus: Bus,
    quorum: &'static str,
    server: Running<SocketAddr>,
    folder: TempDir,
}

/// Where a node runs.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) http: SocketAddr,
    /// Stands before the node, over the mesh; before the broker, over NATS.
    pub(crate) relay: Relay,
    bind: SocketAddr,
    /// The node, while it runs.
    pub(crate) process: Option<Process>,
}

impl Site {
    /// Places for this many nodes, of which none runs.
    pub(crate) async fn of(bus: Bus, size: usize, quorum: &'static str) -> Self {
        let port = free_port();
        let environment = [("NUMBERS__BIND", &*format!("127.0.0.1:{port}")), ("NUMBERS__RATE_PER_MINUTE", "3000")];
        let mut server = launch("number-server", NumberServer)
            .settings(settings(Sections::new().with::<Numbers>(), &environment))
            .start();
        let numbers = Relay::to(server.ready().await.unwrap()).await;
        let broker = if bus == Bus::Nats { Some(Broker::start().await) } else { None };
        let mut places = Vec::new();
        for _ in 0..size {
            let local = || SocketAddr::from(([127, 0, 0, 1], free_port()));
            let (http, bind) = (local(), local());
            let target =
                broker.as_ref().map_or(bind, |broker| broker.url().rsplit_once('/').unwrap().1.parse().unwrap());
            let relay = Relay::to(target).await;
            let name = if bus == Bus::Mesh { relay.address } else { bind }.to_string();
            places.push(Place { name, http, relay, bind, process: None });
        }
        Self { broker, numbers, places, bus, quorum, server, folder: tempfile::tempdir().unwrap() }
    }

    /// Three nodes that run and agree.
    pub(crate) async fn three(bus: Bus) -> Self {
        let mut site = Self::of(bus, 3, "majority").await;
        for node in 0..3 {
            site.start(node);
        }
        site.agreed().await;
        site
    }

    /// Starts the node, always with the same configuration.
    pub(crate) fn start(&mut self, node: usize) {
        let names: Vec<_> = self.places.iter().map(|place| place.name.clone()).collect();
        let (number, place) = (node, &mut self.places[node]);
        let mut command = Command::new(programs().join("number-gateway"));
        command.env_clear().env("HOME", self.folder.path());
        command.arg("run").arg("--rundir").arg(self.folder.path().join(number.to_string()));
        command.env("IDENTITY", &place.name).env("CLUSTER", names.join(","));
        command.env("HUB__BIND", place.http.to_string()).env("SOURCE__SERVER", self.numbers.address.to_string());
        command.env("CLUSTER__LEASE_MILLISECONDS", LEASE.as_millis().to_string());
        match self.bus {
            Bus::Mesh => {
                command.env("HUB__BUS", "mesh").env("CLUSTER__BIND", place.bind.to_string());
                command.env("CLUSTER__QUORUM", self.quorum);
                command.env("CLUSTER__FILE", self.folder.path().join(format!("{number}.json")));
            }
            Bus::Nats => {
                command.env("HUB__BUS", "nats").env("HUB__NATS_URL", format!("nats://{}", place.relay.address));
            }
        }
        place.process = Some(Process::start(command));
    }

    fn process(&mut self, node: usize) -> &mut Process {
        self.places[node].process.as_mut().unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, node: usize) {
        self.process(node).kill();
        self.places[node].process = None;
    }

    pub(crate) fn signal(&mut self, node: usize, signal: Signal) {
        self.process(node).signal(signal);
    }

    /// Stops it properly.
    pub(crate) async fn stop(&mut self, node: usize) {
        let mut process = self.places[node].process.take().unwrap();
        process.signal(Signal::SIGTERM);
        assert_eq!(process.ended().await.code(), Some(0), "{}", process.stderr());
    }

    /// The nodes that run.
    pub(crate) fn running(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|node| self.places[*node].process.is_some()).collect()
    }

    /// What a node says of the cluster; `None` while it does not answer.
    pub(crate) async fn seen_by(&self, node: usize) -> Option<Value> {
        let address = self.places[node].http;
        tokio::net::TcpStream::connect(address).await.ok()?;
        let answer = Api { address }.request("GET", "/cluster", "", b"").await;
        (answer.status == 200).then(|| serde_json::from_str(&answer.body).unwrap())
    }

    /// Waits until these nodes see each other, and the same leader, who is one of them; the leader and its epoch.
    pub(crate) async fn agree(&self, nodes: &[usize]) -> (usize, u64) {
        let mut names: Vec<_> = nodes.iter().map(|node| self.places[*node].name.clone()).collect();
        names.sort();
        let agreed = async {
            loop {
                if let Some(agreed) = self.agreed_by(nodes, &names).await {
                    return agreed;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LIMIT, agreed).await.unwrap_or_else(|_| panic!("{nodes:?} do not agree"))
    }

    async fn agreed_by(&self, nodes: &[usize], names: &[String]) -> Option<(usize, u64)> {
        let mut leaders = Vec::new();
        for node in nodes {
            let seen = self.seen_by(*node).await?;
            if seen["members"] != json!(names) {
                return None;
            }
            leaders.push((seen["leader"].clone(), seen["epoch"].as_u64()?));
        }
        leaders.dedup();
        let [(leader, epoch)] = &leaders[..] else { return None };
        let number = nodes.iter().find(|node| *leader == self.places[**node].name)?;
        Some((*number, *epoch))
    }

    /// Waits until all that run agree.
    pub(crate) async fn agreed(&self) -> (usize, u64) {
        self.agree(&self.running()).await
    }

    /// Reads the numbers at a node.
    pub(crate) async fn numbers_at(&self, node: usize) -> NumberReader {
        NumberReader { reading: Reading::open(self.places[node].http, "/numbers?format=json").await, newest: 0 }
    }

    /// Stops everything that still runs.
    pub(crate) async fn end(mut self) {
        for node in self.running() {
            self.stop(node).await;
        }
        self.server.stop().await.result.unwrap();
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
    }
}

/// Reads numbers, and checks that no term comes back.
pub(crate) struct NumberReader {
    reading: Reading,
    /// The epoch of the last number.
    pub(crate) newest: u64,
}

impl NumberReader {
    /// The epoch of the next number.
    pub(crate) async fn next(&mut self) -> u64 {
        loop {
            let line: Value = serde_json::from_str(&self.reading.message().await).unwrap();
            let Some(epoch) = line["epoch"].as_u64() else {
                assert!(line.get("missed").is_some(), "{line}");
                continue; // a reader at a node that was frozen
            };
            let number: u8 = line["message"].as_str().unwrap().parse().unwrap();
            assert!(number <= 10);
            assert!(epoch >= self.newest, "a number of the term {epoch} after one of {}", self.newest);
            self.newest = epoch;
            return epoch;
        }
    }

    /// Reads until a term that is later than this one.
    pub(crate) async fn later(&mut self, than: u64) -> u64 {
        loop {
            let epoch = self.next().await;
            if epoch > than {
                return epoch;
            }
        }
    }

    /// Reads so many numbers.
    pub(crate) async fn many(&mut self, count: usize) {
        for _ in 0..count {
            self.next().await;
        }
    }
}
