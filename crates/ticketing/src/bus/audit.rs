//! `audit`: what was committed against what stands in the stream.

use anyhow::bail;
use clap::Args;
use common::store::{self, Finding, Kind, audit, repair};
use service::{Error, Scope, Service};

use super::broker::Broker;
use super::console::progress;
use super::databases::Databases;
use crate::program::say;

/// What is compared, and what is done about it.
#[derive(Clone, Debug, Args)]
pub(super) struct Audit {
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

impl Service for Audit {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = self.broker.clone().connect(&scope).await?;
        let stores = self.databases.with_outbox(&scope).await?;
        scope.ready(());
        let stopping = scope.stopping();
        let work = async {
            let mut found = audit(&bus, &stores, progress("messages to read")).await?;
            let mut repaired = None;
            if self.repair && found.differs() {
                repaired = Some(repair(&bus, &stores, &found, progress("events to publish")).await?);
                found = audit(&bus, &stores, progress("messages to read")).await?;
            }
            Ok::<_, Error>((found, repaired))
        };
        let Some(done) = stopping.or(work).await else { bail!("stopped: not all was compared") };
        let (found, repaired) = done?;
        if self.json {
            let mut json = serde_json::to_value(&found)?;
            json["repaired"] = repaired.into();
            say(format_args!("{json:#}"))?;
        } else {
            tell(&found, repaired)?;
        }
        let counts = found.counts();
        let has = |kind| counts.contains_key(&kind);
        if has(Kind::Missing) || has(Kind::Altered) {
            bail!("outbox and stream differ: --repair publishes again what is missing or altered");
        }
        if has(Kind::Unsent) {
            bail!("outbox and stream differ: what is unsent, a service publishes that runs and has its broker");
        }
        if has(Kind::Unknown) {
            bail!("the stream holds events that no outbox has recorded: another program has published them");
        }
        Ok(())
    }
}

fn tell(found: &store::Audit, repaired: Option<usize>) -> Result<(), Error> {
    for finding in &found.findings {
        say(line(finding))?;
    }
    if let Some(repaired) = repaired {
        say(format_args!("{repaired} published again"))?;
    }
    let counts: Vec<_> = found.counts().into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let counts = if counts.is_empty() { "nothing differs".to_owned() } else { counts.join(", ") };
    say(format_args!("{} events committed, {} in the stream: {counts}", found.committed, found.stored))
}

/// `missing    ticket:updated  65f0…  ticket/65ef… version 3  shop-tickets`
fn line(finding: &Finding) -> String {
    let Finding { kind, database, event_id, subject, aggregate, version, sequences } = finding;
    let or = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
    let mut line = format!("{:<9}  {subject:<19}  {}", kind.to_string(), or(event_id, "without an id"));
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
