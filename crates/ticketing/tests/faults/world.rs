//! Everything that runs in a run, and what the schedule does to it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use nix::sys::signal::Signal;
use service::{Running, launch};
use store::Store;
use tempfile::TempDir;
use testkit::{Api, Broker, Mongod, cluster};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::people::{Line, Town};
use crate::program::{Place, Program};
use crate::proxy::Network;
use crate::schedule::{Fault, INSTANCES, LENGTH, Schedule, Strike};

/// The brokers' settings in production.
const CLUSTER: &str = include_str!("../../../../infra/k8s-prod/nats.conf");

/// How long a program may take to serve.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// The real servers, and the real programs.
pub(crate) struct World {
    pub(crate) brokers: Mutex<Vec<Broker>>,
    pub(crate) database: Mutex<Mongod>,
    programs: Vec<Mutex<Program>>,
    _folder: TempDir,
}

/// A strike, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Struck {
    pub(crate) strike: Strike,
    pub(crate) from: OffsetDateTime,
    pub(crate) to: OffsetDateTime,
}

impl World {
    pub(crate) async fn start(schedule: &Schedule, binaries: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let brokers =
            async { if schedule.brokers == 3 { cluster(CLUSTER).await.into() } else { vec![Broker::start().await] } };
        let (brokers, database) = tokio::join!(brokers, Mongod::start());
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let nats: Vec<_> = brokers.iter().map(|broker| address(broker.url().trim_start_matches("nats://"))).collect();
        let uri = database.uri("any");
        let mongo = address(uri.trim_start_matches("mongodb://").split('/').next().unwrap());
        let place = Place { binaries, folder: folder.path(), nats: &nats, mongo };
        let programs = join_all(INSTANCES.map(|(service, number)| Program::start(&place, service, number))).await;
        join_all(programs.iter().filter(|program| !program.name.starts_with("expiration")).map(answers)).await;
        let programs = programs.into_iter().map(Mutex::new).collect();
        Self { brokers: Mutex::new(brokers), database: Mutex::new(database), programs, _folder: folder }
    }

    /// Lets people live while everything goes wrong; tells what they were told, and what went wrong.
    pub(crate) async fn live(&self, schedule: &Schedule) -> (Vec<Line>, Vec<Struck>) {
        let began = Instant::now();
        let broker = self.brokers.lock().await[0].outsider().await;
        let mut apis = [Vec::new(), Vec::new(), Vec::new()];
        for ((service, _), program) in INSTANCES.iter().zip(&self.programs) {
            let place = ["auth", "tickets", "orders"].iter().position(|name| name == service);
            if let Some(place) = place {
                apis[place].push(program.lock().await.address);
            }
        }
        let town = Town::new(apis, broker, began + LENGTH);
        let strikes = schedule.strikes.iter().map(|strike| async move {
            sleep_until(began + strike.at).await;
            self.strike(strike.clone()).await
        });
        let (diary, mut struck) = tokio::join!(town.live(schedule.seed), join_all(strikes));
        struck.sort_by_key(|struck| struck.from);
        (diary, struck)
    }

    /// Does it, and undoes it after its time.
    async fn strike(&self, strike: Strike) -> Struck {
        let lasts = strike.lasts;
        let from;
        match strike.fault {
            Fault::KillService(place) => {
                let mut program = self.programs[place].lock().await;
                from = OffsetDateTime::now_utc();
                program.kill();
                sleep(lasts).await;
                program.start_again();
            }
            Fault::PauseService(place) => {
                let program = self.programs[place].lock().await;
                from = OffsetDateTime::now_utc();
                program.signal(Signal::SIGSTOP);
                sleep(lasts).await;
                program.signal(Signal::SIGCONT);
            }
            Fault::RestartService(place) => {
                let mut program = self.programs[place].lock().await;
                from = OffsetDateTime::now_utc();
                program.stop().await;
                program.start_again();
            }
            // One at a time, so that a cluster always has its majority.
            Fault::KillBroker(number) => {
                let mut brokers = self.brokers.lock().await;
                from = OffsetDateTime::now_utc();
                brokers[number].kill().await;
                sleep(lasts).await;
                brokers[number].restart().await;
            }
            Fault::PauseBroker(number) => {
                let brokers = self.brokers.lock().await;
                from = OffsetDateTime::now_utc();
                brokers[number].freeze();
                sleep(lasts).await;
                brokers[number].wake();
            }
            Fault::KillDatabase => {
                let mut database = self.database.lock().await;
                from = OffsetDateTime::now_utc();
                database.kill().await;
                sleep(lasts).await;
                database.restart().await;
            }
            Fault::PauseDatabase => {
                let database = self.database.lock().await;
                from = OffsetDateTime::now_utc();
                database.freeze();
                sleep(lasts).await;
                database.wake();
            }
            Fault::ToBroker(place, network, breaks) => {
                let set = async |network| self.programs[place].lock().await.set_nats(network);
                from = disturb(set, network, lasts, breaks).await;
            }
            Fault::ToDatabase(place, network, breaks) => {
                let set = async |network| self.programs[place].lock().await.to_mongo.set(network);
                from = disturb(set, network, lasts, breaks).await;
            }
        }
        Struck { strike, from, to: OffsetDateTime::now_utc() }
    }

    /// The programs that have ended by themselves, which none may, and what they said last.
    pub(crate) async fn ended(&self) -> Vec<String> {
        let mut ended = Vec::new();
        for program in &self.programs {
            let mut program = program.lock().await;
            if program.has_ended() {
                ended.push(format!("{} has ended by itself: {}", program.name, program.last_words()));
            }
        }
        ended
    }

    /// The database of a service, by no proxy.
    pub(crate) async fn store(&self, service: &str) -> (Running<Store>, Store) {
        let uri = self.database.lock().await.uri(service);
        let mut running = launch("store", store::Connection { uri: uri.into() }).start();
        let store = running.ready().await.unwrap();
        (running, store)
    }

    pub(crate) async fn stop(self) {
        drop(self.programs);
        join_all(self.brokers.into_inner().into_iter().map(Broker::stop)).await;
        self.database.into_inner().stop().await;
    }
}

/// Waits until its API is there.
async fn answers(program: &Program) {
    let give_up = Instant::now() + STARTS_WITHIN;
    let api = Api { address: program.address };
    while api.try_raw(b"GET / HTTP/1.0\r\n\r\n").await.is_none() {
        assert!(Instant::now() < give_up, "{} does not answer: {}", program.name, program.last_words());
        sleep(Duration::from_millis(50)).await;
    }
}

/// Disturbs a way for a while; a way that breaks loses what is on it.
async fn disturb(set: impl AsyncFn(Network), network: Network, lasts: Duration, breaks: bool) -> OffsetDateTime {
    set(network).await;
    let from = OffsetDateTime::now_utc();
    sleep(lasts).await;
    if breaks {
        set(Network::Cut).await;
        sleep(Duration::from_millis(50)).await; // until every connection has seen it
    }
    set(Network::Fine).await;
    from
}
