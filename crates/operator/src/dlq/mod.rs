//! `dlq`: what a queue group could not handle, and what is done about it.

mod drop;
mod letter;
mod ls;
mod redrive;
mod selection;
mod show;

use clap::{Args, Subcommand};
use service::Exit;

use self::drop::Drop;
use self::ls::Ls;
use self::redrive::Redrive;
use self::selection::named;
use self::show::Show;

/// What `ticketing bus dlq` is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Lists them, each with its number and the reason
    ///
    /// Without a selection, all. With --json, one object on each line, with everything there is to know.
    #[command(after_help = "Examples:\n  ticketing bus dlq ls\n  ticketing bus dlq ls --group orders-service --json")]
    Ls(Ls),
    /// Shows everything about some of them: headers, history, payload
    #[command(group = named(), after_help = "Examples:\n  ticketing bus dlq show 3\n  ticketing bus dlq show --event-id 6925e0c1f0a1b2c3d4e5f607 --json")]
    Show(Show),
    /// Gives them to their group once more, when what was wrong is mended
    ///
    /// The event is published again under its own id, for that group alone: the others have had it. An effect that it had
    /// already it does not have again. It gets as many tries as a new one; out of them it is a new dead letter. Doing it
    /// again after it was interrupted does the rest.
    #[command(group = named(), after_help = "Examples:\n  ticketing bus dlq redrive 3\n  ticketing bus dlq redrive --group orders-service --subject ticket:updated --dry-run\n  ticketing bus dlq redrive --all --rate 10")]
    Redrive(Redrive),
    /// Removes them for good
    ///
    /// It asks before. Where nobody can be asked, say --yes.
    #[command(group = named(), after_help = "Examples:\n  ticketing bus dlq drop 3 4\n  ticketing bus dlq drop --group tickets-service --dry-run\n  ticketing bus dlq drop --all --yes")]
    Drop(Drop),
}

impl Dlq {
    pub(crate) fn run(self) -> Exit {
        match self.command {
            Command::Ls(ls) => service::run("ls", ls),
            Command::Show(show) => service::run("show", show),
            Command::Redrive(redrive) => service::run("redrive", redrive),
            Command::Drop(drop) => drop.run_if_sure(),
        }
    }
}
