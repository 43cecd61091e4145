//! `audit`: what was committed against what stands in the stream.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;
use service::{Ending, Error, Exit, Scope, Service};
use store::{self, Finding, Kind, audit, repair};

use crate::broker::Broker;
use crate::console::say;
use crate::console::{progress, remark};
use crate::databases::Databases;
use crate::topology::Wiring;

/// What is compared, and what is done about it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    databases: Databases,
    /// Publish again what is missing or altered, each event under its own id: no effect of it happens twice
    #[arg(long)]
    repair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(crate) fn of(self, services: Vec<Wiring>) -> Self {
        Self { databases: self.databases.of_services(services), ..self }
    }
}

impl Service for Audit {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = self.broker.clone().connect(&scope).await?;
        let (stores, subjects) = self.databases.with_outbox(&scope).await?;
        scope.ready(());
        let stopping = scope.stopping();
        let compare = async || {
            let work = audit(&bus, &stores, &subjects, progress("messages to read"));
            let Some(found) = stopping.or(work).await else { bail!("stopped: not all was compared") };
            found.context("not all was compared")
        };
        let found = compare().await?;
        if !self.json {
            tell(&found)?;
        }
        let mut left = None;
        let broken = found.has(Kind::Missing) || found.has(Kind::Altered);
        if self.repair && broken && !found.are_strangers() {
            let work = repair(&bus, &stores, &found, progress("events to publish"));
            let Some(repaired) = stopping.or(work).await else {
                bail!("stopped: not all was published again; do it again for the rest");
            };
            let (repaired, after) = (repaired?, compare().await?);
            if !self.json {
                say(format_args!("{repaired} published again"))?;
                tell(&after)?;
            }
            if found.has(Kind::Altered) {
                remark("What a group has copied of an altered event, `ticketing bus replay GROUP` makes anew.");
            }
            left = Some((repaired, after));
        }
        if self.json {
            let mut json = serde_json::to_value(&found)?;
            json["repaired"] = left.as_ref().map(|(repaired, _)| *repaired).into();
            json["left"] = left.as_ref().map_or(json!(null), |(_, after)| json!(after.findings));
            say(format_args!("{json:#}"))?;
        }
        judge(&left.map_or(found, |(_, after)| after))
    }
}

/// What is to be done about what differs.
fn judge(found: &store::Audit) -> Result<(), Error> {
    let message = if found.are_strangers() {
        "none of these events is in the stream, which holds others: databases and stream are of different applications; \
         see --mongo-uri, --nats-url and --nats-cluster-id"
    } else if found.has(Kind::Missing) || found.has(Kind::Altered) {
        "outbox and stream differ: --repair publishes again what is missing or altered"
    } else if found.has(Kind::Unsent) {
        "outbox and stream differ: what is unsent, a service publishes that runs and has its broker"
    } else if found.has(Kind::Unknown) {
        "the stream holds events that no outbox has recorded, so another program has published them: `nats stream rmm \
         STREAM NUMBER` takes one away, and what it did stays"
    } else {
        return Ok(());
    };
    Err(Ending { exit: Exit::Differs, message: message.to_owned() }.into())
}

fn tell(found: &store::Audit) -> Result<(), Error> {
    for finding in &found.findings {
        say(line(finding))?;
    }
    let counts: Vec<_> = found.counts().into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let counts = if counts.is_empty() { "nothing differs".to_owned() } else { counts.join(", ") };
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
