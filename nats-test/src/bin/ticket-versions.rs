//! "Concurrency control with the tickets app".

use std::time::Duration;

use clap::{Parser, Subcommand};
use nats_test::accounts::{Instance, Kind, Mishap, Place, Solution, Trial};
use nats_test::{client, console, time};
use service::{Error, Exit, Scope, Service};

/// A ticket's price is set to 10, 50 and 100; the updates come out of order, and one of them twice.
///
/// First without a version check, then with one. Every instance is a process; its copy of the ticket is what it tells
/// after each event. Needs a server: `cargo run -p nats-test --bin server`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct TicketVersions {
    #[command(flatten)]
    broker: client::Broker,
    /// How long the broker waits for an ack before it delivers an event again
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = time::ack_wait)]
    ack_wait: Duration,
    #[command(subcommand)]
    command: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// One instance of the service, as the lesson starts it
    #[command(hide = true)]
    Instance(Instance),
}

impl Service for TicketVersions {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = client::connect_unregistered(&scope, self.broker.clone(), client::random_id()).await?;
        scope.ready(());
        let place = Place::make(bus, self.broker, self.ack_wait).await?;
        let lesson = scope.stopping().or(lesson(&place)).await;
        place.clean_up().await;
        lesson.unwrap_or(Ok(())).or_else(console::ended)
    }
}

async fn lesson(place: &Place) -> Result<(), Error> {
    for (number, title, solution) in [(0, "without", Solution::None), (1, "with", Solution::Versions)] {
        console::say(format_args!("{title} a version check"))?;
        let trial = Trial {
            name: place.stream(number),
            solution,
            mishap: Mishap { ack_is_lost: Some(1), is_held: Some(2), ..Mishap::default() },
            events: vec![Kind::Price(10), Kind::Price(50), Kind::Price(100)],
        };
        let outcome = trial.run(place, console::say).await?;
        let verdict = if outcome.is_right() { "right" } else { "wrong" };
        console::say(format_args!("price {}, and should be {}: {verdict}", outcome.amount, outcome.right))?;
    }
    Ok(())
}

fn main() -> Exit {
    let mut lesson: TicketVersions = match console::arguments() {
        Ok(lesson) => lesson,
        Err(exit) => return exit,
    };
    console::log();
    match lesson.command.take() {
        Some(Part::Instance(instance)) => service::run("instance", instance),
        None => service::run("ticket-versions", lesson),
    }
}
