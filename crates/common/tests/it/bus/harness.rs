//! What the tests of the bus stand on: a broker, clients, and listeners that tell what they got.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::bus::{Bus, Connection, Consumer, Delivery, Membership, Name, Source, Start, Subscription, Verdict};
use common::events::Subject;
use devstack::{NatsServer, NatsServerAddress, Sources, Tool, find};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use service::{Running, Stopping, launch};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Five times what anything here should take.
pub(crate) const LIMIT: Duration = Duration::from_secs(25);

pub(crate) struct Broker {
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
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (running, address) = run(data.path(), 0).await;
        Self { running, address, data }
    }

    pub(crate) fn url(&self) -> &str {
        &self.address.url
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.address.pid.try_into().unwrap()), signal).unwrap();
    }

    /// `kill -9`, and nothing in its place.
    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.running.ended().await.result.unwrap_err();
    }

    /// On the same port, with the same data.
    pub(crate) async fn restart(&mut self) {
        let port = self.url().rsplit_once(':').unwrap().1.parse().unwrap();
        (self.running, self.address) = run(self.data.path(), port).await;
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub(crate) fn wake(&self) {
        self.signal(Signal::SIGCONT);
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    pub(crate) fn connection(&self, client_id: &str) -> Connection {
        Connection { url: self.url().parse().unwrap(), cluster_id: name("ticketing"), client_id: name(client_id) }
    }

    pub(crate) async fn connect(&self, client_id: &str) -> Client {
        let mut running = launch("connection", self.connection(client_id)).start();
        let bus = running.ready().await.unwrap();
        Client { running, bus }
    }

    /// A client of the library we build on, to look and meddle from outside.
    pub(crate) async fn outsider(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }
}

pub(crate) struct Client {
    pub(crate) running: Running<Bus>,
    pub(crate) bus: Bus,
}

impl Client {
    pub(crate) async fn publish(&self, payload: impl Into<String>) -> u64 {
        let published = self.bus.publish(Subject::TicketCreated, payload.into().into()).await.unwrap();
        published.sequence
    }

    pub(crate) async fn listen(&self, consumer: Consumer, verdict: fn(&Delivery) -> Verdict) -> Listener {
        listen(&self.bus, consumer, Duration::ZERO, verdict).await
    }

    pub(crate) async fn close(self) {
        drop(self.bus);
        self.running.stop().await.result.unwrap();
    }
}

pub(crate) struct Listener {
    pub(crate) running: Running<()>,
    received: mpsc::UnboundedReceiver<Arc<Delivery>>,
}

/// Starts a listener that takes `pace` for each message and tells of each when it begins.
pub(crate) async fn listen(
    bus: &Bus,
    consumer: Consumer,
    pace: Duration,
    verdict: fn(&Delivery) -> Verdict,
) -> Listener {
    let (tell, received) = mpsc::unbounded_channel();
    let handler = move |delivery: Arc<Delivery>, _: Stopping| {
        tell.send(Arc::clone(&delivery)).ok();
        async move {
            tokio::time::sleep(pace).await;
            verdict(&delivery)
        }
    };
    let mut running = launch("listener", Subscription { bus: bus.clone(), consumer, handler }).start();
    running.ready().await.unwrap();
    Listener { running, received }
}

impl Listener {
    pub(crate) async fn next(&mut self) -> Arc<Delivery> {
        timeout(LIMIT, self.received.recv()).await.expect("no message came in time").unwrap()
    }

    pub(crate) async fn sequences(&mut self, count: usize) -> Vec<u64> {
        let mut sequences = Vec::new();
        while sequences.len() < count {
            sequences.push(self.next().await.sequence);
        }
        sequences
    }

    /// What came meanwhile and was not asked for.
    pub(crate) fn so_far(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.received.try_recv().ok()).map(|delivery| delivery.sequence).collect()
    }

    pub(crate) async fn close(self) {
        self.running.stop().await.result.unwrap();
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Everything from the first message on, for one listener of its own.
pub(crate) fn all_of_it() -> Consumer {
    Consumer {
        source: Source::Events(Subject::TicketCreated),
        membership: Membership::Alone,
        start: Start::All,
        ack_wait: Duration::from_secs(30),
        max_in_flight: 1000,
        batch: 10,
        concurrency: 1,
    }
}

/// As the services listen.
pub(crate) fn durable_group(group: &str) -> Consumer {
    Consumer { membership: Membership::DurableGroup { group: name(group), durable: name(group) }, ..all_of_it() }
}

/// Asks until the answer is yes.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut question: impl FnMut() -> F) {
    let ask = async {
        while !question().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, ask).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// How many deliveries of a consumer wait for an answer.
pub(crate) async fn unanswered(api: &async_nats::jetstream::Context, consumer: &str) -> usize {
    let found: async_nats::jetstream::consumer::PullConsumer =
        api.get_consumer_from_stream(consumer, "ticketing").await.unwrap();
    found.cached_info().num_ack_pending
}
