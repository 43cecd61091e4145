//! `replay`: a group's copies from the stream.

use anyhow::{Context, bail};
use clap::Args;
use common::Declaration;
use service::{Ending, Error, Exit, Scope, Service};
use store::Replayed;

use crate::broker::Broker;
use crate::console::progress;
use crate::console::say;
use crate::databases::Databases;

/// Whose copies are rebuilt.
#[derive(Clone, Debug, Args)]
pub(crate) struct Replay {
    /// The queue group
    group: String,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    databases: Databases,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[arg(skip)]
    declarations: Vec<Declaration>,
}

impl Replay {
    /// For an application of these services.
    pub(crate) fn of(self, declarations: Vec<Declaration>) -> Self {
        Self { declarations, ..self }
    }

    /// The service whose group it is.
    fn service(&self) -> Result<Declaration, Error> {
        let has_copies = |service: &&Declaration| !service.projections.is_empty();
        let group = |service: &Declaration| (service.topology)().subscribes.first().map(|one| one.queue_group);
        let services = || self.declarations.iter().filter(has_copies);
        let service = services().find(|service| group(service) == Some(self.group.as_str()));
        service.copied().ok_or_else(|| {
            let groups: Vec<_> = services().filter_map(group).collect();
            let message = format!("{} is not a group with copies: these are {}", self.group, groups.join(", "));
            Ending { exit: Exit::Usage, message }.into()
        })
    }
}

impl Service for Replay {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let service = self.service()?;
        let bus = self.broker.clone().connect(&scope).await?;
        let store = self.databases.of(service.name, &scope).await?;
        scope.ready(());
        let mut open = 0;
        for replay in service.projections {
            let work = replay.run(&store, &bus, progress("messages to read"), progress("copies to compare"));
            let Some(replayed) = scope.stopping().or(work).await else {
                bail!("stopped: not all copies were rebuilt; do it again for the rest");
            };
            let replayed = replayed.context("not all copies were rebuilt; do it again for the rest")?;
            if self.json {
                say(format_args!("{:#}", serde_json::to_value(&replayed)?))?;
            } else {
                tell(replay.collection, &replayed)?;
            }
            open += replayed.incomplete.len() + replayed.beyond.len();
        }
        if open > 0 {
            let message = format!(
                "the stream lacks events of {open} records: `ticketing bus audit --repair` restores those of the last 30 \
                 days that the outboxes still have; then replay again"
            );
            return Err(Ending { exit: Exit::Differs, message }.into());
        }
        Ok(())
    }
}

fn tell(collection: &str, replayed: &Replayed) -> Result<(), Error> {
    let Replayed { events, records, rebuilt, incomplete, beyond } = replayed;
    for (what, ids) in [("rebuilt", rebuilt), ("incomplete", incomplete), ("beyond", beyond)] {
        for id in ids {
            say(format_args!("{what:<10}  {collection}/{id}"))?;
        }
    }
    say(format_args!("{events} events of {records} {collection}: {} copies rebuilt", rebuilt.len()))
}
