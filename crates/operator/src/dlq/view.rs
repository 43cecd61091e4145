//! `dlq ls` and `dlq show`: the dead letters, on one line each or with everything about them.

use anyhow::Context;
use bus::Bus;
use clap::Args;
use service::{Error, Exit};

use super::letter::{object, page};
use super::selection::{Letters, Selection, list};
use crate::broker::Broker;
use crate::console::print;

/// Which dead letters are shown, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct View {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    selection: Selection,
    /// Print one JSON object for each; `ls` prints it on one line
    #[arg(long)]
    json: bool,
}

impl View {
    /// One line for each dead letter.
    pub(crate) fn ls(self) -> Exit {
        self.run("ls", false)
    }

    /// Everything about each dead letter.
    pub(crate) fn show(self) -> Exit {
        self.run("show", true)
    }

    fn run(self, command: &str, is_whole: bool) -> Exit {
        self.broker.clone().run(command, async move |bus, scope| {
            scope.stopping().or(self.view(&bus, is_whole)).await.context("stopped before all were shown")?
        })
    }

    async fn view(&self, bus: &Bus, is_whole: bool) -> Result<(), Error> {
        let mut letters = self.selection.letters(bus).await?;
        if is_whole {
            self.pages(&mut letters).await?;
        } else if self.json {
            while let Some(letter) = letters.next().await? {
                if !print(object(&letter).to_string()).await? {
                    break;
                }
            }
        } else {
            list(&mut letters).await?;
        }
        letters.close().await
    }

    async fn pages(&self, letters: &mut Letters<'_>) -> Result<(), Error> {
        while let Some(letter) = letters.next().await? {
            let space = if letters.found() == 1 { "" } else { "\n" };
            let shown = if self.json { format!("{:#}", object(&letter)) } else { format!("{space}{}", page(&letter)) };
            if !print(shown).await? {
                break;
            }
        }
        Ok(())
    }
}
