//! The operator's tool: inspects the bus and the databases of a ticketing application, and repairs what went wrong.
//!
//! [`Bus`] and [`Payments`] are its command line, for the programs that offer it. Which services there are is an argument of
//! [`Bus::run`]; [`DECLARATIONS`] are those of the application.

mod asyncapi;
mod audit;
mod broker;
pub mod console;
mod database_uri;
mod databases;
mod describe;
mod dlq;
mod drop;
mod json_object;
mod ls;
mod mermaid;
mod message;
mod payments;
mod program;
mod replay;
mod services;
mod tail;
mod times;

use clap::{Args, Subcommand};
use common::Declaration;
use service::Exit;

pub use crate::payments::Payments;
pub use database_uri::{application_uri, secret};
pub use program::typed;
pub use services::DECLARATIONS;

use crate::audit::Audit;
use crate::describe::Describe;
use crate::dlq::Dlq;
use crate::drop::Drop;
use crate::ls::Ls;
use crate::program::examples;
use crate::replay::Replay;
use crate::tail::Tail;

/// The commands about the bus.
#[derive(Clone, Debug, Args)]
pub struct Bus {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Show the streams, how far each queue group is, and which clients are connected
    ///
    /// Streams: FIRST and LAST are sequences, OLDEST and NEWEST how long ago these events were stored.
    ///
    /// Groups: LAG is the number of events that a group has not received yet; in FLIGHT are those that it has received and
    /// not acknowledged yet; REDELIV of them were delivered more than once. MEMBERS are the connected clients that share the
    /// work. WAITING is the number of events that its service has stored until an earlier one arrives, and for how long the
    /// oldest of them. "absent": no service of this group has ever listened to the subject here. The JSON has more.
    #[command(after_help = examples(&["ls", "ls --json | jq '.consumers[] | select(.lag > 100)'"]))]
    Ls(Ls),
    /// Print events as they arrive: time, subject, sequence in the stream, id, correlation id, payload
    ///
    /// On a terminal, times are local, lines have 80 characters, and of each id only the end is shown, as in "…b1639". Into
    /// a pipe, each event is one line with everything. Numbers that are left out belong to messages of the stream that are not events: schedules,
    /// which the broker keeps until it publishes the event, and withdrawn ones.
    #[command(after_help = examples(&[
        "tail",
        "tail --since 10m --subject order:created --subject order:cancelled",
        "tail --all --id 6925e0c1f0a1b2c3d4e5f607 --json | jq .payload",
    ]))]
    Tail(Tail),
    /// Print who publishes each event, and who listens to it
    ///
    /// This describes the services that the program was built with, and needs no server. A listener is shown by its queue
    /// group; one member of a group receives each event.
    #[command(after_help = examples(&["describe", "describe --mermaid", "describe --asyncapi > asyncapi.json"]))]
    Describe(Describe),
    /// List, show, redrive and drop dead letters: events that a queue group could not handle
    Dlq(Dlq),
    /// Rebuild the local copies that a queue group keeps, from the events in the stream
    ///
    /// Missing and wrong copies are rebuilt. Copies ahead of the stream are left alone and listed: incomplete, if an event
    /// is missing from the stream; beyond, if the copy is newer than all its events. The service may run in the meantime.
    /// Exit code 0 if all copies agree with the stream, 6 if the stream lacks events, 1 if the command failed.
    #[command(after_help = examples(&["replay orders-service", "replay orders-service --json | jq '.findings[].id'"]))]
    Replay(Replay),
    /// Compare what the services have committed (their outboxes) with the stream
    ///
    /// Without --repair, the stream stays as it is; the audit only notes in the outboxes where the stream has each event,
    /// for the next audit. The services may run in the meantime. Exit code 0 if both agree, 6 if they differ, 1 if the
    /// command failed. An event that is in the stream twice is not a difference, since every inbox detects it. An outbox
    /// keeps an event for 30 days; older events are counted, and not compared.
    ///
    /// Missing: the event was published, and is not in the stream any more. Altered: the stream has it with another payload
    /// or subject. Unsent: no relay has published it yet. Unknown: no outbox has recorded it. Duplicate: the stream has it
    /// once more.
    #[command(after_help = examples(&["audit", "audit --repair", "audit --json | jq '.findings[] | select(.kind == \"missing\")'"]))]
    Audit(Audit),
    /// Delete events from the stream that no outbox has recorded
    ///
    /// An audit calls them unknown. An event that one of the services has recorded is not deleted, and neither is one of a
    /// service whose database is not at hand, or that is too old to be in an outbox. What listeners have done because of
    /// the event stays. Listeners that have not received it yet skip it. It asks for confirmation; if stdin is not a
    /// terminal, pass --yes.
    #[command(after_help = examples(&["drop 17", "drop 17 18 --yes"]))]
    Drop(Drop),
}

impl Bus {
    /// Runs the command, for an application of these services.
    pub fn run(self, services: &[Declaration]) -> Exit {
        match self.command {
            Command::Ls(ls) => ls.run(services),
            Command::Tail(tail) => tail.run(),
            Command::Describe(describe) => describe.run(services),
            Command::Dlq(dlq) => dlq.run(),
            Command::Replay(replay) => replay.run(services),
            Command::Audit(audit) => audit.run(services),
            Command::Drop(drop) => drop.run(services),
        }
    }
}
