//! A mongod of one's own.

use std::path::Path;

use devstack::{MongodAddress, Sources, Tool, find};
use mongodb::bson::doc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service::{Running, launch};
use tempfile::TempDir;

use crate::free_port;

/// A mongod on a free port, for a test that kills it; others share one: [`Database`](crate::Database).
#[derive(Debug)]
pub struct Mongod {
    running: Running<MongodAddress>,
    address: MongodAddress,
    data: TempDir,
    members: Vec<u16>,
    port: u16,
}

async fn run(data: &Path, port: u16, members: &[u16]) -> (Running<MongodAddress>, MongodAddress) {
    let tool = Tool::MONGOD;
    let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
    let server = devstack::Mongod { binary, data: data.to_owned(), port, members: members.to_owned() };
    let mut running = launch("mongod", server).start();
    let address = running.ready().await.unwrap();
    (running, address)
}

impl Mongod {
    /// Starts one.
    pub async fn start() -> Self {
        Self::one_of(0, &[]).await
    }

    /// Starts three that replicate.
    pub async fn replica_set() -> [Self; 3] {
        let ports = [(); 3].map(|()| free_port());
        let [first, second, third] = ports.map(|port| Self::one_of(port, &ports));
        let (first, second, third) = tokio::join!(first, second, third);
        [first, second, third]
    }

    async fn one_of(port: u16, members: &[u16]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (running, address) = run(data.path(), port, members).await;
        let port = address.port;
        Self { running, address, data, members: members.to_owned(), port }
    }

    /// Whether it is the one that takes writes.
    pub async fn is_primary(&self) -> bool {
        self.says_it_is("isWritablePrimary").await
    }

    /// Whether it is one that has what the primary has.
    pub async fn is_secondary(&self) -> bool {
        self.says_it_is("secondary").await
    }

    async fn says_it_is(&self, what: &str) -> bool {
        let uri = format!("mongodb://127.0.0.1:{}/?directConnection=true&serverSelectionTimeoutMS=1000", self.port);
        let admin = mongodb::Client::with_uri_str(uri).await.unwrap().database("admin");
        let hello = admin.run_command(doc! { "hello": 1 }).await;
        hello.is_ok_and(|hello| hello.get_bool(what).unwrap_or(false))
    }

    /// The URI of one of its databases.
    pub fn uri(&self, database: &str) -> String {
        self.address.uri.replace("/?", &format!("/{database}?"))
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.address.pid
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.address.pid.try_into().unwrap()), signal).unwrap();
    }

    /// It neither answers nor goes away.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// It goes on where it was.
    pub fn wake(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// `kill -9`, and nothing in its place.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.running.ended().await.result.unwrap_err();
    }

    /// On the same port, with the same data.
    pub async fn restart(&mut self) {
        (self.running, self.address) = run(self.data.path(), self.port, &self.members).await;
    }

    /// Stops it in order.
    pub async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }
}
