//! `replay`: rebuilds the copies that a queue group keeps, from the stream.

use anyhow::{Context, ensure};
use bus::Bus;
use clap::Args;
use common::Declaration;
use serde_json::{json, to_value};
use service::{Ending, Error, Exit, Scope};
use store::{ReplayStep, Replayed, plainly};

use crate::broker::Broker;
use crate::console::{Progress, counted, say};
use crate::databases::Databases;
use crate::json_object::JsonObject;
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
        self.broker
            .clone()
            .run("replay", async move |bus, scope| self.replay(&bus, &scope, service?).await.map_err(plainly))
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
        let store = self.databases.of(service.name, "bus", scope).await?;
        let stopping = scope.stopping();
        let mut open = 0;
        for replay in service.projections {
            let (collection, mut progress, mut compared) = (replay.collection, Progress::begin(), 0);
            let mut object = if self.json { Some(JsonObject::begin()?) } else { None };
            if let Some(object) = &mut object {
                object.begin_list("findings")?;
            }
            let report = |step: ReplayStep| {
                // The replay ends in order then, and leaves nothing behind.
                ensure!(!stopping.is_asked(), "stopped");
                match step {
                    ReplayStep::Read { left } => progress.report(format_args!("{} to read", counted(left, "message"))),
                    ReplayStep::Compared => {
                        compared += 1;
                        progress.report(format_args!("{} compared", counted(compared, "record")));
                    }
                    ReplayStep::Found(outcome, id) => match &mut object {
                        Some(object) => object.item(&json!({ "kind": outcome, "id": id }))?,
                        None => say(format_args!("{:<10}  {collection}/{id}", outcome.to_string()))?,
                    },
                }
                Ok(())
            };
            let replayed = replay.run(&store, bus, report).await;
            let replayed = replayed.context("not all copies were rebuilt; run it again for the rest")?;
            match object {
                Some(object) => finish(object, collection, &replayed)?,
                None => say(summary(collection, &replayed))?,
            }
            open += replayed.incomplete + replayed.beyond;
        }
        if open > 0 {
            let (records, audit) = (counted(open, "record"), program::command("audit --repair"));
            let message = format!(
                "events of {records} are missing from the stream: {audit} republishes those of the last 30 days from the \
                 outboxes; then run replay again"
            );
            return Err(Ending { exit: Exit::Differs, message }.into());
        }
        Ok(())
    }
}

fn finish(mut object: JsonObject, collection: &str, replayed: &Replayed) -> Result<(), Error> {
    object.end_list()?;
    object.field("collection", &collection.into())?;
    for (name, value) in to_value(replayed)?.as_object().into_iter().flatten() {
        object.field(name, value)?;
    }
    object.end()
}

/// `3 events of 1 ticket: 1 copy rebuilt`
fn summary(collection: &str, replayed: &Replayed) -> String {
    let Replayed { events, records, rebuilt, .. } = replayed;
    let kind = collection.strip_suffix('s').unwrap_or(collection);
    let copies = if *rebuilt == 1 { "copy" } else { "copies" };
    format!("{} of {}: {rebuilt} {copies} rebuilt", counted(*events, "event"), counted(*records, kind))
}
