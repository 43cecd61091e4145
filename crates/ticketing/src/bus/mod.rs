//! `ticketing bus`: what travels between the services, and who says and hears it.

mod asyncapi;
mod audit;
mod broker;
mod console;
mod databases;
mod describe;
mod dlq;
mod ls;
mod mermaid;
mod replay;
mod tail;

use clap::{Args, Subcommand};
use common::events::Subject;
use common::wiring::Wiring;
use service::Exit;

use self::audit::Audit;
use self::describe::Describe;
use self::dlq::Dlq;
use self::ls::Ls;
use self::replay::Replay;
use self::tail::Tail;

/// What `ticketing bus` is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bus {
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
    pub(crate) fn run(self) -> Exit {
        match self.command {
            Command::Ls(ls) => service::run("ls", ls),
            Command::Tail(tail) => service::run("tail", tail),
            Command::Describe(describe) => service::run("describe", describe),
            Command::Dlq(dlq) => dlq.run(),
            Command::Replay(replay) => service::run("replay", replay),
            Command::Audit(audit) => service::run("audit", audit),
        }
    }
}

/// All services that are on the bus.
fn services() -> [Wiring; 3] {
    [tickets::wiring(), orders::wiring(), expiration::wiring()]
}

/// The services that publish it.
fn publishers(services: &[Wiring], subject: Subject) -> impl Iterator<Item = &'static str> {
    services.iter().filter(move |service| service.publishes.contains(&subject)).map(|service| service.service)
}

/// The services that listen to it, each with its queue group.
fn listeners(services: &[Wiring], subject: Subject) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = services.iter().flat_map(|service| service.listens.iter().map(|ear| (service.service, *ear)));
    all.filter(move |(_, ear)| ear.subject == subject).map(|(service, ear)| (service, ear.queue_group))
}

/// Who is named where there is none.
const NOBODY: &str = "nobody";

fn or_nobody(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let names: Vec<_> = names.collect();
    if names.is_empty() { vec![NOBODY] } else { names }
}
