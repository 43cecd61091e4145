//! `replay`: a group's copies from the stream.

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use orders::{Replayed, replay};
use service::{Ending, Error, Exit, Scope, Service};

use crate::broker::Broker;
use crate::console::progress;
use crate::console::say;
use crate::databases::Databases;

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

/// A queue group that keeps copies of what others own.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Group {
    /// Its copies of the tickets
    OrdersService,
}

impl Service for Replay {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Group::OrdersService = self.group;
        let bus = self.broker.clone().connect(&scope).await?;
        let store = self.databases.of("orders", &scope).await?;
        scope.ready(());
        let work = replay(&store, &bus, progress("messages to read"), progress("copies to look at"));
        let Some(replayed) = scope.stopping().or(work).await else {
            bail!("stopped: not all copies were rebuilt; do it again for the rest");
        };
        let replayed = replayed.context("not all copies were rebuilt; do it again for the rest")?;
        if self.json {
            say(format_args!("{:#}", serde_json::to_value(&replayed)?))?;
        } else {
            tell(&replayed)?;
        }
        let open = replayed.incomplete.len() + replayed.beyond.len();
        if open > 0 {
            let message = format!(
                "the stream does not tell enough of {open} tickets: `ticketing bus audit --repair` restores what the \
                 outboxes hold still, of the last 30 days; then replay again"
            );
            return Err(Ending { exit: Exit::Differs, message }.into());
        }
        Ok(())
    }
}

fn tell(replayed: &Replayed) -> Result<(), Error> {
    let Replayed { events, tickets, rebuilt, incomplete, beyond } = replayed;
    for (what, ids) in [("rebuilt", rebuilt), ("incomplete", incomplete), ("beyond", beyond)] {
        for id in ids {
            say(format_args!("{what:<10}  ticket/{id}"))?;
        }
    }
    say(format_args!("{events} events of {tickets} tickets: {} copies rebuilt", rebuilt.len()))
}
