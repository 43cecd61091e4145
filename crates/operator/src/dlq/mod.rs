//! `dlq`: the messages that a queue group could not handle, and what to do about them.

mod drop;
mod letter;
mod redrive;
mod selection;
mod view;

use clap::{Args, Subcommand};
use service::Exit;

use self::drop::Drop;
use self::redrive::Redrive;
use self::selection::selection_required;
use self::view::View;
use crate::program::examples;

/// A command about dead letters.
#[derive(Args, Clone, Debug)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// List dead letters with number, queue group, deliveries, failures and reason
    ///
    /// Deliveries counts how often the broker delivered the event to the group, failures how often its handler failed; an
    /// event that waits for an earlier one is delivered without a failure. Without a selection, all are listed. On a
    /// terminal, only what fits is shown; a pipe has all columns. With --json, each line is an object with everything that
    /// is known.
    #[command(after_help = examples(&["dlq ls", "dlq ls --group orders-service --json"]))]
    Ls(View),
    /// Show everything about dead letters: headers, history, payload
    #[command(group = selection_required(), after_help = examples(&["dlq show 3", "dlq show --event-id 6925e0c1f0a1b2c3d4e5f607 --json"]))]
    Show(View),
    /// Retry dead letters after fixing the handler
    ///
    /// The event is published again under its own id, for its queue group only. Handlers skip effects already applied. If
    /// all attempts fail again, a new dead letter is created: those that fail within two seconds are named, and then the
    /// exit code is 1. After an interruption, run it again for the rest.
    #[command(group = selection_required(), after_help = examples(&[
        "dlq redrive 3",
        "dlq redrive --group orders-service --subject ticket:updated --dry-run",
        "dlq redrive --all --rate 10",
    ]))]
    Redrive(Redrive),
    /// Delete dead letters permanently
    ///
    /// It asks for confirmation. If stdin is not a terminal, pass --yes.
    #[command(group = selection_required(), after_help = examples(&["dlq drop 3 4", "dlq drop --group tickets-service --dry-run", "dlq drop --all --yes"]))]
    Drop(Drop),
}

impl Dlq {
    pub(crate) fn run(self) -> Exit {
        match self.command {
            Command::Ls(view) => view.ls(),
            Command::Show(view) => view.show(),
            Command::Redrive(redrive) => redrive.run(),
            Command::Drop(drop) => drop.run(),
        }
    }
}
