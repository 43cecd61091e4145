//! `dlq ls`: one line for each.

use anyhow::bail;
use clap::Args;
use service::{Error, Scope, Service};

use super::letter::{object, row, rows};
use super::selection::Selection;
use crate::broker::Broker;
use crate::console::{print, remark};

#[derive(Args, Clone, Debug)]
pub(crate) struct Ls {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    selection: Selection,
    /// Print a JSON object on each line
    #[arg(long)]
    json: bool,
}

impl Service for Ls {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = self.broker.clone().connect(&scope).await?;
        scope.ready(());
        scope.stopping().or(self.list(&bus)).await.unwrap_or_else(|| bail!("stopped: not all were listed"))
    }
}

impl Ls {
    async fn list(&self, bus: &bus::Bus) -> Result<(), Error> {
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
