//! All scenarios with all solutions, and what each solution costs.

use std::time::{Duration, Instant};

use anyhow::bail;
use bus::Name;
use clap::ValueEnum;
use futures_util::future::{join_all, try_join_all};
use service::Error;

use super::event::{Event, Kind};
use super::place::Place;
use super::process::Process;
use super::scenario::{Mishap, Scenario, Solution};
use super::trial::{Outcome, Trial};

/// The lesson's three events.
pub const EVENTS: [Kind; 3] = [Kind::Deposit(70), Kind::Deposit(40), Kind::Withdrawal(100)];

/// The number of accounts, and of events for each, when the cost of a solution is measured.
const ACCOUNTS: u64 = 8;
const EACH: u64 = 25;

/// The number of the first stream for measuring costs, after those of the matrix.
const COSTS: usize = 100;

/// Runs every scenario with every solution, all of them concurrently; the rows are the scenarios.
///
/// # Errors
///
/// If the broker or an instance fails.
pub async fn matrix(place: &Place) -> Result<Vec<Vec<Outcome>>, Error> {
    let solutions = Solution::value_variants();
    let rows = Scenario::value_variants().iter().enumerate().map(|(row, scenario)| {
        let trials = solutions.iter().enumerate().map(|(column, solution)| Trial {
            name: place.stream(row * solutions.len() + column),
            solution: *solution,
            mishap: scenario.mishap(),
            events: EVENTS.to_vec(),
        });
        try_join_all(trials.map(async |trial| trial.run(place, |_| Ok(())).await))
    });
    try_join_all(rows).await
}

/// What a solution costs when nothing goes wrong.
#[derive(Clone, Debug)]
pub struct Cost {
    /// The solution.
    pub solution: Solution,
    /// Events handled per second.
    pub events_per_second: f64,
}

/// Measures each solution, one after the other, with interleaved events of some accounts.
///
/// # Errors
///
/// If the broker or an instance fails.
pub async fn costs(place: &Place) -> Result<Vec<Cost>, Error> {
    let mut costs = Vec::new();
    for (at, solution) in Solution::value_variants().iter().enumerate() {
        let took = measure(place, &place.stream(COSTS + at), *solution).await?;
        costs.push(Cost { solution: *solution, events_per_second: (ACCOUNTS * EACH) as f64 / took.as_secs_f64() });
    }
    Ok(costs)
}

async fn measure(place: &Place, name: &Name, solution: Solution) -> Result<Duration, Error> {
    place.make_stream(name).await?;
    let mut instances = Process::start_all(place, name, solution, Mishap::default()).await?;
    let began = Instant::now();
    let handled = async {
        let mut previous = vec![0; usize::try_from(ACCOUNTS)?];
        for number in 1..=EACH {
            for (account, previous) in previous.iter_mut().enumerate() {
                let event =
                    Event { account: format!("{account}"), number, kind: Kind::Deposit(1), previous: *previous };
                *previous = place.publish(name, &event).await?;
            }
        }
        place.settled(name).await
    };
    tokio::select! {
        handled = handled => handled?,
        ended = join_all(instances.iter_mut().map(Process::skip_reports)) => bail!("the instances ended: {ended:?}"),
    }
    let took = began.elapsed();
    for instance in instances {
        instance.end().await?;
    }
    place.delete_stream(name).await?;
    Ok(took)
}
