//! `ls`: the streams, their consumers, and the registered clients.

use anyhow::Context;
use bus::Bus;
use bus::inspect::{ConsumerRow, Snapshot, StreamRow};
use clap::Args;
use common::Declaration;
use events::timestamp;
use serde_json::{Value, json};
use service::{Error, Exit, Scope};
use time::OffsetDateTime;

use crate::broker::Broker;
use crate::console::{say, say_json, table};
use crate::services::{Listening, subscriptions};
use crate::times::age;

/// Stands for a value that is absent.
const NONE: &str = "-";

/// How the state of the bus is printed.
#[derive(Args, Clone, Debug)]
pub(crate) struct Ls {
    #[command(flatten)]
    broker: Broker,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `ls` shows.
struct View {
    snapshot: Snapshot,
    /// The subscriptions of the application's services that have no consumer: their services never ran here.
    missing: Vec<Listening>,
}

impl Ls {
    pub(crate) fn run(self, services: &[Declaration]) -> Exit {
        let expected: Vec<_> = subscriptions(services).collect();
        let Self { broker, json } = self;
        broker.run("ls", async move |bus, scope| show(&bus, expected, json, &scope).await)
    }
}

async fn show(bus: &Bus, expected: Vec<Listening>, as_json: bool, scope: &Scope<()>) -> Result<(), Error> {
    let snapshot = scope.stopping().or(Snapshot::take(bus)).await.context("stopped before anything was read")??;
    let view = View::new(snapshot, expected);
    if as_json {
        return say_json(&view.json());
    }
    let notes: String = view.snapshot.notes.iter().map(|note| format!("\n\nNote: {note}")).collect();
    say(format_args!("{}\n\n{}\n\n{}{notes}", view.streams(), view.consumers(), view.clients()))
}

impl View {
    fn new(snapshot: Snapshot, mut expected: Vec<Listening>) -> Self {
        let is_there = |one: &Listening| {
            let consumers = &mut snapshot.consumers.iter();
            consumers.any(|row| row.owner() == one.queue_group && row.reads_only(one.subject.as_str()))
        };
        expected.retain(|one| !is_there(one));
        Self { snapshot, missing: expected }
    }

    fn all_streams(&self) -> [&StreamRow; 2] {
        [&self.snapshot.events, &self.snapshot.dead_letters]
    }

    fn streams(&self) -> String {
        let age = |at: Option<OffsetDateTime>| at.map_or_else(|| NONE.to_owned(), age);
        let all = self.all_streams();
        let rows = all.map(|row| {
            [
                row.name.clone(),
                row.messages.to_string(),
                size(row.bytes),
                row.first_sequence.to_string(),
                row.last_sequence.to_string(),
                age(row.first_stored),
                age(row.last_stored),
            ]
        });
        let streams = table(["STREAM", "MESSAGES", "SIZE", "FIRST", "LAST", "OLDEST", "NEWEST"], &rows);
        if all.iter().all(|row| row.leader.is_none()) {
            return streams;
        }
        let leader = |row: &StreamRow| row.leader.clone().unwrap_or_else(|| NONE.to_owned());
        let rows = all.map(|row| [row.name.clone(), row.replicas.to_string(), leader(row)]);
        format!("{streams}\n\n{}", table(["STREAM", "REPLICAS", "LEADER"], &rows))
    }

    fn consumers(&self) -> String {
        let rows = self.snapshot.consumers.iter().map(|row| {
            let waiting = self.snapshot.waiting(row);
            [
                row.owner().to_owned(),
                row.subject(),
                row.lag.to_string(),
                row.in_flight.to_string(),
                row.redelivered.to_string(),
                self.members(row).to_string(),
                waiting.map_or_else(|| "0".to_owned(), |one| format!("{}, {}", one.count, age(one.oldest))),
            ]
        });
        let missing = self.missing.iter().map(|one| {
            let [none, absent] = [NONE, "absent"].map(str::to_owned);
            let (group, subject) = (one.queue_group.to_owned(), one.subject.to_string());
            [group, subject, none.clone(), none.clone(), none.clone(), none, absent]
        });
        let rows: Vec<_> = rows.chain(missing).collect();
        table(["GROUP", "SUBJECT", "LAG", "FLIGHT", "REDELIV", "MEMBERS", "WAITING"], &rows)
    }

    fn members(&self, consumer: &ConsumerRow) -> usize {
        self.snapshot.members(consumer).count()
    }

    /// A line for each subject that a client listens to.
    fn clients(&self) -> String {
        let mut rows = Vec::new();
        for client in &self.snapshot.clients {
            let listening = client.entry.listening.iter();
            let mut subjects: Vec<_> =
                listening.map(|one| one.subject.as_ref().unwrap_or(&one.stream).clone()).collect();
            if subjects.is_empty() {
                subjects.push("nothing".to_owned());
            }
            let names = std::iter::once(client.id.clone()).chain(std::iter::repeat(String::new()));
            rows.extend(names.zip(subjects).map(|(name, subject)| [name, subject]));
        }
        table(["CLIENT", "LISTENS TO"], &rows)
    }

    fn json(&self) -> Value {
        let streams = self.all_streams().map(|row| {
            json!({
                "name": row.name,
                "messages": row.messages,
                "bytes": row.bytes,
                "firstSequence": row.first_sequence,
                "firstStored": time(row.first_stored),
                "lastSequence": row.last_sequence,
                "lastStored": time(row.last_stored),
                "replicas": row.replicas,
                "leader": row.leader,
            })
        });
        let consumers = self.snapshot.consumers.iter().map(|row| {
            let waiting = self.snapshot.waiting(row);
            json!({
                "stream": row.stream,
                "name": row.name,
                "group": row.owner(),
                "subject": row.subject(),
                "lag": row.lag,
                "inFlight": row.in_flight,
                "redelivered": row.redelivered,
                "members": self.members(row),
                "pausedUntil": time(row.paused_until),
                "requests": row.requests,
                "waiting": waiting.map_or(0, |waiting| waiting.count),
                "waitingSince": waiting.map(|waiting| timestamp::text(&waiting.oldest)),
            })
        });
        let missing = self.missing.iter();
        let missing = missing.map(|one| json!({ "group": one.queue_group, "subject": one.subject.as_str() }));
        let clients = self.snapshot.clients.iter().map(|client| {
            let listening = client.entry.listening.iter().map(|one| {
                json!({ "subject": one.subject, "stream": one.stream, "group": one.queue_group, "consumer": one.consumer })
            });
            json!({ "id": client.id, "listening": listening.collect::<Value>() })
        });
        json!({
            "streams": streams,
            "consumers": consumers.collect::<Value>(),
            "missing": missing.collect::<Value>(),
            "clients": clients.collect::<Value>(),
            "notes": self.snapshot.notes,
        })
    }
}

/// A number of bytes, as `512 B`, `1.5 kB` or `2.0 GB`.
fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
    let unit = units.into_iter().find(|(_, length)| bytes >= *length);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(unit, length)| format!("{}.{} {unit}", bytes / length, bytes % length * 10 / length),
    )
}

fn time(at: Option<OffsetDateTime>) -> Option<String> {
    at.map(|at| timestamp::text(&at))
}
