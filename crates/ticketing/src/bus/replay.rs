//! `replay`: a group's copies from the stream.

use anyhow::bail;
use clap::{Args, ValueEnum};
use orders::{Replayed, replay};
use service::{Error, Scope, Service};

use super::broker::Broker;
use super::console::progress;
use super::databases::Databases;
use crate::program::say;

/// Whose copies are rebuilt.
#[derive(Clone, Debug, Args)]
pub(super) struct Replay {
    /// The queue group
    group: Group,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    databases: Databases,
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
        let work = replay(&store, &bus, progress("messages to read"));
        let Some(replayed) = scope.stopping().or(work).await else { bail!("stopped: not all copies were rebuilt") };
        let Replayed { events, tickets, rebuilt, incomplete } = replayed?;
        for id in &incomplete {
            say(format_args!("incomplete  ticket/{id}"))?;
        }
        say(format_args!("{events} events of {tickets} tickets: {} copies rebuilt", rebuilt.len()))?;
        if !incomplete.is_empty() {
            bail!(
                "the stream lacks events of {} tickets: `ticketing bus audit --repair` restores them; then replay again",
                incomplete.len()
            );
        }
        Ok(())
    }
}
