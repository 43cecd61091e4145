//! A broker of one's own.

use std::path::{Path, PathBuf};

use bus::{Bus, Connection, Name};
use devstack::{NatsServer, NatsServerAddress, Sources, Tool, find};
use events::Subject;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service::{Running, launch};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{free_port, until};

/// A nats-server on a free port, alone or one of a [`cluster`].
#[derive(Debug)]
pub struct Broker {
    running: Running<NatsServerAddress>,
    address: NatsServerAddress,
    data: TempDir,
    config: Option<PathBuf>,
    replicas: u8,
}

async fn run(data: &Path, config: Option<PathBuf>, port: u16) -> (Running<NatsServerAddress>, NatsServerAddress) {
    let tool = Tool::NATS_SERVER;
    let binary = find(&tool, &Sources::from_env(&tool).unwrap()).await.unwrap();
    let server = NatsServer { port, config, ..NatsServer::on_free_ports(binary, data.join("store")) };
    let mut running = launch("nats-server", server).start();
    let address = running.ready().await.unwrap();
    (running, address)
}

impl Broker {
    /// Starts one.
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (running, address) = run(data.path(), None, 0).await;
        Self { running, address, data, config: None, replicas: 1 }
    }

    /// Starts one with this configuration, in which `store_dir: /data` is a folder of its own. The client of
    /// [`Broker::connect`] has no login.
    pub async fn with(config: &str) -> Self {
        Self::replicated(config, 1).await
    }

    async fn replicated(config: &str, replicas: u8) -> Self {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("nats.conf");
        let store = data.path().join("store");
        std::fs::write(&file, config.replace("store_dir: /data", &format!("store_dir: {}", store.display()))).unwrap();
        let (running, address) = run(data.path(), Some(file.clone()), 0).await;
        Self { running, address, data, config: Some(file), replicas }
    }

    /// The URL of the broker.
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
        (self.running, self.address) = run(self.data.path(), self.config.clone(), self.address.port).await;
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
        let connection = Connection::new(self.url().parse().unwrap(), name("ticketing"), name(client_id));
        Connection { replicas: self.replicas, ..connection }
    }

    /// Connects one of our clients.
    pub async fn connect(&self, client_id: &str) -> Client {
        Client::connect(self.connection(client_id)).await
    }

    /// Publishes with these bytes as headers, which no client library writes, and waits until the broker has them.
    pub async fn publish_raw(&self, subject: &str, headers: &[u8], payload: &[u8]) {
        let mut stream = TcpStream::connect(self.url().strip_prefix("nats://").unwrap()).await.unwrap();
        let (head, all) = (headers.len(), headers.len() + payload.len());
        let begin = format!("CONNECT {{\"headers\":true,\"verbose\":false}}\r\nHPUB {subject} {head} {all}\r\n");
        stream.write_all(&[begin.as_bytes(), headers, payload, b"\r\nPING\r\n"].concat()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.windows(4).any(|bytes| bytes == b"PONG") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{}", answer.escape_ascii());
        }
    }

    /// A client of the library we build on, to look and meddle from outside.
    pub async fn outsider(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }
}

/// Three brokers in a cluster, with the configuration that they have in production, but for the addresses.
pub async fn cluster(config: &str) -> [Broker; 3] {
    let ports = [(); 3].map(|()| free_port());
    let routes: Vec<_> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    let of = |number: usize| {
        let config = config.replace("$POD_NAME", &format!("nats-depl-{number}"));
        let config = config.replace("port: 6222", &format!("listen: 127.0.0.1:{}", ports[number]));
        let is_route = |line: &&str| line.trim_start().starts_with("nats://");
        let mut lines: Vec<_> = config.lines().filter(|line| !is_route(line)).map(str::to_owned).collect();
        let start = lines.iter().position(|line| line.contains("routes")).expect("the routes of a cluster");
        lines.insert(start + 1, routes.join("\n"));
        lines.join("\n")
    };
    let configs = [of(0), of(1), of(2)];
    let [first, second, third] = &configs;
    let start = |config| Broker::replicated(config, 3);
    let (first, second, third) = tokio::join!(start(first), start(second), start(third));
    let brokers = [first, second, third];
    // Each is ready when it listens; JetStream is when they have found each other, and one of them leads.
    for broker in &brokers {
        let outsider = broker.outsider().await;
        until("JetStream", || async { outsider.query_account().await.is_ok() }).await;
    }
    brokers
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
    /// Connects a client.
    pub async fn connect(connection: Connection) -> Self {
        let mut running = launch("connection", connection).start();
        let bus = running.ready().await.unwrap();
        Self { running, bus }
    }

    /// Publishes these bytes as a `ticket:created`; tells their place in the stream.
    pub async fn publish(&self, payload: impl Into<String>) -> u64 {
        self.publish_to(Subject::TicketCreated, payload).await
    }

    /// Publishes these bytes on a subject; returns the sequence of the message.
    pub async fn publish_to(&self, subject: Subject, payload: impl Into<String>) -> u64 {
        self.bus.publish(subject, payload.into().into()).await.unwrap().sequence
    }

    /// Closes the connection.
    pub async fn close(self) {
        drop(self.bus);
        self.running.stop().await.result.unwrap();
    }
}

/// A text as a [`Name`].
pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}
