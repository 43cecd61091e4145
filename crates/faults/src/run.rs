//! One run: a deployment, the workload and the faults, and the check of what remains.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::Context;
use bus::{Bus, Connection, DeadLetter, IfAbsent, Reader};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use store::{Audit, Store};
use testkit::Client;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};

use crate::checker::check;
use crate::deployment::Deployment;
use crate::history;
use crate::independence;
use crate::injection::inject_all;
use crate::invariant::{Invariant, Violation};
use crate::paying;
use crate::records::Records;
use crate::schedule::{LENGTH, Schedule};
use crate::services::{CLUSTER_ID, GATEWAY};
use crate::stores::Stores;
use crate::timeline;
use crate::watchers::Watchers;
use crate::workload::Workload;

/// How long everything may take to settle after the last fault: some redeliveries, the window of the last order, the sweep
/// after it, and the lease of a payment whose process was killed.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Outcome {
    seed: u64,
    summary: String,
    /// The invariants that were violated; the report describes the first one.
    pub(crate) violated: Vec<Invariant>,
    report: String,
}

/// Executes the run of this seed.
///
/// # Panics
///
/// When it can't be executed: a server does not start, for example. Then it shows nothing.
pub(crate) async fn execute(seed: u64, programs: &Path) -> Outcome {
    let (started, schedule) = (Instant::now(), Schedule::new(seed));
    let deployment = Deployment::start(schedule.brokers, programs).await;
    let (began, began_at) = (Instant::now(), OffsetDateTime::now_utc());
    let addresses = deployment.addresses().await;
    let watchers = Watchers::start(&addresses[GATEWAY]).await;
    let workload = Workload::new(addresses, began + LENGTH);
    let faults = inject_all(&deployment, &schedule.injections, began);
    let (history, injected) = tokio::join!(workload.run(seed), faults);

    let faults_ended = Instant::now();
    let (connections, stores) = Stores::connect(&deployment).await;
    let connection = deployment.brokers.lock().await[0].connection("checker");
    let client = Client::connect(Connection { if_absent: IfAbsent::Wait, ..connection }).await;
    let settle = async || {
        let settled = settled(&deployment, &stores, client.bus.jetstream()).await;
        settled.map_err(|unsettled| Violation::new(Invariant::Settled, &[], unsettled))
    };
    let mut violations = Vec::new();
    let is_settled = settle().await;
    let settled_after = faults_ended.elapsed();
    match is_settled {
        Ok(()) => {
            violations.extend(independence::check(&deployment, &stores.orders).await);
            paying::race(&deployment, &stores.payments, seed).await;
            violations.extend(settle().await.err());
        }
        Err(unsettled) => violations.push(unsettled),
    }
    let records = Records::read(&stores).await;
    let mut audit = Audit::begin(&client.bus, &stores.with_outbox().map(Store::clone), &[]).await.unwrap();
    let audited = audit.findings().await.unwrap();
    audit.close().await;
    violations.extend(check(&records, &history, &audited, &dead_letters(&client.bus).await));
    violations.extend(watchers.check(&records).await);
    drop(watchers);
    violations.sort_by_key(|violation| violation.about.is_empty()); // one with records first, for the timeline

    client.close().await;
    drop(stores);
    connections.close().await;
    deployment.stop().await;
    let summary = format!(
        "{} broker(s), {} faults; {}; {}; settled after {:.1} s, {:.0} s in total",
        schedule.brokers,
        schedule.injections.len(),
        history::summary(&history),
        records.payments_summary(),
        settled_after.as_secs_f64(),
        started.elapsed().as_secs_f64(),
    );
    let report = timeline::report(&violations, &schedule, began_at, &injected, &history, &records);
    let violated = violations.into_iter().map(|violation| violation.invariant).collect();
    Outcome { seed, summary, violated, report }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, summary, violated, report } = self;
        match violated.len() {
            0 => write!(f, "seed {seed}: no violation; {summary}"),
            count => write!(f, "seed {seed}: {count} VIOLATION(S); {summary}\n{report}"),
        }
    }
}

/// Waits until everything has settled; otherwise returns what has not.
async fn settled(deployment: &Deployment, stores: &Stores, api: &Context) -> Result<(), String> {
    let deadline = Instant::now() + SETTLES_WITHIN;
    let mut quiet = 0;
    loop {
        let unsettled = unsettled(deployment, stores, api).await;
        quiet = if unsettled.is_empty() { quiet + 1 } else { 0 };
        if quiet == 2 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(unsettled.join("; "));
        }
        sleep(Duration::from_millis(100)).await;
    }
}

async fn unsettled(deployment: &Deployment, stores: &Stores, api: &Context) -> Vec<String> {
    let mut unsettled = deployment.ended().await;
    let mut count = async |store: &Store, collection: &str, filter: Document, what: &str| match store
        .collection::<Document>(collection)
        .count_documents(filter)
        .await
    {
        Ok(0) => {}
        Ok(count) => unsettled.push(format!("{count} {what} in {}", store.database().name())),
        Err(error) => unsettled.push(error.to_string()),
    };
    let pending = || doc! { "pending": { "$exists": true } };
    for store in stores.with_outbox() {
        count(store, "outbox", pending(), "events are not published").await;
        count(store, "waiting", doc! {}, "events wait for an earlier one").await;
    }
    let live = doc! { "status": { "$nin": ["cancelled", "complete"] } };
    count(&stores.orders, "orders", live, "orders have outlived their window").await;
    let open = doc! { "state": { "$in": ["begun", "refundDue"] } };
    count(&stores.payments, "payments", open, "payments or refunds are open").await;
    count(&stores.bank, "refunds", doc! { "status": "pending" }, "refunds are pending").await;
    match busy_consumers(api).await {
        Ok(busy) => unsettled.extend(busy),
        Err(error) => unsettled.push(error.to_string()),
    }
    unsettled
}

/// The consumers that have not handled everything.
async fn busy_consumers(api: &Context) -> Result<Vec<String>, service::Error> {
    let stream = api.get_stream(CLUSTER_ID).await?;
    let consumers: Vec<_> = stream.consumers().try_collect().await?;
    let busy = consumers.into_iter().filter(|info| info.config.durable_name.is_some());
    let busy = busy.filter(|info| info.num_pending > 0 || info.num_ack_pending > 0);
    Ok(busy
        .map(|info| format!("{}: {} pending, {} in flight", info.name, info.num_pending, info.num_ack_pending))
        .collect())
}

async fn dead_letters(bus: &Bus) -> Vec<DeadLetter> {
    let mut reader = Reader::of_dead_letters(bus).await.unwrap();
    let mut all = Vec::new();
    while let Some(delivery) = reader.try_next().await.unwrap() {
        all.extend(DeadLetter::read(&delivery));
    }
    all
}
