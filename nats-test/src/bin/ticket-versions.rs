//! "Concurrency control with the tickets app".

use clap::Parser;
use nats_test::accounts::{Kind, Mishap, Part, Place, Solution, Stage, Trial, close};
use nats_test::console;
use service::{Error, Exit, Scope, Service};

/// Set a ticket's price to 10, 50 and 100; the updates arrive out of order, and one of them twice.
///
/// This runs first without a version check, then with one. Every instance is a process, which prints its copy of the
/// price after each event. It needs a server: `cargo run --bin server`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct TicketVersions {
    #[command(flatten)]
    stage: Stage,
}

impl Service for TicketVersions {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { mut stage } = self;
        if let Some(Part::Instance(instance)) = stage.part.take() {
            return instance.run(scope).await;
        }
        let place = stage.open(&scope).await?;
        let lesson = scope.stopping().or(lesson(&place)).await;
        close(place, lesson).await
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
        console::say(format_args!("price {}, expected {}: {verdict}", outcome.amount, outcome.right))?;
    }
    Ok(())
}

fn main() -> Exit {
    console::main::<TicketVersions>("ticket-versions")
}
