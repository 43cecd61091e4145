//! `dlq ls`: one line for each dead letter.

use anyhow::Context;
use bus::Bus;
use clap::Args;
use service::{Error, Exit};

use super::letter::{object, row, rows};
use super::selection::Selection;
use crate::broker::Broker;
use crate::console::{print, remark};

/// Which dead letters are listed, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Ls {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    selection: Selection,
    /// Print one JSON object on each line
    #[arg(long)]
    json: bool,
}

impl Ls {
    pub(crate) fn run(self) -> Exit {
        self.broker.clone().run("ls", async move |bus, scope| {
            scope.stopping().or(self.list(&bus)).await.context("stopped before all were listed")?
        })
    }

    async fn list(&self, bus: &Bus) -> Result<(), Error> {
        let mut letters = self.selection.letters(bus).await?;
        let (mut found, mut listed) = (0, Vec::new());
        while let Some(letter) = letters.next().await? {
            found += 1;
            if !self.json {
                listed.push(row(&letter));
            } else if !print(object(&letter).to_string()).await? {
                break;
            }
        }
        if !listed.is_empty() {
            print(rows(listed)).await?;
        } else if found == 0 && self.selection.is_any() {
            remark("There are no dead letters.");
        }
        letters.close(found).await
    }
}
