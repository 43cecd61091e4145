//! `replay`: rebuilds the copies that a queue group keeps, from the stream.

use anyhow::Context;
use bus::Bus;
use clap::{Args, ValueEnum};
use orders::{Replayed, replay};
use service::{Ending, Error, Exit, Scope};

use crate::broker::Broker;
use crate::console::{progress, say, say_json};
use crate::databases::Databases;
use crate::program;

/// Whose copies are rebuilt.
#[derive(Clone, Debug, Args)]
pub(crate) struct Replay {
    /// The queue group
    group: Group,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    databases: Databases,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A queue group that keeps copies of records of other services.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Group {
    /// Copies of the tickets
    OrdersService,
}

impl Replay {
    pub(crate) fn run(self) -> Exit {
        self.broker.clone().run("replay", async move |bus, scope| self.replay(&bus, &scope).await)
    }

    async fn replay(&self, bus: &Bus, scope: &Scope<()>) -> Result<(), Error> {
        let Group::OrdersService = self.group;
        let store = self.databases.of("orders", scope).await?;
        let work = replay(&store, bus, progress("messages to read"), progress("copies to compare"));
        let stopped = "stopped before all copies were rebuilt; run it again for the rest";
        let replayed = scope.stopping().or(work).await.context(stopped)?;
        let replayed = replayed.context("not all copies were rebuilt; run it again for the rest")?;
        if self.json {
            say_json(&replayed)?;
        } else {
            report(&replayed)?;
        }
        let open = replayed.incomplete.len() + replayed.beyond.len();
        if open > 0 {
            let audit = program::command("audit --repair");
            let message = format!(
                "events of {open} tickets are missing from the stream: {audit} republishes those of the last 30 days from \
                 the outboxes; then run replay again"
            );
            return Err(Ending { exit: Exit::Differs, message }.into());
        }
        Ok(())
    }
}

fn report(replayed: &Replayed) -> Result<(), Error> {
    let Replayed { events, tickets, rebuilt, incomplete, beyond } = replayed;
    for (what, ids) in [("rebuilt", rebuilt), ("incomplete", incomplete), ("beyond", beyond)] {
        for id in ids {
            say(format_args!("{what:<10}  ticket/{id}"))?;
        }
    }
    say(format_args!("{events} events of {tickets} tickets: {} copies rebuilt", rebuilt.len()))
}
