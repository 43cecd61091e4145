//! `drop`: deletes events from the stream that no outbox has recorded.

use std::io::{self, IsTerminal};

use anyhow::{Context, bail, ensure};
use bus::{Bus, delete_event, event_at};
use clap::Args;
use common::Declaration;
use service::{Error, Exit, Scope};
use store::Origin;

use crate::broker::Broker;
use crate::console::{confirmed, counted, remark, say};
use crate::databases::Databases;
use crate::message::{bytes_line, one_line};
use crate::program;

/// Which events are deleted, and whether to ask first.
#[derive(Args, Clone, Debug)]
pub(crate) struct Drop {
    /// The sequences of the events in the stream, as `audit` and `tail` print them
    #[arg(value_name = "SEQUENCE", required = true, value_parser = clap::value_parser!(u64).range(1..))]
    sequences: Vec<u64>,
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    databases: Databases,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl Drop {
    pub(crate) fn run(self, services: &[Declaration]) -> Exit {
        if !self.yes && !io::stdin().is_terminal() {
            remark("error: stdin is not a terminal, so the prompt cannot be shown: pass --yes");
            return Exit::Usage;
        }
        let services = services.to_vec();
        self.broker.clone().run("drop", async move |bus, scope| self.remove(&bus, &services, &scope).await)
    }

    async fn remove(&self, bus: &Bus, services: &[Declaration], scope: &Scope<()>) -> Result<(), Error> {
        let (stores, subjects) = self.databases.with_outbox(services, scope).await?;
        // All or none: every one is checked before the first is deleted.
        for sequence in &self.sequences {
            let Some(event) = event_at(bus, *sequence).await? else { bail!("there is no event #{sequence}") };
            match Origin::of(&event, &stores, &subjects).await? {
                Origin::Unknown => {}
                Origin::Recorded(database) => bail!(
                    "event #{sequence} is recorded in the outbox of {database}, so it is not deleted: {} republishes \
                     altered events and deletes the altered messages",
                    program::command("audit --repair")
                ),
                Origin::Undecided => bail!(
                    "the outboxes here do not show whether a service has recorded event #{sequence}, a {}, so it is not \
                     deleted: only events of the last 29 days can be, and only with the database of the service that \
                     publishes them (--mongo-uri)",
                    one_line(&event.subject)
                ),
            }
            if !self.yes {
                remark(format_args!("#{sequence} {} {}", one_line(&event.subject), bytes_line(&event.payload)));
            }
        }
        let events = counted(self.sequences.len() as u64, "event");
        if !self.yes {
            let question = format!("Delete {events} permanently?");
            ensure!(scope.stopping().or(confirmed(&question)).await.unwrap_or(Ok(false))?, "none was deleted");
        }
        for sequence in &self.sequences {
            delete_event(bus, *sequence).await.context("not all were deleted")?;
        }
        say(format_args!("{events} deleted"))
    }
}
