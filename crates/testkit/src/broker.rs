//! A broker of one's own.

use std::path::Path;

use common::bus::{Bus, Connection, IfAbsent, Name};
use common::events::Subject;
use devstack::{NatsServer, NatsServerAddress, Sources, Tool, find};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service::{Running, launch};
use tempfile::TempDir;

/// A nats-server on a free port.
#[derive(Debug)]
pub struct Broker {
    running: Running<NatsServerAddress>,
    address: NatsServerAddress,
    data: TempDir,
}

async fn run(data: &Path, port: u16) -> (Running<NatsServerAddress>, NatsServerAddress) {
    let tool = Tool::NATS_SERVER;
    let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
    let server = NatsServer { binary, data: data.to_owned(), port, monitoring_port: 0 };
    let mut running = launch("nats-server", server).start();
    let address = running.ready().await.unwrap();
    (running, address)
}

impl Broker {
    /// Starts one.
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (running, address) = run(data.path(), 0).await;
        Self { running, address, data }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.address.url
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.address.pid.try_into().unwrap()), signal).unwrap();
    }

    /// `kill -9`, and nothing in its place.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.running.ended().await.result.unwrap_err();
    }

    /// On the same port, with the same data.
    pub async fn restart(&mut self) {
        let port = self.url().rsplit_once(':').unwrap().1.parse().unwrap();
        (self.running, self.address) = run(self.data.path(), port).await;
    }

    /// It neither answers nor goes away.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// It goes on where it was.
    pub fn wake(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Stops it in order.
    pub async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    /// How one of our clients connects to it.
    pub fn connection(&self, client_id: &str) -> Connection {
        Connection {
            url: self.url().parse().unwrap(),
            cluster_id: name("ticketing"),
            client_id: name(client_id),
            if_absent: IfAbsent::Fail,
        }
    }

    /// Connects one of our clients.
    pub async fn connect(&self, client_id: &str) -> Client {
        let mut running = launch("connection", self.connection(client_id)).start();
        let bus = running.ready().await.unwrap();
        Client { running, bus }
    }

    /// A client of the library we build on, to look and meddle from outside.
    pub async fn outsider(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }
}

/// A client of a [`Broker`].
#[derive(Debug)]
pub struct Client {
    /// Its connection.
    pub running: Running<Bus>,
    /// What the connection hands out.
    pub bus: Bus,
}

impl Client {
    /// Publishes these bytes as a `ticket:created`; tells their place in the stream.
    pub async fn publish(&self, payload: impl Into<String>) -> u64 {
        self.publish_to(Subject::TicketCreated, payload).await
    }

    /// Publishes these bytes.
    pub async fn publish_to(&self, subject: Subject, payload: impl Into<String>) -> u64 {
        self.bus.publish(subject, payload.into().into()).await.unwrap().sequence
    }

    /// Says goodbye.
    pub async fn close(self) {
        drop(self.bus);
        self.running.stop().await.result.unwrap();
    }
}

/// A text as a [`Name`].
pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}
