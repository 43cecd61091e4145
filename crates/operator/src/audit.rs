//! `audit`: compares the committed events with the stream, and publishes what is missing.

use anyhow::Context;
use clap::Args;
use common::Declaration;
use events::timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use service::{Ending, Error, Exit, Scope};
use store::{Finding, Kind, Store, audit, repair, waiting_counts};

use crate::broker::Broker;
use crate::console::{progress, remark, say, say_json};
use crate::databases::Databases;
use crate::program;

/// Which databases are compared with the stream, and whether the stream is repaired.
#[derive(Clone, Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    databases: Databases,
    /// Republish missing and altered events under their own ids, so that no effect of them is applied twice
    #[arg(long)]
    repair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(crate) fn run(self, services: &[Declaration]) -> Exit {
        let services = services.to_vec();
        self.broker.clone().run("audit", async move |bus, scope| self.audit(&bus, &services, &scope).await)
    }

    async fn audit(&self, bus: &bus::Bus, services: &[Declaration], scope: &Scope<()>) -> Result<(), Error> {
        let (stores, subjects) = self.databases.with_outbox(services, scope).await?;
        let stopping = scope.stopping();
        let compare = async || {
            let work = audit(bus, &stores, &subjects, progress("messages to read"));
            let found = stopping.or(work).await.context("stopped before all events were compared")?;
            found.context("not all events were compared")
        };
        let found = compare().await?;
        let waiting = stopping.or(waiting(&stores)).await.context("stopped before all databases were read")??;
        if !self.json {
            report(&found)?;
            for one in &waiting {
                say(format_args!(
                    "{}: {} {} of {} wait for earlier events, since {}",
                    one.database, one.count, one.subject, one.group, one.since
                ))?;
            }
        }
        let is_broken = found.has(Kind::Missing) || found.has(Kind::Altered);
        let repaired = if self.repair && is_broken && !found.are_strangers() {
            let work = republish(bus, &stores, &found);
            let stopped = "stopped before all events were republished; run it again for the rest";
            let count = stopping.or(work).await.context(stopped)??;
            let after = compare().await?;
            if !self.json {
                say(format_args!("{count} republished"))?;
                report(&after)?;
            }
            if found.has(Kind::Altered) {
                let replay = program::command("replay GROUP");
                remark(format_args!("{replay} rebuilds a group's copies of records with altered events."));
            }
            Some((count, after))
        } else {
            None
        };
        if self.json {
            let mut json = serde_json::to_value(&found)?;
            json["waiting"] = serde_json::to_value(&waiting)?;
            json["repaired"] = repaired.as_ref().map(|(count, _)| *count).into();
            json["left"] = repaired.as_ref().map_or(Value::Null, |(_, after)| json!(after.findings));
            say_json(&json)?;
        }
        judge(&repaired.map_or(found, |(_, after)| after))
    }
}

async fn republish(bus: &bus::Bus, stores: &[Store], found: &store::Audit) -> Result<usize, Error> {
    repair(bus, stores, found, progress("events to republish")).await
}

/// An error that says how to resolve the findings, if there are any.
fn judge(found: &store::Audit) -> Result<(), Error> {
    let message = if found.are_strangers() {
        "the stream contains none of these events, only others: databases and stream are of different applications; \
         check --mongo-uri, --nats-url and --nats-cluster-id"
    } else if found.has(Kind::Missing) || found.has(Kind::Altered) {
        "outbox and stream differ: --repair republishes missing and altered events"
    } else if found.has(Kind::Unsent) {
        "outbox and stream differ: a running service publishes its unsent events when the broker is available"
    } else if found.has(Kind::Unknown) {
        "the stream contains events that no outbox has recorded, so another program has published them: `nats stream rmm \
         STREAM SEQUENCE` removes one, but not its effects"
    } else {
        return Ok(());
    };
    Err(Ending { exit: Exit::Differs, message: message.to_owned() }.into())
}

/// Events in a database that wait for an earlier one.
#[derive(Debug, Serialize)]
struct Waiting {
    database: String,
    group: String,
    subject: String,
    count: u64,
    since: String,
}

/// What waits in these databases. That is no difference from the stream, but may explain what looks like one.
async fn waiting(stores: &[Store]) -> Result<Vec<Waiting>, Error> {
    let mut waiting = Vec::new();
    for store in stores {
        let database = store.database().name().to_owned();
        let counts = waiting_counts(store).await.with_context(|| format!("failed to read `waiting` of {database}"))?;
        waiting.extend(counts.into_iter().map(|one| Waiting {
            database: database.clone(),
            group: one.group,
            subject: one.subject,
            count: one.count,
            since: timestamp::text(&one.oldest),
        }));
    }
    Ok(waiting)
}

fn report(found: &store::Audit) -> Result<(), Error> {
    for finding in &found.findings {
        say(line(finding))?;
    }
    let counts: Vec<_> = found.counts().into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let counts = if counts.is_empty() { "no discrepancies".to_owned() } else { counts.join(", ") };
    let (databases, committed, stored) = (found.databases.join(", "), found.committed, found.stored);
    say(format_args!("{databases}: {committed} events committed, {stored} in the stream: {counts}"))
}

/// `missing    ticket:updated  65f0…  ticket/65ef… version 3  shop-tickets`
fn line(finding: &Finding) -> String {
    let Finding { kind, database, event_id, subject, aggregate, version, sequences, .. } = finding;
    let id = event_id.as_deref().unwrap_or("without an id");
    let mut line = format!("{:<9}  {subject:<19}  {id}", kind.to_string());
    if let Some(aggregate) = aggregate {
        line += &format!("  {aggregate}");
    }
    if let Some(version) = version {
        line += &format!(" version {version}");
    }
    if let Some(database) = database {
        line += &format!("  {database}");
    }
    for sequence in sequences {
        line += &format!(" #{sequence}");
    }
    line
}
