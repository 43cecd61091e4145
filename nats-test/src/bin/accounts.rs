//! The concurrency lesson.

use clap::{Args, Parser, ValueEnum};
use nats_test::accounts::{Cost, Part, Place, Scenario, Solution, Stage, Trial, close, costs, matrix};
use nats_test::{accounts, console};
use service::{Error, Exit, Scope, Service};

/// Core concurrency issues: +70, +40 and -100 on one account, and what can go wrong with them.
///
/// Without options, run the slow instance without a solution. Every instance is a process; a dead client is one that was
/// killed. This needs a server: `cargo run --bin server`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, subcommand_negates_reqs = true)]
struct Accounts {
    #[command(flatten)]
    stage: Stage,
    #[command(flatten)]
    choice: Choice,
}

/// The scenario and the solution.
#[derive(Args, Debug)]
struct Choice {
    /// What happens to the events
    #[arg(long, default_value = "slow-instance")]
    scenario: Scenario,
    /// How the service guards against it
    #[arg(long, default_value = "none")]
    solution: Solution,
    /// Run all scenarios with all solutions, and measure what each solution costs
    #[arg(long, conflicts_with_all = ["scenario", "solution"])]
    matrix: bool,
}

impl Service for Accounts {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { mut stage, choice } = self;
        if let Some(Part::Instance(instance)) = stage.part.take() {
            return instance.run(scope).await;
        }
        let place = stage.open(&scope).await?;
        let lesson = scope.stopping().or(choice.lesson(&place)).await;
        close(place, lesson).await
    }
}

impl Choice {
    async fn lesson(&self, place: &Place) -> Result<(), Error> {
        if self.matrix {
            console::remark("25 concurrent trials, then five measurements; this takes half a minute");
            let rows = matrix(place).await?;
            console::say(table(&rows))?;
            let costs = costs(place).await?;
            return Ok(console::say(cost_table(&costs))?);
        }
        let (scenario, solution) = (self.scenario, self.solution);
        console::say(format_args!("scenario {}, solution {}", scenario.name(), solution.name()))?;
        let trial =
            Trial { name: place.stream(0), solution, mishap: scenario.mishap(), events: accounts::EVENTS.to_vec() };
        let outcome = trial.run(place, console::say).await?;
        let verdict = if outcome.is_right() { "right" } else { "wrong" };
        Ok(console::say(format_args!("balance {}, expected {}: {verdict}", outcome.amount, outcome.right))?)
    }
}

fn table(rows: &[Vec<accounts::Outcome>]) -> String {
    let solutions: Vec<_> = Solution::value_variants().iter().map(|solution| solution.name()).collect();
    let mut text = format!("| | {} |\n|---{}|", solutions.join(" | "), "|---".repeat(solutions.len()));
    for (scenario, row) in Scenario::value_variants().iter().zip(rows) {
        let cells: Vec<_> = row.iter().map(|outcome| if outcome.is_right() { "right" } else { "wrong" }).collect();
        text += &format!("\n| {} | {} |", scenario.name(), cells.join(" | "));
    }
    text
}

fn cost_table(costs: &[Cost]) -> String {
    let mut text = "\n| solution | events per second | what blocks what |\n|---|---|---|".to_owned();
    for cost in costs {
        let blocks = cost.solution.blocks();
        text += &format!("\n| {} | {:.0} | {blocks} |", cost.solution.name(), cost.events_per_second);
    }
    text
}

fn main() -> Exit {
    console::main::<Accounts>("accounts")
}
