//! Memory that does not grow with the data: the commands on a million events. Ignored, since making them takes a minute:
//!
//! ```console
//! $ cargo test --release -p operator --test it million -- --ignored --nocapture
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::future::IntoFuture;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use events::{Event, TicketCreated};
use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, doc};
use operator::console::remark;
use serde_json::Value;
use testkit::{Broker, Database};

use crate::program::{Ended, command};
use crate::shop::ticket;

const EVENTS: u64 = 1_000_000;

/// The most memory that a command may need, in bytes.
const LIMIT: u64 = 100 * 1000 * 1000;

/// How many publications are in flight.
const WINDOW: usize = 5000;

/// A million events in a stream and in the outbox of the tickets service.
struct Million {
    broker: Broker,
    uri: String,
    _database: Database,
    api: async_nats::jetstream::Context,
    /// The outbox.
    rows: mongodb::Collection<Document>,
    /// The copies of the orders service.
    copies: mongodb::Collection<Document>,
    /// The id of each event; the sequence of its message is its index and one.
    ids: Vec<ObjectId>,
}

impl Million {
    async fn open() -> Self {
        let (database, broker) = (Database::new(), Broker::start().await);
        broker.connect("a").await.close().await; // creates the streams
        let uri = database.uri().replace("/test-", "/million-");
        let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
        let base = client.default_database().unwrap().name().to_owned();
        let rows = client.database(&format!("{base}-tickets")).collection("outbox");
        let orders = client.database(&format!("{base}-orders"));
        orders.create_collection("inbox").await.unwrap();
        let (api, copies) = (broker.outsider().await, orders.collection("tickets"));
        let mut million = Self { broker, uri, _database: database, api, rows, copies, ids: Vec::new() };
        million.fill().await;
        million
    }

    /// One event in ten is of an older relay, which has noted no sequence.
    async fn fill(&mut self) {
        let (mut acks, mut rows, mut copies) = (VecDeque::new(), Vec::new(), Vec::new());
        for sequence in 1..=EVENTS {
            let (id, event) = (ObjectId::new(), ticket("concert"));
            let payload = serde_json::to_string(&event).unwrap();
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Event-Id", id.to_hex());
            let sent = self.api.publish_with_headers("ticket:created", headers, payload.clone().into());
            acks.push_back(sent.await.unwrap());
            if acks.len() == WINDOW {
                acks.pop_front().unwrap().into_future().await.unwrap();
            }
            let mut row = doc! {
                "_id": id, "subject": TicketCreated::SUBJECT.as_str(), "payload": payload,
                "aggregate": event.aggregate().to_string(), "version": 0_i64, "recordedAt": DateTime::now(),
                "publishedAt": DateTime::now(),
            };
            if sequence % 10 != 0 {
                row.insert("sequence", i64::try_from(sequence).unwrap());
            }
            rows.push(row);
            let id_of_copy = event.id.to_string();
            copies.push(doc! { "_id": id_of_copy, "title": &event.title, "priceCents": 2000_i64, "version": 0_i64 });
            self.ids.push(id);
            if rows.len() == WINDOW || sequence == EVENTS {
                self.rows.insert_many(std::mem::take(&mut rows)).await.unwrap();
                self.copies.insert_many(std::mem::take(&mut copies)).await.unwrap();
            }
        }
        for ack in acks {
            ack.into_future().await.unwrap();
        }
    }

    async fn publish(&self, id: &str, payload: &str) -> u64 {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Event-Id", id);
        let sent = self.api.publish_with_headers("ticket:created", headers, payload.to_owned().into()).await.unwrap();
        sent.into_future().await.unwrap().sequence
    }

    /// Runs a command, and checks how much memory it needs.
    async fn run(&self, options: &[&str]) -> Ended {
        let mut command = command(&self.broker, &[options, &["--mongo-uri", &self.uri]].concat());
        let what = options.join(" ");
        let measured = tokio::task::spawn_blocking(move || {
            let (began, mut child) = (Instant::now(), command.spawn().unwrap());
            let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
            let read = |stream: &mut dyn Read| {
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                text
            };
            let (out, err) = (thread::spawn(move || read(&mut stdout)), thread::spawn(move || read(&mut stderr)));
            let (mut peak, status) = (0, format!("/proc/{}/status", child.id()));
            let code = loop {
                let status = fs::read_to_string(&status).unwrap_or_default();
                let high_water = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let kilobytes = high_water.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
                peak = kilobytes.map_or(peak, |kilobytes| kilobytes * 1024);
                if let Some(ended) = child.try_wait().unwrap() {
                    break ended.code();
                }
                thread::sleep(Duration::from_millis(20)); // between two looks at a counter that only grows
            };
            remark(format_args!("bus {what}: {} MB, {} s", peak / 1_000_000, began.elapsed().as_secs()));
            (Ended { code, stdout: out.join().unwrap(), stderr: err.join().unwrap() }, peak)
        });
        let (ended, peak) = measured.await.unwrap();
        assert!(peak > 0 && peak < LIMIT, "{peak} bytes");
        ended
    }
}

/// The findings: how many lines of each kind name an event, by its id or sequence.
fn named(ended: &Ended) -> BTreeMap<String, BTreeSet<String>> {
    let mut named: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in ended.stdout.lines().filter(|line| !line.starts_with("million")) {
        let words: Vec<_> = line.split_whitespace().collect();
        let name = if words[0] == "unknown" { words[words.len() - 1] } else { words[2] };
        assert!(named.entry(words[0].to_owned()).or_default().insert(name.to_owned()), "twice: {line}");
    }
    named
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes a million events, which takes minutes"]
async fn an_audit_of_a_million_events_names_exactly_what_differs_and_needs_little_memory() {
    let million = Million::open().await;
    let agrees = million.run(&["audit"]).await;
    assert!(agrees.stderr.contains(" messages to read\n"), "{}", agrees.stderr);
    let all = agrees.succeeded();
    assert!(all.ends_with("1000000 events committed, 1000000 in the stream: no discrepancies\n"), "{all}");

    let replayed = million.run(&["replay", "orders-service"]).await.succeeded();
    assert_eq!(replayed, "1000000 events of 1000000 tickets: 0 copies rebuilt\n");
    let copies: Vec<_> = million.copies.find(doc! {}).limit(300).await.unwrap().try_collect().await.unwrap();
    for copy in &copies {
        let wrong = doc! { "$set": { "title": "nonsense" } };
        million.copies.update_one(doc! { "_id": copy.get_str("_id").unwrap() }, wrong).await.unwrap();
    }
    let replayed = million.run(&["replay", "orders-service"]).await;
    assert!(replayed.stderr.contains(" messages to read\n"), "{}", replayed.stderr);
    let replayed = replayed.succeeded();
    assert!(replayed.ends_with("1000000 events of 1000000 tickets: 300 copies rebuilt\n"), "{replayed:.1000}");
    for copy in &copies {
        let line = format!("rebuilt     tickets/{}\n", copy.get_str("_id").unwrap());
        assert!(replayed.contains(&line), "{line}");
    }

    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut expect = |kind: &str, name: String| {
        expected.entry(kind.to_owned()).or_default().insert(name);
    };
    let stream = million.api.get_stream("ticketing").await.unwrap();
    for index in (0..1_000_000).step_by(997).chain([999_998, 999_999]) {
        stream.delete_message(index as u64 + 1).await.unwrap();
        expect("missing", million.ids[index].to_hex());
    }
    for index in 0..500 {
        let (altered, again) = (million.ids[index * 1009 + 1], million.ids[index * 1013 + 3]);
        million.publish(&altered.to_hex(), "{}").await;
        let row = million.rows.find_one(doc! { "_id": again }).await.unwrap().unwrap();
        let known = row.get_str("payload").unwrap();
        million.publish(&again.to_hex(), known).await;
        let unknown = million.publish(&ObjectId::new().to_hex(), known).await;
        expect("altered", altered.to_hex());
        expect("unknown", format!("#{unknown}"));
        // Of an event whose message was deleted, this is the only one.
        if (index * 1013 + 3) % 997 != 0 {
            expect("duplicate", again.to_hex());
        }
    }
    let is_back = |id: &String| {
        (0..500).any(|index| (index * 1013 + 3) % 997 == 0 && million.ids[index * 1013 + 3].to_hex() == *id)
    };
    let altered = expected["altered"].clone();
    expected.get_mut("missing").unwrap().retain(|id| !is_back(id) && !altered.contains(id));
    let found = million.run(&["audit"]).await;
    assert_eq!(found.code, Some(6));
    assert!(named(&found) == expected, "{:?}", found.stdout.lines().last());
    let repaired = million.run(&["audit", "--repair", "--json"]).await;
    let repaired: Value = serde_json::from_str(&repaired.stdout).unwrap();
    let count = expected["missing"].len() + expected["altered"].len();
    assert_eq!(repaired["repaired"].as_u64(), Some(count as u64));
    let left = million.run(&["audit"]).await;
    expected.retain(|kind, _| kind == "duplicate" || kind == "unknown");
    assert!(named(&left) == expected, "{:?}", left.stdout.lines().last());

    // Everything is missing, everything is unknown.
    million.api.delete_stream("ticketing").await.unwrap();
    million.broker.connect("a").await.close().await;
    let found = million.run(&["audit"]).await;
    assert_eq!((found.code, named(&found)["missing"].len() as u64), (Some(6), EVENTS));
    let found = million.run(&["audit", "--repair"]).await;
    assert!(found.stderr.contains(" events republished\n"), "{}", found.stderr);
    let last = found.succeeded();
    assert!(last.ends_with("1000000 events committed, 1000000 in the stream: no discrepancies\n"), "{last:.1000}");
    million.rows.delete_many(doc! {}).await.unwrap();
    let found = million.run(&["audit"]).await;
    assert_eq!((found.code, named(&found)["unknown"].len() as u64), (Some(6), EVENTS));
    million.broker.stop().await;
}
