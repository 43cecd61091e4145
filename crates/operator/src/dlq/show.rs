//! `dlq show`: everything about some dead letters.

use anyhow::Context;
use bus::Bus;
use clap::Args;
use service::{Error, Exit};

use super::letter::{object, page};
use super::selection::Selection;
use crate::broker::Broker;
use crate::console::print;

/// Which dead letters are shown, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Show {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    selection: Selection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(crate) fn run(self) -> Exit {
        self.broker.clone().run("show", async move |bus, scope| {
            scope.stopping().or(self.show(&bus)).await.context("stopped before all were shown")?
        })
    }

    async fn show(&self, bus: &Bus) -> Result<(), Error> {
        let mut letters = self.selection.letters(bus).await?;
        let mut found = 0;
        while let Some(letter) = letters.next().await? {
            found += 1;
            let space = if found == 1 { "" } else { "\n" };
            let shown = if self.json { format!("{:#}", object(&letter)) } else { format!("{space}{}", page(&letter)) };
            if !print(shown).await? {
                break;
            }
        }
        letters.close(found).await
    }
}
