//! `replay`: rebuilds the copies that a queue group keeps, from the stream.

use anyhow::Context;
use bus::Bus;
use clap::Args;
use common::Declaration;
use service::{Ending, Error, Exit, Scope};
use store::Replayed;

use crate::broker::Broker;
use crate::console::{progress, say, say_json};
use crate::databases::Databases;
use crate::program;

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
}

impl Replay {
    pub(crate) fn run(self, services: &[Declaration]) -> Exit {
        let service = self.service(services);
        self.broker.clone().run("replay", async move |bus, scope| self.replay(&bus, &scope, service?).await)
    }

    /// The service whose queue group it is.
    fn service(&self, services: &[Declaration]) -> Result<Declaration, Error> {
        let with_copies = || services.iter().filter(|service| !service.projections.is_empty());
        let group = |service: &Declaration| (service.topology)().subscribes.first().map(|one| one.queue_group);
        let service = with_copies().find(|service| group(service) == Some(self.group.as_str()));
        service.copied().ok_or_else(|| {
            let groups: Vec<_> = with_copies().filter_map(group).collect();
            let message = format!("{} is not a queue group with copies; there are {}", self.group, groups.join(", "));
            Ending { exit: Exit::Usage, message }.into()
        })
    }

    async fn replay(&self, bus: &Bus, scope: &Scope<()>, service: Declaration) -> Result<(), Error> {
        let store = self.databases.of(service.name, scope).await?;
        let mut open = 0;
        for replay in service.projections {
            let work = replay.run(&store, bus, progress("messages to read"), progress("copies to compare"));
            let stopped = "stopped before all copies were rebuilt; run it again for the rest";
            let replayed = scope.stopping().or(work).await.context(stopped)?;
            let replayed = replayed.context("not all copies were rebuilt; run it again for the rest")?;
            if self.json {
                say_json(&replayed)?;
            } else {
                report(replay.collection, &replayed)?;
            }
            open += replayed.incomplete.len() + replayed.beyond.len();
        }
        if open > 0 {
            let audit = program::command("audit --repair");
            let message = format!(
                "events of {open} records are missing from the stream: {audit} republishes those of the last 30 days from \
                 the outboxes; then run replay again"
            );
            return Err(Ending { exit: Exit::Differs, message }.into());
        }
        Ok(())
    }
}

fn report(collection: &str, replayed: &Replayed) -> Result<(), Error> {
    let Replayed { events, records, rebuilt, incomplete, beyond } = replayed;
    for (what, ids) in [("rebuilt", rebuilt), ("incomplete", incomplete), ("beyond", beyond)] {
        for id in ids {
            say(format_args!("{what:<10}  {collection}/{id}"))?;
        }
    }
    say(format_args!("{events} events of {records} {collection}: {} copies rebuilt", rebuilt.len()))
}
