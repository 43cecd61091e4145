//! Events per second through a listener.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use bus::{Bus, Effects, Limits, Listen, Listener, Nowhere, Rejection};
use events::{AnyId, Price, Subject, TicketId, TicketUpdated, UserId};
use futures_util::{StreamExt, stream};
use mongodb::bson::{Document, doc};
use service::launch;
use store::{Connection, Store, Tx};
use testkit::{Broker, Mongod, until_in};

use crate::{cpu_seconds, memory};

const RECORDS: u64 = 10_000;

/// One of so many events fails once.
const FAILING: u64 = 100;

const GROUP: &str = "bench";

const PATIENCE: Duration = Duration::from_secs(600);

/// What has happened to the records, in the order in which it was handled.
#[derive(Default)]
struct Seen {
    versions: HashMap<AnyId, u64>,
    failed: HashSet<(AnyId, u64)>,
    handled: u64,
    out_of_order: u64,
}

impl Seen {
    fn fails(&mut self, event: &TicketUpdated) -> bool {
        let number = u64::from(event.id.bytes()[11]) + u64::from(event.id.bytes()[10]) * 256 + event.version;
        number.is_multiple_of(FAILING) && self.failed.insert((event.id.any(), event.version))
    }

    fn handled(&mut self, event: &TicketUpdated) {
        let version = self.versions.entry(event.id.any()).or_default();
        self.out_of_order += u64::from(event.version != *version + 1);
        *version = event.version;
        self.handled += 1;
    }
}

/// Keeps a copy of each record in the database.
struct Stored {
    seen: Arc<Mutex<Seen>>,
    copies: mongodb::Collection<Document>,
}

impl Listener for Stored {
    type Event = TicketUpdated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = GROUP;

    async fn on_message(&self, event: &TicketUpdated, tx: &mut Tx) -> Result<(), Rejection> {
        if self.seen.lock().unwrap().fails(event) {
            return Err(anyhow!("it fails once").into());
        }
        let (it, version) = (event.id.to_string(), i64::try_from(event.version)?);
        let changed = doc! { "$set": { "version": version } };
        let before = doc! { "_id": it, "version": version - 1 };
        let updated = self.copies.update_one(before, changed).session(&mut *tx).await?;
        if updated.matched_count == 0 {
            return Err(Rejection::until(event.id, event.version - 1));
        }
        tx.wrote(event.id, event.version);
        self.seen.lock().unwrap().handled(event);
        Ok(())
    }
}

/// Notes the order only.
struct InMemory(Arc<Mutex<Seen>>);

impl Listener for InMemory {
    type Event = TicketUpdated;
    type Effects = Nowhere;

    const QUEUE_GROUP: &'static str = GROUP;

    async fn on_message(&self, event: &TicketUpdated, (): &mut ()) -> Result<(), Rejection> {
        self.0.lock().unwrap().handled(event);
        Ok(())
    }
}

pub(crate) async fn run() {
    println!(
        "listener: events of {RECORDS} records, with a transaction in the database for each; 1 % of them fail once"
    );
    let one = stored(1, RECORDS).await;
    let eight = stored(8, RECORDS * 10).await;
    println!("  ratio of the rates        {:>8.2}", eight / one);
    println!("listener: events of {RECORDS} records, without a database");
    in_memory(1_000_000).await;
}

/// Handles events with this number of workers; returns the rate.
async fn stored(workers: usize, events: u64) -> f64 {
    let (broker, mongod) = (Broker::start().await, Mongod::start().await);
    let mut connection = launch("store", Connection { uri: mongod.uri("bench").parse().unwrap() }).start();
    let store = connection.ready().await.unwrap();
    let copies = store.collection::<Document>("tickets");
    copies
        .insert_many((0..RECORDS).map(|number| doc! { "_id": id(number).to_string(), "version": 0_i64 }))
        .await
        .unwrap();
    let client = broker.connect("bench").await;
    publish(&client.bus, events).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let used = (cpu_seconds(std::process::id()), cpu_seconds(mongod.id()));
    let began = Instant::now();
    let listener = Stored { seen: Arc::clone(&seen), copies };
    drain(&store, &client.bus, listener, workers, &seen, events).await;
    let rate = events as f64 / began.elapsed().as_secs_f64();
    let cores = |pid: u32, before: f64| (cpu_seconds(pid) - before) / began.elapsed().as_secs_f64();
    println!(
        "  {workers} worker(s), {events:>6} events {rate:>8.0} events/s   this process {:.2} cores, mongod {:.2} cores",
        cores(std::process::id(), used.0),
        cores(mongod.id(), used.1),
    );
    drop(store);
    client.close().await;
    connection.stop().await.result.unwrap();
    broker.stop().await;
    mongod.stop().await;
    rate
}

async fn in_memory(events: u64) {
    let broker = Broker::start().await;
    let client = broker.connect("bench").await;
    publish(&client.bus, events).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (began, before) = (Instant::now(), memory(std::process::id()).0);
    drain(&Nowhere::default(), &client.bus, InMemory(Arc::clone(&seen)), 8, &seen, events).await;
    let rate = events as f64 / began.elapsed().as_secs_f64();
    let grown = memory(std::process::id()).0 - before;
    println!("  8 workers, {events} events {rate:>8.0} events/s   memory grew by {grown:.1} MiB");
    client.close().await;
    broker.stop().await;
}

/// Runs the listener until it has handled all events, each record in the order of its versions.
async fn drain<L: Listener>(
    effects: &L::Effects,
    bus: &Bus,
    listener: L,
    concurrency: usize,
    seen: &Mutex<Seen>,
    events: u64,
) where
    L::Effects: Effects,
{
    let limits = Limits { concurrency, ..Limits::default() };
    let mut running = launch("listener", Listen { limits, ..Listen::new(effects, bus, listener) }).start();
    running.ready().await.unwrap();
    until_in(PATIENCE, "all events are handled", || async { seen.lock().unwrap().handled >= events }).await;
    running.stop().await.result.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(
        (seen.out_of_order, seen.versions.len()),
        (0, usize::try_from(RECORDS).unwrap()),
        "no record is out of order"
    );
}

fn id(number: u64) -> TicketId {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    TicketId::from_bytes(bytes)
}

/// The same number of changes of each record, the first ones first.
async fn publish(bus: &Bus, events: u64) {
    let all = (0..events).map(|number| {
        let (record, version) = (number % RECORDS, number / RECORDS + 1);
        let (user_id, price) = (UserId::from_bytes([1; 12]), Price::from_cents(2000).unwrap());
        let event = TicketUpdated { id: id(record), version, title: "concert".into(), price, user_id, order_id: None };
        serde_json::to_vec(&event).unwrap()
    });
    // The changes of a record are further apart than the number of messages that wait for their confirmation.
    let sent = stream::iter(all).map(|payload| bus.publish(Subject::TicketUpdated, payload.into())).buffered(500);
    sent.for_each(async |published| _ = published.unwrap()).await;
}
