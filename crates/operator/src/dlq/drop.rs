//! `dlq drop`: away with them.

use std::io::{self, IsTerminal};

use anyhow::{Context, bail, ensure};
use bus::{self, DeadLetter};
use clap::Args;
use service::{Error, Exit, Scope, Service, Stopping};
use tokio::task::spawn_blocking;

use super::letter::{Row, rows};
use super::selection::Selection;
use crate::broker::Broker;
use crate::console::say;
use crate::console::{Progress, remark};

/// How many are listed before it is asked about all.
const LISTED: usize = 10;

#[derive(Args, Clone, Debug)]
pub(crate) struct Drop {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    selection: Selection,
    /// Only list those that would be dropped
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Drop {
    /// Runs it, when it was said that it shall not ask, or somebody is there to be asked.
    pub(crate) fn run_if_sure(self) -> Exit {
        if self.yes || self.dry_run || io::stdin().is_terminal() {
            return service::run("drop", self);
        }
        remark(
            "error: nobody is there to be asked whether they shall be dropped for good: add --yes, or --dry-run to see them",
        );
        Exit::Usage
    }
}

impl Service for Drop {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = self.broker.clone().connect(&scope).await?;
        scope.ready(());
        let (bus, stopping, asks) = (&bus, &scope.stopping(), !self.yes);
        let drop = |numbers: Vec<u64>, letters| async move {
            if asks {
                let sure = stopping.or(is_sure(letters)).await.unwrap_or(Ok(false));
                ensure!(sure?, "none was dropped");
            }
            remove(bus, &numbers, stopping).await
        };
        self.selection.for_all(bus, stopping, self.dry_run, drop).await
    }
}

/// Asks, with the first ones for a look.
async fn is_sure(mut letters: Vec<Row>) -> Result<bool, Error> {
    let count = letters.len();
    letters.truncate(LISTED);
    let more = if count > LISTED { format!("and {} more\n", count - LISTED) } else { String::new() };
    remark(format_args!("{}\n{more}Drop {count} for good? Type yes:", rows(letters)));
    let answer = spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    Ok(answer.await??.trim() == "yes")
}

async fn remove(bus: &bus::Bus, numbers: &[u64], stopping: &Stopping) -> Result<(), Error> {
    let (mut done, mut progress) = (0, Progress::new());
    for number in numbers {
        if stopping.is_asked() {
            bail!("stopped: {done} of {} dropped", numbers.len());
        }
        let so_far = || format!("{done} of {} dropped; do it again for the rest", numbers.len());
        done += usize::from(DeadLetter::remove(bus, *number).await.with_context(so_far)?);
        progress.tell(format_args!("{done} of {} dropped", numbers.len()));
    }
    say(format_args!("{done} dropped"))
}
