//! One instance of a service, as a process of its own, with a network of its own.

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::free_port;

use crate::proxy::{Network, Proxy};

/// A service's program. It keeps its port when it is started again.
#[derive(Debug)]
pub(crate) struct Program {
    /// `tickets-2`
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) to_nats: Vec<Proxy>,
    pub(crate) to_mongo: Proxy,
    binary: PathBuf,
    environment: Vec<(String, String)>,
    folder: PathBuf,
    child: Child,
    /// It was found dead when it was to be killed or stopped.
    had_ended: bool,
}

/// What all programs have in common.
pub(crate) struct Place<'a> {
    pub(crate) binaries: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) nats: &'a [SocketAddr],
    pub(crate) mongo: SocketAddr,
}

impl Program {
    pub(crate) async fn start(place: &Place<'_>, service: &str, number: usize) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut to_nats = Vec::new();
        for server in place.nats {
            to_nats.push(Proxy::start(*server).await);
        }
        let to_mongo = Proxy::start(place.mongo).await;
        let name = format!("{service}-{number}");
        let urls: Vec<_> = to_nats.iter().map(|proxy| format!("nats://{}", proxy.address)).collect();
        // Direct, since a replica set names its members by addresses that pass by the proxy.
        let uri = format!("mongodb://{}/{service}?directConnection=true", to_mongo.address);
        let replicas = if place.nats.len() == 1 { "1" } else { "3" };
        let (bind, window) = ("HTTP__BIND".to_owned(), crate::people::WINDOW.as_secs().to_string());
        let all = [
            ("JWT_KEY", testkit::KEY),
            ("MONGO_URI", &uri),
            ("NATS_URL", &urls.join(",")),
            ("NATS_CLUSTER_ID", "ticketing"),
            ("NATS_CLIENT_ID", &name),
            ("NATS_REPLICAS", replicas),
            ("ORDER_WINDOW_SECONDS", &window),
            (&bind, &address.to_string()),
        ];
        let environment = all.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let (binary, folder) = (place.binaries.join(service), place.folder.join(&name));
        std::fs::create_dir_all(&folder).unwrap();
        let child = spawn(&binary, &environment, &folder);
        Self { name, address, to_nats, to_mongo, binary, environment, folder, child, had_ended: false }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// `kill -9`, and nothing in its place.
    pub(crate) fn kill(&mut self) {
        self.had_ended = self.has_ended();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits for that.
    pub(crate) async fn stop(&mut self) {
        self.had_ended = self.has_ended();
        if self.had_ended {
            return;
        }
        self.signal(Signal::SIGTERM);
        while self.child.try_wait().unwrap().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.binary, &self.environment, &self.folder);
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.had_ended || self.child.try_wait().unwrap().is_some()
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    pub(crate) fn set_nats(&self, network: Network) {
        self.to_nats.iter().for_each(|proxy| proxy.set(network));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(binary: &Path, environment: &[(String, String)], folder: &Path) -> Child {
    let log: File = OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = Command::new(binary);
    command.args(["run", "--rundir"]).arg(folder).envs(environment.iter().cloned()).stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", binary.display()))
}
