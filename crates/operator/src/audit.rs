//! `audit`: compares the committed events with the stream, and publishes what is missing.

use anyhow::Context;
use bus::Bus;
use clap::Args;
use common::Declaration;
use events::{Subject, timestamp};
use serde::Serialize;
use serde_json::to_value;
use service::{Ending, Error, Exit, Scope};
use store::{Finding, Kind, Store, Summary, plainly, waiting_counts};

use crate::broker::Broker;
use crate::console::{Progress, WIDTH, counted, fold, is_read, remark, reporting, say};
use crate::databases::Databases;
use crate::json_object::JsonObject;
use crate::program;

/// How far the second line of a finding is indented on a terminal: as the subject is, behind the kind.
const INDENT: usize = 11;

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
        self.broker
            .clone()
            .run("audit", async move |bus, scope| self.audit(&bus, &services, &scope).await.map_err(plainly))
    }

    async fn audit(&self, bus: &Bus, services: &[Declaration], scope: &Scope<()>) -> Result<(), Error> {
        let (stores, subjects) = self.databases.with_outbox(services, scope).await?;
        let stopping = scope.stopping();
        let mut report = if self.json { Report::Json(JsonObject::begin()?) } else { Report::Text };
        let stopped = "stopped before all events were compared";

        report.begin("findings")?;
        let first = stopping.or(begin(bus, &stores, &subjects)).await.context(stopped)??;
        let mut audit = stopping.or(compare(first, &mut report)).await.context(stopped)??;
        let found = audit.summary().clone();
        report.end(&found)?;
        let waiting = stopping.or(waiting(&stores)).await.context("stopped before all databases were read")??;
        report.waiting(&waiting)?;

        let is_broken = found.has(Kind::Missing) || found.has(Kind::Altered);
        if !self.repair || !is_broken || found.are_strangers() {
            audit.close().await;
            report.finish()?;
            return judge(&found);
        }
        let stopped = "stopped before all events were republished; run it again for the rest";
        let mut progress = Progress::begin();
        let report_progress = |count| progress.report(format_args!("{} republished", counted(count, "event")));
        let count = stopping.or(audit.repair(report_progress)).await.context(stopped)??;
        audit.close().await;
        report.repaired(count)?;

        report.begin("left")?;
        let second = stopping.or(begin(bus, &stores, &subjects)).await.context(stopped)??;
        let after = stopping.or(compare(second, &mut report)).await.context(stopped)??.close().await;
        report.left(&after)?;
        if found.has(Kind::Altered) {
            let replay = program::command("replay GROUP");
            remark(format_args!("{replay} rebuilds a group's copies of records with altered events."));
        }
        report.finish()?;
        judge(&after)
    }
}

async fn begin(bus: &Bus, stores: &[Store], subjects: &[Subject]) -> Result<store::Audit, Error> {
    reporting("Preparing the outboxes", store::Audit::begin(bus, stores, subjects)).await
}

/// Prints what differs, as it is found.
async fn compare(mut audit: store::Audit, report: &mut Report) -> Result<store::Audit, Error> {
    let mut progress = Progress::begin();
    while let Some(found) = audit.next().await.context("not all events were compared")? {
        for finding in &found {
            report.finding(finding)?;
        }
        match audit.left() {
            0 => progress.report("Searching the outboxes for events without a message"),
            left => progress.report(format_args!("{} to read", counted(left, "message"))),
        }
    }
    Ok(audit)
}

/// An error that says how to resolve the findings, if there are any.
fn judge(found: &Summary) -> Result<(), Error> {
    let message = if found.are_strangers() {
        "the stream contains none of these events, only others: databases and stream are of different applications; \
         check --mongo-uri, --nats-url and --nats-cluster-id"
            .to_owned()
    } else if found.has(Kind::Missing) || found.has(Kind::Altered) {
        "outbox and stream differ: --repair republishes missing and altered events".to_owned()
    } else if found.has(Kind::Unsent) {
        "outbox and stream differ: a running service publishes its unsent events when the broker is available"
            .to_owned()
    } else if found.has(Kind::Unknown) {
        let drop = program::command("drop SEQUENCE");
        format!(
            "the stream contains events that no outbox has recorded, so another program has published them: {drop} deletes \
             one, but not its effects"
        )
    } else {
        return Ok(());
    };
    Err(Ending { exit: Exit::Differs, message }.into())
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

/// The output, as text or as one JSON object. Findings are printed as they come: there may be millions.
#[derive(Debug)]
enum Report {
    Text,
    Json(JsonObject),
}

impl Report {
    fn begin(&mut self, list: &str) -> Result<(), Error> {
        match self {
            Self::Text => Ok(()),
            Self::Json(object) => object.begin_list(list),
        }
    }

    fn finding(&mut self, finding: &Finding) -> Result<(), Error> {
        match self {
            Self::Text => say(line(finding)),
            Self::Json(object) => object.item(finding),
        }
    }

    fn end(&mut self, found: &Summary) -> Result<(), Error> {
        let Self::Json(object) = self else { return say(summary(found)) };
        object.end_list()?;
        for (name, value) in to_value(found)?.as_object().into_iter().flatten() {
            object.field(name, value)?;
        }
        Ok(())
    }

    fn waiting(&mut self, waiting: &[Waiting]) -> Result<(), Error> {
        if let Self::Json(object) = self {
            return object.field("waiting", &to_value(waiting)?);
        }
        for one in waiting {
            let Waiting { database, group, subject, count, since } = one;
            say(format_args!("{database}: {count} {subject} of {group} wait for earlier events, since {since}"))?;
        }
        Ok(())
    }

    fn repaired(&mut self, count: u64) -> Result<(), Error> {
        match self {
            Self::Text => say(format_args!("{} republished", counted(count, "event"))),
            Self::Json(object) => object.field("repaired", &count.into()),
        }
    }

    fn left(&mut self, found: &Summary) -> Result<(), Error> {
        match self {
            Self::Text => say(summary(found)),
            Self::Json(object) => object.end_list(),
        }
    }

    fn finish(self) -> Result<(), Error> {
        if let Self::Json(object) = self { object.end() } else { Ok(()) }
    }
}

/// `shop-tickets: 3 events committed, 2 in the stream: 1 missing`
fn summary(found: &Summary) -> String {
    let counts: Vec<_> = found.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let counts = if counts.is_empty() { "no discrepancies".to_owned() } else { counts.join(", ") };
    let (databases, committed, stored) = (found.databases.join(", "), counted(found.committed, "event"), found.stored);
    let older = match found.older {
        0 => String::new(),
        older => format!("; {older} older than the outboxes, not compared"),
    };
    format!("{databases}: {committed} committed, {stored} in the stream: {counts}{older}")
}

/// `missing    ticket:updated  65f0…  ticket/65ef… version 3  shop-tickets`; on a terminal, in lines that fit.
fn line(finding: &Finding) -> String {
    let Finding { kind, database, event_id, subject, aggregate, version, sequences } = finding;
    let id = event_id.as_deref().unwrap_or("without an id");
    let mut parts = vec![format!("{:<9}  {subject:<19}", kind.to_string()), id.to_owned()];
    let version = version.map(|version| format!(" version {version}")).unwrap_or_default();
    match aggregate {
        Some(aggregate) => parts.push(format!("{aggregate}{version}")),
        None => parts.last_mut().expect("the id").push_str(&version),
    }
    let mut place = Vec::from_iter(database.clone());
    place.extend(sequences.iter().map(|sequence| format!("#{sequence}")));
    parts.push(place.join(" "));
    let width = if is_read() { WIDTH - INDENT } else { usize::MAX };
    let parts = parts.iter().map(String::as_str).filter(|part| !part.is_empty());
    fold(parts, "  ", width).join(&format!("\n{:INDENT$}", ""))
}
