//! `dlq drop`: deletes dead letters.

use std::io::{self, IsTerminal};

use anyhow::{Context, bail, ensure};
use bus::{Bus, DeadLetter};
use clap::Args;
use service::{Error, Exit, Stopping};

use super::letter::{Row, rows};
use super::selection::Selection;
use crate::broker::Broker;
use crate::console::{Progress, confirmed, remark, say};

/// How many dead letters are listed in the prompt.
const MAX_LISTED: usize = 10;

/// Which dead letters are deleted, and whether to ask first.
#[derive(Args, Clone, Debug)]
pub(crate) struct Drop {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    selection: Selection,
    /// Only list the dead letters that would be dropped
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl Drop {
    pub(crate) fn run(self) -> Exit {
        let Self { broker, selection, dry_run, yes } = self;
        if !yes && !dry_run && !io::stdin().is_terminal() {
            remark("error: stdin is not a terminal, so the prompt cannot be shown: pass --yes or --dry-run");
            return Exit::Usage;
        }
        broker.run("drop", async move |bus, scope| {
            let (bus, stopping) = (&bus, &scope.stopping());
            let act = async |numbers: Vec<u64>, letters| {
                if !yes {
                    let confirmed = stopping.or(is_confirmed(letters)).await.unwrap_or(Ok(false));
                    ensure!(confirmed?, "none was dropped");
                }
                remove(bus, &numbers, stopping).await
            };
            selection.for_all(bus, stopping, dry_run, act).await
        })
    }
}

/// Lists the first ones, and asks.
async fn is_confirmed(mut letters: Vec<Row>) -> Result<bool, Error> {
    let count = letters.len();
    letters.truncate(MAX_LISTED);
    let more = if count > MAX_LISTED { format!("and {} more\n", count - MAX_LISTED) } else { String::new() };
    confirmed(&format!("{}\n{more}Delete {count} permanently?", rows(letters))).await
}

async fn remove(bus: &Bus, numbers: &[u64], stopping: &Stopping) -> Result<(), Error> {
    let (mut done, mut progress) = (0, Progress::begin());
    for number in numbers {
        if stopping.is_asked() {
            bail!("stopped: {done} of {} dropped", numbers.len());
        }
        let so_far = || format!("{done} of {} dropped; run it again for the rest", numbers.len());
        done += usize::from(DeadLetter::remove(bus, *number).await.with_context(so_far)?);
        progress.report(format_args!("{done} of {} dropped", numbers.len()));
    }
    say(format_args!("{done} dropped"))
}
