//! A mongod of one's own.

use std::path::Path;

use devstack::{MongodAddress, Sources, Tool, find};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service::{Running, launch};
use tempfile::TempDir;

/// A mongod on a free port, for a test that kills it; others share one: [`Database`](crate::Database).
#[derive(Debug)]
pub struct Mongod {
    running: Running<MongodAddress>,
    address: MongodAddress,
    data: TempDir,
}

async fn run(data: &Path, port: u16) -> (Running<MongodAddress>, MongodAddress) {
    let tool = Tool::MONGOD;
    let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
    let mut running = launch("mongod", devstack::Mongod { binary, data: data.to_owned(), port }).start();
    let address = running.ready().await.unwrap();
    (running, address)
}

impl Mongod {
    /// Starts one.
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (running, address) = run(data.path(), 0).await;
        Self { running, address, data }
    }

    /// The URI of one of its databases.
    pub fn uri(&self, database: &str) -> String {
        self.address.uri.replace("/?", &format!("/{database}?"))
    }

    /// `kill -9`, and nothing in its place.
    pub async fn kill(&mut self) {
        kill(Pid::from_raw(self.address.pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
        self.running.ended().await.result.unwrap_err();
    }

    /// On the same port, with the same data.
    pub async fn restart(&mut self) {
        let port = self.address.uri.split([':', '/']).nth(4).unwrap().parse().unwrap();
        (self.running, self.address) = run(self.data.path(), port).await;
    }

    /// Stops it in order.
    pub async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }
}
