//! `dlq drop`: deletes dead letters.

use std::io::{self, IsTerminal};

use anyhow::{Context, bail, ensure};
use bus::{Bus, DeadLetter};
use clap::Args;
use service::{Error, Exit, Stopping};

use super::letter::{row, table};
use super::selection::{Letters, Selection};
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
            if dry_run {
                return stopping.or(selection.list(bus)).await.context("stopped before all were listed")?;
            }
            // Read twice, and not remembered: there may be millions. What becomes a dead letter later is not deleted.
            let mut letters = stopping.or_stop(selection.letters(bus)).await??;
            if !yes {
                let shown = stopping.or_stop(selection.letters(bus)).await??;
                let confirmed = stopping.or(is_confirmed(shown)).await.unwrap_or(Ok(false));
                ensure!(confirmed?, "none was dropped");
            }
            let dropped = remove(bus, &mut letters, stopping).await;
            let all = letters.close().await;
            if let (Err(_), Err(missing)) = (&dropped, &all) {
                remark(missing);
            }
            dropped.and(all)
        })
    }
}

/// Lists the first ones, and asks.
async fn is_confirmed(mut letters: Letters<'_>) -> Result<bool, Error> {
    let mut listed = Vec::new();
    while let Some(letter) = letters.next().await? {
        if listed.len() < MAX_LISTED {
            listed.push(row(&letter));
        }
    }
    let count = letters.found();
    if count == 0 {
        return Ok(true); // nothing to ask about
    }
    let more = count.saturating_sub(MAX_LISTED as u64);
    let more = if more > 0 { format!("and {more} more\n") } else { String::new() };
    confirmed(&format!("{}\n{more}Delete {count} permanently?", table().page(&listed))).await
}

async fn remove(bus: &Bus, letters: &mut Letters<'_>, stopping: &Stopping) -> Result<(), Error> {
    let (mut done, mut progress) = (0_u64, Progress::begin());
    while let Some(letter) = letters.next().await? {
        if stopping.is_asked() {
            bail!("stopped: {done} dropped; the others are still dead letters");
        }
        let so_far = || format!("{done} dropped; run it again for the rest");
        done += u64::from(DeadLetter::remove(bus, letter.number).await.with_context(so_far)?);
        progress.report(format_args!("{done} dropped, up to #{}", letter.number));
    }
    if letters.found() > 0 {
        say(format_args!("{done} dropped"))?;
    }
    Ok(())
}
