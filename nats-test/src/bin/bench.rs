//! What our layer costs compared with the plain client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream::Stream};
use bus::{Bus, Connection, Consumer, Delivery, EVENT_ID, Membership, Name, Source, Start, Subscription, Verdict};
use clap::Parser;
use devstack::{NatsServer, Sources, Tool, find};
use events::{AggregateRef, Direct, Event, Subject, TicketCreated};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, TryStreamExt, stream};
use nats_test::{client, console};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use service::{Error, Exit, Scope, Service, Stopping};
use tokio::sync::Notify;
use tokio::time::sleep;

/// How many events may wait for the broker's ack, or acks for its confirmation.
const WINDOW: usize = 1000;

/// Publish and consume with our layer and with async-nats called directly, in turns, and print the ratios.
///
/// Both sides send the same headers and payloads, request the same batches, and have each ack confirmed. The bench runs a
/// nats-server of its own. Build it with `--release`.
#[derive(Clone, Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Bench {
    /// How many turns each side has
    #[arg(long, value_name = "NUMBER", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many events in each turn
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    messages: u32,
    /// How many events to request at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// The sizes of the payloads, in bytes
    #[arg(long, value_name = "BYTES", value_delimiter = ',', default_values_t = [128, 1024], value_parser = clap::value_parser!(u32).range(128..=500_000))]
    size: Vec<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The application's event, published directly instead of through an outbox.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Sale(TicketCreated);

impl Event for Sale {
    const SUBJECT: Subject = TicketCreated::SUBJECT;

    fn aggregate(&self) -> AggregateRef {
        self.0.aggregate()
    }
}

impl Direct for Sale {}

/// One row of the result.
#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    payload_bytes: u32,
    rounds: u32,
    /// Median of the rounds' ratios: our throughput through the direct one.
    ratio: f64,
    /// Median events per second.
    ours_per_second: f64,
    direct_per_second: f64,
    /// Median CPU time of this process for each event, in microseconds.
    ours_cpu_us: f64,
    direct_cpu_us: f64,
}

/// One turn: how long it took, and how much CPU time.
#[derive(Clone, Copy)]
struct Turn {
    took: Duration,
    cpu: Duration,
}

impl Service for Bench {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        if cfg!(debug_assertions) {
            console::remark("this is a debug build: the numbers say little; use cargo run --release");
        }
        let tool = Tool::NATS_SERVER;
        let binary = find(&tool, &Sources::from_env(&tool)?).await?;
        let folder = tempfile::tempdir()?;
        let server = NatsServer::on_free_ports(binary, folder.path().to_owned());
        let url = scope.start("nats-server", server).await?.url.parse()?;
        let (cluster_id, client_id) = ("bench".parse()?, client::random_id());
        let bus = scope.start("nats", Connection::new(url, cluster_id, client_id)).await?;
        scope.ready(());
        let rows = scope.stopping().or_stop(self.measure(&bus)).await??;
        self.print(&rows).or_else(|error| console::ended(error.into()))
    }
}

impl Bench {
    async fn measure(&self, bus: &Bus) -> Result<Vec<Row>, Error> {
        let stream = bus.jetstream().get_stream("bench").await?;
        let mut rows = Vec::new();
        for size in &self.size {
            let event = event_of(*size)?;
            let mut publishing = (Vec::new(), Vec::new());
            let mut consuming = (Vec::new(), Vec::new());
            for round in 0..self.rounds {
                console::remark(format_args!("{size} bytes, round {} of {}", round + 1, self.rounds));
                for ours in if round % 2 == 0 { [true, false] } else { [false, true] } {
                    stream.purge().await?;
                    let published = if ours {
                        self.publish(bus, &event).await?
                    } else {
                        self.publish_directly(bus, &event).await?
                    };
                    let stored = stream.get_info().await?.state.messages;
                    ensure!(
                        stored == u64::from(self.messages),
                        "the stream holds {stored} of {} events",
                        self.messages
                    );
                    let consumed = if ours {
                        self.consume(bus, &stream).await?
                    } else {
                        self.consume_directly(bus, &stream).await?
                    };
                    let (publishing, consuming) = if ours {
                        (&mut publishing.0, &mut consuming.0)
                    } else {
                        (&mut publishing.1, &mut consuming.1)
                    };
                    publishing.push(published);
                    consuming.push(consumed);
                }
            }
            rows.push(self.row("publish", *size, &publishing));
            rows.push(self.row("consume", *size, &consuming));
        }
        Ok(rows)
    }

    async fn publish(&self, bus: &Bus, event: &Sale) -> Result<Turn, Error> {
        let publisher = bus.publisher::<Sale>();
        let watch = Watch::start()?;
        let published = stream::iter(0..self.messages).map(|_| publisher.publish(event));
        published.buffered(WINDOW).try_for_each(async |_| Ok(())).await?;
        watch.stop()
    }

    async fn publish_directly(&self, bus: &Bus, event: &Sale) -> Result<Turn, Error> {
        let context: &jetstream::Context = bus.jetstream();
        let watch = Watch::start()?;
        let published = stream::iter(0..self.messages).map(async |_| {
            let id = nuid::next();
            let message = PublishMessage::build().payload(serde_json::to_vec(event)?.into());
            let message = message.header(EVENT_ID, id.as_str()).message_id(id.as_str());
            context.send_publish(Subject::TicketCreated.as_str(), message).await?.await?;
            Ok::<_, Error>(())
        });
        published.buffered(WINDOW).try_for_each(async |()| Ok(())).await?;
        watch.stop()
    }

    async fn consume(&self, bus: &Bus, stream: &Stream) -> Result<Turn, Error> {
        let group: Name = nuid::next().as_str().parse()?;
        let consumer = Consumer {
            source: Source::Events(Subject::TicketCreated),
            membership: Membership::DurableGroup { group: group.clone(), durable: group.clone() },
            start: Start::All,
            ack_wait: Duration::from_secs(30),
            max_in_flight: self.messages,
            batch: self.batch.try_into()?,
            concurrency: 1,
        };
        let (count, all) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let (expected, done) = (u64::from(self.messages), Arc::clone(&all));
        let handler = move |delivery: Arc<Delivery>, _: Stopping| {
            let decoded: Result<Sale, _> = serde_json::from_slice(&delivery.payload);
            if count.fetch_add(1, Ordering::Relaxed) + 1 == expected {
                done.notify_one();
            }
            std::future::ready(decoded.map_or_else(|error| Verdict::dead_letter(error.to_string()), |_| Verdict::Ack))
        };
        let watch = Watch::start()?;
        let mut listener = service::launch("listener", Subscription::new(bus.clone(), consumer, handler)).start();
        listener.ready().await?;
        all.notified().await;
        let name = format!("{group}:ticket-created");
        until_all_is_acked(stream, &name).await?;
        let turn = watch.stop();
        listener.stop().await.result?;
        stream.delete_consumer(&name).await?;
        turn
    }

    async fn consume_directly(&self, bus: &Bus, stream: &Stream) -> Result<Turn, Error> {
        let config = pull::Config {
            name: Some(nuid::next().to_string()),
            filter_subject: Subject::TicketCreated.to_string(),
            ack_policy: AckPolicy::Explicit,
            max_ack_pending: self.messages.into(),
            ..pull::Config::default()
        };
        let client = bus.jetstream().client();
        let watch = Watch::start()?;
        let consumer: PullConsumer = stream.create_consumer(config).await?;
        let messages =
            consumer.stream().max_messages_per_batch(self.batch.try_into()?).heartbeat(Duration::from_secs(2));
        let mut messages = messages.expires(Duration::from_secs(30)).messages().await?;
        let mut acks = FuturesUnordered::new();
        let (mut count, mut confirmed) = (0, 0);
        while confirmed < self.messages {
            tokio::select! {
                message = messages.next(), if count < self.messages && acks.len() < WINDOW => {
                    let Some(message) = message.transpose()? else { continue };
                    let _decoded: TicketCreated = serde_json::from_slice(&message.payload)?;
                    count += 1;
                    let reply = message.message.reply.clone().unwrap_or_else(|| "".into());
                    acks.push(client.request(reply, "+ACK".into()));
                }
                Some(ack) = acks.next() => {
                    ack?;
                    confirmed += 1;
                }
            }
        }
        let name = &consumer.cached_info().name;
        until_all_is_acked(stream, name).await?;
        let turn = watch.stop();
        drop(messages);
        stream.delete_consumer(name).await?;
        turn
    }

    fn row(&self, what: &'static str, payload_bytes: u32, (ours, direct): &(Vec<Turn>, Vec<Turn>)) -> Row {
        let rate = |turn: &Turn| f64::from(self.messages) / turn.took.as_secs_f64();
        let cpu = |turn: &Turn| turn.cpu.as_secs_f64() * 1e6 / f64::from(self.messages);
        Row {
            what,
            payload_bytes,
            rounds: self.rounds,
            ratio: median(ours.iter().zip(direct).map(|(ours, direct)| rate(ours) / rate(direct))),
            ours_per_second: median(ours.iter().map(rate)),
            direct_per_second: median(direct.iter().map(rate)),
            ours_cpu_us: median(ours.iter().map(cpu)),
            direct_cpu_us: median(direct.iter().map(cpu)),
        }
    }

    fn print(&self, rows: &[Row]) -> std::io::Result<()> {
        if self.json {
            return console::say(serde_json::to_string_pretty(rows).unwrap_or_default());
        }
        console::say(format_args!(
            "medians of {} rounds of {} events, batch {}",
            self.rounds, self.messages, self.batch
        ))?;
        console::say("what     bytes  ratio  ours/s  direct/s  ours CPU us  direct CPU us")?;
        for row in rows {
            let Row {
                what, payload_bytes, ratio, ours_per_second, direct_per_second, ours_cpu_us, direct_cpu_us, ..
            } = row;
            console::say(format_args!(
                "{what:8} {payload_bytes:5}  {ratio:5.2}  {ours_per_second:6.0}  {direct_per_second:8.0}  \
                 {ours_cpu_us:11.1}  {direct_cpu_us:13.1}"
            ))?;
        }
        Ok(())
    }
}

async fn until_all_is_acked(stream: &Stream, consumer: &str) -> Result<(), Error> {
    loop {
        let consumer: PullConsumer = stream.get_consumer(consumer).await.map_err(Error::from_boxed)?;
        let info = consumer.cached_info();
        if info.num_pending == 0 && info.num_ack_pending == 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// An event whose JSON has this size.
fn event_of(size: u32) -> Result<Sale, Error> {
    let json =
        r#"{"id":"507f1f77bcf86cd799439011","version":0,"title":"","price":20,"userId":"507f1f77bcf86cd799439012"}"#;
    let mut event: TicketCreated = serde_json::from_str(json)?;
    event.title = "x".repeat(usize::try_from(size)?.saturating_sub(json.len()));
    Ok(Sale(event))
}

/// Measures one turn.
struct Watch {
    began: Instant,
    cpu: Duration,
}

impl Watch {
    fn start() -> Result<Self, Error> {
        Ok(Self { cpu: cpu_time()?, began: Instant::now() })
    }

    fn stop(self) -> Result<Turn, Error> {
        Ok(Turn { took: self.began.elapsed(), cpu: cpu_time()?.saturating_sub(self.cpu) })
    }
}

/// The CPU time of this process so far; the broker's is not in it.
fn cpu_time() -> Result<Duration, Error> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let time = usage.user_time() + usage.system_time();
    let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
    Ok(Duration::from_micros(micros.try_into()?))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Exit {
    console::main::<Bench>("bench")
}
