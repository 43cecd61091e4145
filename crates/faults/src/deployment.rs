//! The deployment of a run: real brokers, a real database, and the services' own programs.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use service::{Running, launch};
use store::{Connection, Store};
use tempfile::TempDir;
use testkit::{Api, Broker, Mongod, cluster, free_port, until_in};
use tokio::sync::Mutex;

use crate::instance::{Instance, Servers};
use crate::services::{self, BANK};

/// The configuration of the brokers in production.
const BROKER_CONFIG: &str = include_str!("../../../infra/k8s-prod/nats.conf");

/// How long the instances may take until they are ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Everything that runs in a run. A fault locks what it is injected into.
pub(crate) struct Deployment {
    pub(crate) brokers: Mutex<Vec<Broker>>,
    pub(crate) database: Mutex<Mongod>,
    /// In the order of [`services::instances`].
    pub(crate) instances: Vec<Mutex<Instance>>,
    _folder: TempDir,
}

impl Deployment {
    /// Starts everything, and waits until every instance is ready.
    pub(crate) async fn start(brokers: usize, programs: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start_brokers =
            async { if brokers == 3 { cluster(BROKER_CONFIG).await.into() } else { vec![Broker::start().await] } };
        let (brokers, database): (Vec<Broker>, _) = tokio::join!(start_brokers, Mongod::start());
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let nats: Vec<_> = brokers.iter().map(|broker| address(broker.url().trim_start_matches("nats://"))).collect();
        let uri = database.uri("any");
        let mongo = address(uri.trim_start_matches("mongodb://").split('/').next().unwrap());
        let bank = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let servers = Servers { programs, folder: folder.path(), brokers: &nats, database: mongo, bank };
        let started = services::instances().into_iter().map(|(program, number)| {
            let servers = &servers;
            async move { Instance::start(servers, program, number).await }
        });
        let instances = join_all(started).await;
        for instance in &instances {
            let what = format!("{} is ready", instance.name);
            until_in(READY_WITHIN, &what, || instance.program.is_ready()).await;
        }
        let instances = instances.into_iter().map(Mutex::new).collect();
        Self { brokers: Mutex::new(brokers), database: Mutex::new(database), instances, _folder: folder }
    }

    /// The addresses of each service's instances.
    pub(crate) async fn addresses(&self) -> BTreeMap<&'static str, Vec<SocketAddr>> {
        let mut addresses: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for instance in &self.instances {
            let instance = instance.lock().await;
            addresses.entry(instance.service).or_default().push(instance.program.address);
        }
        addresses
    }

    /// The API of the bank.
    pub(crate) async fn bank(&self) -> Api {
        Api { address: self.addresses().await[BANK][0] }
    }

    /// The instances that have ended unasked, which none may, with the end of their logs.
    pub(crate) async fn ended(&self) -> Vec<String> {
        let mut ended = Vec::new();
        for instance in &self.instances {
            let mut instance = instance.lock().await;
            if instance.has_ended() {
                ended.push(format!("{} has ended unasked: {}", instance.name, instance.log_end()));
            }
        }
        ended
    }

    /// The database of a service, not through a proxy.
    pub(crate) async fn store(&self, service: &str) -> (Running<Store>, Store) {
        let uri = self.database.lock().await.uri(service);
        let mut running = launch("store", Connection { uri: uri.parse().unwrap() }).start();
        let store = running.ready().await.unwrap();
        (running, store)
    }

    /// Kills the instances, and stops the servers.
    pub(crate) async fn stop(self) {
        drop(self.instances);
        join_all(self.brokers.into_inner().into_iter().map(Broker::stop)).await;
        self.database.into_inner().stop().await;
    }
}
