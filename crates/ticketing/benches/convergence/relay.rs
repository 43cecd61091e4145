//! From a commit to the broker.

use std::time::{Duration, Instant};

use events::{Price, TicketId, TicketUpdated, UserId};
use futures_util::StreamExt;
use mongodb::bson::{Document, doc};
use service::launch;
use store::{Connection, Outbox, Outboxes, Relay, Store, Tx, new_id};
use testkit::{Broker, Mongod};
use tokio::time::sleep;

use crate::{memory, summary};

const BACKLOG: u64 = 100_000;

/// How many events one transaction records while the broker is away.
const AT_ONCE: u64 = 500;

pub(crate) async fn run() {
    let (broker, mongod) = (Broker::start().await, Mongod::start().await);
    let mut connection = launch("store", Connection { uri: mongod.uri("bench").parse().unwrap() }).start();
    let store = connection.ready().await.unwrap();
    let client = broker.connect("bench").await;
    let (outbox,) = <(TicketUpdated,)>::open(&store);
    let mut relay = launch("relay", Relay::new(&store, &client.bus)).start();
    relay.ready().await.unwrap();

    println!("relay: from the return of a commit until the broker passes the event on, one at a time");
    let outsider = async_nats::connect(broker.url()).await.unwrap();
    let mut arriving = outsider.subscribe("ticket:updated").await.unwrap();
    outsider.flush().await.unwrap();
    let mut times = Vec::new();
    for _ in 0..300 {
        record(&store, &outbox, 1).await;
        let began = Instant::now();
        arriving.next().await.unwrap();
        times.push(began.elapsed());
        sleep(Duration::from_millis(10)).await;
    }
    println!("  {}", summary(times));
    arriving.unsubscribe().await.unwrap();

    println!("relay: a commit alone, and during a backlog of {BACKLOG} events");
    relay.stop().await.result.unwrap();
    let mut times = Vec::new();
    for _ in 0..200 {
        times.push(commit(&store, &outbox).await);
    }
    println!("  alone     {}", summary(times));
    for _ in 0..BACKLOG / AT_ONCE {
        record(&store, &outbox, AT_ONCE).await;
    }
    let pending = store.collection::<Document>("outbox");
    let left = async || pending.count_documents(doc! { "pending": { "$exists": true } }).await.unwrap();
    let (backlog, before) = (left().await, memory(std::process::id()).0);
    let (mut times, began) = (Vec::new(), Instant::now());
    let mut relay = launch("relay", Relay::new(&store, &client.bus)).start();
    relay.ready().await.unwrap();
    while left().await > 0 {
        times.push(commit(&store, &outbox).await);
        sleep(Duration::from_millis(20)).await;
    }
    let rate = backlog as f64 / began.elapsed().as_secs_f64();
    println!("  meanwhile {}", summary(times));
    let grown = memory(std::process::id()).0 - before;
    println!("  the backlog drains at {rate:.0} events/s; memory grew by {grown:.1} MiB");
    relay.stop().await.result.unwrap();
    drop((store, outbox, pending));
    client.close().await;
    connection.stop().await.result.unwrap();
    broker.stop().await;
    mongod.stop().await;
}

/// Records events of new records in one transaction.
async fn record(store: &Store, outbox: &Outbox<TicketUpdated>, count: u64) {
    let outbox = outbox.clone();
    let work = async move |tx: &mut Tx| {
        for _ in 0..count {
            outbox.record(tx, &event()).await?;
        }
        Ok::<_, mongodb::error::Error>(())
    };
    store.transaction(work).await.unwrap();
}

/// How long a transaction with one event takes.
async fn commit(store: &Store, outbox: &Outbox<TicketUpdated>) -> Duration {
    let began = Instant::now();
    record(store, outbox, 1).await;
    began.elapsed()
}

fn event() -> TicketUpdated {
    let (id, user_id): (TicketId, UserId) = (new_id(), new_id());
    let price = Price::from_cents(2000).unwrap();
    TicketUpdated { id, version: 1, title: "concert".to_owned(), price, user_id, order_id: None }
}
