//! The commands about payments.

mod audit;
mod ls;

use clap::{Args, Subcommand};
use service::Exit;

use self::audit::Audit;
use self::ls::Ls;
use crate::program::examples_of;

/// The commands about payments.
#[derive(Clone, Debug, Args)]
pub struct Payments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// List payments: the order, how far the payment is and since when, and the intent at the provider
    ///
    /// begun: being charged, or it is being found out what became of it. declined: nothing was charged, and another card may be
    /// tried. closed: the order was cancelled first. refund due: the order was cancelled, and the money goes back. stuck: the
    /// refund has failed.
    ///
    /// On a terminal, SINCE is how long ago that was, and the intent and its provider are left out: a pipe and --json have
    /// all.
    #[command(after_help = examples_of("payments", &["ls", "ls --stuck", "ls --json | jq '.payments[].order'"]))]
    Ls(Ls),
    /// Compare the payments with what the provider has charged
    ///
    /// The service may run in the meantime. Exit code 0 if both agree, 6 if they differ, 1 if the command failed. Payments at
    /// another provider or account are counted, and not compared.
    ///
    /// Unknown: charged, and no payment is known. Unsettled: charged, and the payment says otherwise. Amount: another amount was
    /// charged. Uncharged: said to be paid, and not charged. Kept: the order was cancelled, and the money did not go back.
    /// Stuck: the refund has failed.
    #[command(after_help = examples_of("payments", &["audit --stripe-url http://127.0.0.1:PORT", "audit --repair", "audit --days 365 --json"]))]
    Audit(Audit),
}

impl Payments {
    /// Runs the command.
    pub fn run(self) -> Exit {
        match self.command {
            Command::Ls(ls) => service::run("payments", ls),
            Command::Audit(audit) => service::run("payments", audit),
        }
    }
}
