//! The operator's tool: looks at the bus, and repairs what did not arrive.

mod asyncapi;
mod audit;
mod broker;
pub mod console;
mod database_uri;
mod databases;
mod describe;
mod dlq;
mod ls;
mod mermaid;
mod replay;
mod tail;
mod topology;

use clap::{Args, Subcommand};
use common::Declaration;
pub use database_uri::{secret, uri_for};
use service::Exit;
pub use topology::DECLARATIONS;

use crate::audit::Audit;
use crate::describe::Describe;
use crate::dlq::Dlq;
use crate::ls::Ls;
use crate::replay::Replay;
use crate::tail::Tail;
use crate::topology::services;

/// The commands about the bus.
#[derive(Clone, Debug, Args)]
pub struct Bus {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Shows the streams, how far each group is, and who is connected
    ///
    /// The lag is how many events a group has not seen yet; in flight are those that it has not answered yet.
    #[command(
        after_help = "Examples:\n  ticketing bus ls\n  ticketing bus ls --json | jq '.consumers[] | select(.lag > 100)'"
    )]
    Ls(Ls),
    /// Prints events as they come: time, subject, place in the stream, id, correlation id, payload
    #[command(
        after_help = "Examples:\n  ticketing bus tail\n  ticketing bus tail --since 10m --subject order:created --subject order:cancelled\n  ticketing bus tail --all --id 6925e0c1f0a1b2c3d4e5f607 --json | jq .payload"
    )]
    Tail(Tail),
    /// Prints who publishes each event, and who listens to it
    ///
    /// It is read from the program itself, so it needs no server. A listener stands under its queue group, of which one
    /// member gets each event.
    Describe(Describe),
    /// Lists, shows, redrives and drops dead letters: events that a queue group could not handle
    Dlq(Dlq),
    /// Rebuilds what a queue group has copied, from what the stream tells
    ///
    /// The copies that are missing or wrong are made anew. Those of which the stream tells less than they hold stay as they
    /// are, and are named: incomplete, when an event is missing; beyond, when they are further than all its events. It
    /// may run beside the service.
    /// Exit code 0 when all are as the stream tells, 6 when it does not tell enough, 1 when it could not be done.
    Replay(Replay),
    /// Compares what the services have committed, their outboxes, with what stands in the stream
    ///
    /// Without --repair it changes nothing; it may run beside everything else. Exit code 0 when they agree, 6 when they
    /// differ, 1 when they could not be compared. An event that stands there twice is no difference, since every inbox
    /// knows it. An outbox keeps an event for 30 days; of older ones nothing is said.
    Audit(Audit),
}

impl Bus {
    /// Runs the command, for an application of these services.
    pub fn run(self, declarations: Vec<Declaration>) -> Exit {
        let services = services(&declarations);
        match self.command {
            Command::Ls(ls) => service::run("ls", ls.of(services)),
            Command::Tail(tail) => service::run("tail", tail),
            Command::Describe(describe) => service::run("describe", describe.of(services)),
            Command::Dlq(dlq) => dlq.run(),
            Command::Replay(replay) => service::run("replay", replay.of(declarations)),
            Command::Audit(audit) => service::run("audit", audit.of(services)),
        }
    }
}
