//! One run after the other.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use async_nats::jetstream::Context;
use bus::{Bus, Connection, DeadLetter, IfAbsent, Reader};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use mongodb::bson::{Document, doc};
use store::{Store, audit};
use testkit::Client;
use tokio::time::{Instant, sleep};

use crate::checker::{Invariant, Violation, violations};
use crate::people::{Line, Told};
use crate::records::Records;
use crate::schedule::Schedule;
use crate::story;
use crate::world::World;

/// How long everything may take to come to an end once nothing goes wrong any more: a redelivery or two, the window of
/// the last order, and the sweep after it.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// Whether nothing was found in any of the runs, so many at once; tells of each.
pub(crate) async fn all(seeds: Range<u64>, jobs: usize, binaries: &Path) -> bool {
    let count = seeds.end - seeds.start;
    let runs = stream::iter(seeds).map(async |seed| (seed, AssertUnwindSafe(one(seed, binaries)).catch_unwind().await));
    let mut runs = pin!(runs.buffer_unordered(jobs));
    let (mut violated, mut broken) = (0, 0);
    while let Some((seed, run)) = runs.next().await {
        match run {
            Ok(found) => violated += usize::from(!found.is_empty()),
            Err(_) => {
                println!("seed {seed}: broken off, and shows nothing");
                broken += 1;
            }
        }
    }
    println!("{count} runs, {violated} with violations, {broken} broken off");
    violated + broken == 0
}

/// One run; tells what was violated, and prints the story of the first.
pub(crate) async fn one(seed: u64, binaries: &Path) -> Vec<Invariant> {
    let (began, schedule) = (Instant::now(), Schedule::new(seed));
    let world = World::start(&schedule, binaries).await;
    let (diary, struck) = world.live(&schedule).await;
    let healed = Instant::now();
    let (_auth, auth) = world.store("auth").await;
    let (running_tickets, tickets) = world.store("tickets").await;
    let (running_orders, orders) = world.store("orders").await;
    let connection = world.brokers.lock().await[0].connection("checker");
    let client = Client::connect(Connection { if_absent: IfAbsent::Wait, ..connection }).await;

    let mut found = Vec::new();
    if let Err(unsettled) = settled(&world, &tickets, &orders, client.bus.jetstream()).await {
        found.push(Violation::new(Invariant::Settled, &[], unsettled));
    }
    let took = healed.elapsed();
    let records = Records::read(&auth, &tickets, &orders).await;
    let stores = [tickets, orders];
    let audited = audit(&client.bus, &stores, &[], |_| ()).await.unwrap();
    found.extend(violations(&records, &diary, &audited, &dead_letters(&client.bus).await));
    println!(
        "seed {seed}: {} broker(s), {} strikes, {}, settled after {:.1} s, {:.0} s in all: {}",
        schedule.brokers,
        schedule.strikes.len(),
        told(&diary),
        took.as_secs_f64(),
        began.elapsed().as_secs_f64(),
        if found.is_empty() { "no violation".to_owned() } else { format!("{} VIOLATIONS", found.len()) }
    );
    if let Some(first) = found.first() {
        println!("{}", story::of(first, &found, &schedule, &struck, &diary, &records));
    }
    client.close().await;
    drop(stores);
    for running in [running_tickets, running_orders, _auth] {
        running.stop().await.result.unwrap();
    }
    world.stop().await;
    found.into_iter().map(|violation| violation.invariant).collect()
}

fn told(diary: &[Line]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in diary {
        let what = match line.told {
            Told::SignedUp { .. } => "sign-ups",
            Told::Sold { .. } => "tickets",
            Told::Changed { .. } => "changes",
            Told::Reserved { .. } => "orders",
            Told::Cancelled { .. } => "cancellations",
            Told::Paid { .. } => "payments",
        };
        *counts.entry(what).or_default() += 1;
    }
    counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// Waits until everything has come to its end; tells what has not.
async fn settled(world: &World, tickets: &Store, orders: &Store, api: &Context) -> Result<(), String> {
    let give_up = Instant::now() + SETTLES_WITHIN;
    let mut quiet = 0;
    loop {
        let open = unsettled(world, tickets, orders, api).await;
        quiet = if open.is_empty() { quiet + 1 } else { 0 };
        if quiet == 2 {
            return Ok(());
        }
        if Instant::now() > give_up {
            return Err(open.join("; "));
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn unsettled(world: &World, tickets: &Store, orders: &Store, api: &Context) -> Vec<String> {
    let mut open = world.ended().await;
    let mut count = async |store: &Store, collection: &str, which: Document, what: &str| match store
        .collection::<Document>(collection)
        .count_documents(which)
        .await
    {
        Ok(0) => {}
        Ok(count) => open.push(format!("{count} {what} in {}", store.database().name())),
        Err(error) => open.push(error.to_string()),
    };
    let pending = || doc! { "pending": { "$exists": true } };
    count(tickets, "outbox", pending(), "events are not published").await;
    count(orders, "outbox", pending(), "events are not published").await;
    let live = doc! { "status": { "$nin": ["cancelled", "complete"] } };
    count(orders, "orders", live, "orders have outlived their window").await;
    match consumers(api).await {
        Ok(busy) => open.extend(busy),
        Err(error) => open.push(error.to_string()),
    }
    open
}

/// The consumers that have not handled everything.
async fn consumers(api: &Context) -> Result<Vec<String>, service::Error> {
    let stream = api.get_stream("ticketing").await?;
    let consumers: Vec<_> = stream.consumers().try_collect().await?;
    let busy = consumers.into_iter().filter(|info| info.config.durable_name.is_some());
    let busy = busy.filter(|info| info.num_pending > 0 || info.num_ack_pending > 0);
    Ok(busy
        .map(|info| format!("{}: {} to come, {} in hand", info.name, info.num_pending, info.num_ack_pending))
        .collect())
}

async fn dead_letters(bus: &Bus) -> Vec<DeadLetter> {
    let mut letters = Reader::of_dead_letters(bus).await.unwrap();
    let mut all = Vec::new();
    while let Some(delivery) = letters.next_there_is().await.unwrap() {
        all.extend(DeadLetter::read(&delivery));
    }
    all
}
