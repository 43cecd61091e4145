//! `ls`: the streams, those who read them, and who is there.

use anyhow::bail;
use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream;
use bus::{self, CLIENT_ID, Client, QUEUE_GROUP, READER, clients, dead_letter_stream};
use clap::Args;
use events::timestamp;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use service::{Error, Scope, Service};
use time::OffsetDateTime;

use crate::broker::Broker;
use crate::console::say;
use crate::console::table;
use crate::topology::Wiring;

/// What stands for nothing in a table.
const NONE: &str = "-";

#[derive(Args, Clone, Debug)]
pub(crate) struct Ls {
    #[command(flatten)]
    broker: Broker,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[arg(skip)]
    services: Vec<Wiring>,
}

impl Ls {
    pub(crate) fn of(self, services: Vec<Wiring>) -> Self {
        Self { services, ..self }
    }
}

/// What is, at one moment.
struct Snapshot {
    streams: Vec<stream::Info>,
    consumers: Vec<Info>,
    /// Those that should be there, if every service has run: group and subject.
    missing: Vec<(&'static str, &'static str)>,
    clients: Vec<Client>,
}

impl Service for Ls {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = self.broker.connect(&scope).await?;
        scope.ready(());
        let Some(snapshot) = scope.stopping().or(Snapshot::take(&bus, self.services)).await else {
            bail!("stopped: nothing was read")
        };
        let snapshot = snapshot?;
        if self.json {
            return say(format_args!("{:#}", snapshot.json()));
        }
        say(snapshot.streams())?;
        say(format_args!("\n{}", snapshot.consumers()))?;
        say(format_args!("\n{}", snapshot.clients()))
    }
}

impl Snapshot {
    async fn take(bus: &bus::Bus, services: Vec<Wiring>) -> Result<Self, Error> {
        let (mut streams, mut consumers) = (Vec::new(), Vec::new());
        for name in [bus.cluster_id().to_string(), dead_letter_stream(bus.cluster_id())] {
            let stream = bus.jetstream().get_stream(name).await?;
            streams.push(stream.cached_info().clone());
            let there: Vec<Info> = stream.consumers().try_collect().await?;
            consumers.extend(there.into_iter().filter(|info| !info.name.starts_with(READER)));
        }
        consumers.sort_by_cached_key(|info| (info.stream_name.clone(), subject(info), group(info)));
        let all = services.into_iter().flat_map(|service| service.listens);
        let all = all.map(|ear| (ear.queue_group, ear.subject.as_str()));
        let is_there = |(group_of, of): &(&str, &str)| {
            consumers.iter().any(|info| group(info) == *group_of && subject(info) == *of)
        };
        let missing = all.filter(|ear| !is_there(ear)).collect();
        Ok(Self { streams, consumers, missing, clients: clients(bus).await? })
    }

    fn streams(&self) -> String {
        let rows = self.streams.iter().map(|info| {
            let state = &info.state;
            [
                info.config.name.clone(),
                state.messages.to_string(),
                state.bytes.to_string(),
                state.first_sequence.to_string(),
                time(state, state.first_timestamp).unwrap_or_else(|| NONE.to_owned()),
                state.last_sequence.to_string(),
                time(state, state.last_timestamp).unwrap_or_else(|| NONE.to_owned()),
                info.config.num_replicas.to_string(),
                leader(info).unwrap_or(NONE).to_owned(),
            ]
        });
        let head = ["STREAM", "MESSAGES", "BYTES", "FIRST", "STORED", "LAST", "STORED", "REPLICAS", "LEADER"];
        table(head, rows.collect())
    }

    fn consumers(&self) -> String {
        let rows = self.consumers.iter().map(|info| {
            [
                group(info),
                subject(info),
                info.num_pending.to_string(),
                info.num_ack_pending.to_string(),
                info.num_redelivered.to_string(),
                self.members(info).to_string(),
                info.num_waiting.to_string(),
            ]
        });
        let missing = self.missing.iter().map(|(group, subject)| {
            let [none, here] = [NONE, "not there"].map(str::to_owned);
            [(*group).to_owned(), (*subject).to_owned(), here, none.clone(), none.clone(), none.clone(), none]
        });
        let rows = rows.chain(missing);
        table(["GROUP", "SUBJECT", "LAG", "IN FLIGHT", "REDELIVERED", "MEMBERS", "WAITING"], rows.collect())
    }

    /// How many registered clients listen by this consumer.
    fn members(&self, info: &Info) -> usize {
        let listens = |client: &&Client| client.entry.listening.iter().any(|one| one.consumer == info.name);
        self.clients.iter().filter(listens).count()
    }

    fn clients(&self) -> String {
        let rows = self.clients.iter().map(|client| {
            let listening = client.entry.listening.iter();
            let subjects: Vec<_> = listening.map(|one| one.subject.as_deref().unwrap_or(&one.stream)).collect();
            [client.id.clone(), if subjects.is_empty() { "nothing".to_owned() } else { subjects.join(", ") }]
        });
        table(["CLIENT", "LISTENS TO"], rows.collect())
    }

    fn json(&self) -> Value {
        let streams = self.streams.iter().map(|info| {
            let state = &info.state;
            json!({
                "name": info.config.name,
                "messages": state.messages,
                "bytes": state.bytes,
                "firstSequence": state.first_sequence,
                "firstTime": time(state, state.first_timestamp),
                "lastSequence": state.last_sequence,
                "lastTime": time(state, state.last_timestamp),
                "replicas": info.config.num_replicas,
                "leader": leader(info),
            })
        });
        let consumers = self.consumers.iter().map(|info| {
            json!({
                "stream": info.stream_name,
                "name": info.name,
                "group": group(info),
                "subject": subject(info),
                "lag": info.num_pending,
                "inFlight": info.num_ack_pending,
                "redelivered": info.num_redelivered,
                "members": self.members(info),
                "waiting": info.num_waiting,
            })
        });
        let missing = self.missing.iter().map(|(group, subject)| json!({ "group": group, "subject": subject }));
        let clients = self.clients.iter().map(|client| {
            let listening = client.entry.listening.iter().map(|one| {
                json!({ "subject": one.subject, "stream": one.stream, "group": one.queue_group, "consumer": one.consumer })
            });
            json!({ "id": client.id, "listening": listening.collect::<Value>() })
        });
        json!({
            "streams": streams.collect::<Value>(),
            "consumers": consumers.collect::<Value>(),
            "missing": missing.collect::<Value>(),
            "clients": clients.collect::<Value>(),
        })
    }
}

/// The queue group, or who it is that listens alone.
fn group(info: &Info) -> String {
    let names = &info.config.metadata;
    names.get(QUEUE_GROUP).or(names.get(CLIENT_ID)).unwrap_or(&info.name).clone()
}

/// What a consumer reads: the stream, when it reads all of it.
fn subject(info: &Info) -> String {
    let config = &info.config;
    match (config.filter_subject.as_str(), config.filter_subjects.as_slice()) {
        ("", []) => info.stream_name.clone(),
        ("", several) => several.join(", "),
        (one, _) => one.to_owned(),
    }
}

/// When a stream's first or last message was stored, if there is any.
fn time(state: &stream::State, time: OffsetDateTime) -> Option<String> {
    (state.messages > 0).then(|| timestamp::text(&time))
}

/// The server that leads, in a cluster.
fn leader(info: &stream::Info) -> Option<&str> {
    let cluster = info.cluster.as_ref().filter(|cluster| cluster.name.is_some())?;
    cluster.leader.as_deref()
}
