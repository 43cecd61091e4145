//! `dlq show`: everything about a dead letter.

use anyhow::bail;
use clap::Args;
use service::{Error, Scope, Service};

use super::letter::{object, page};
use super::selection::Selection;
use crate::broker::Broker;
use crate::console::print;

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

impl Service for Show {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = self.broker.clone().connect(&scope).await?;
        scope.ready(());
        scope.stopping().or(self.show(&bus)).await.unwrap_or_else(|| bail!("stopped: not all were shown"))
    }
}

impl Show {
    async fn show(&self, bus: &bus::Bus) -> Result<(), Error> {
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
