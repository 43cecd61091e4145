//! All scenarios with all solutions, and what each solution costs.

use std::time::{Duration, Instant};

use anyhow::bail;
use bus::Name;
use clap::ValueEnum;
use futures_util::future::{join_all, try_join_all};
use service::Error;

use super::trial::Running;
use super::{Event, Kind, Mishap, Outcome, Place, Scenario, Solution, Trial};

/// The lesson's three events.
pub const EVENTS: [Kind; 3] = [Kind::Deposit(70), Kind::Deposit(40), Kind::Withdrawal(100)];

/// How many accounts there are, and events for each, when a solution's cost is measured.
const ACCOUNTS: u64 = 8;
const EACH: u64 = 25;

/// The number of the first stream that a cost is measured on, behind those of the matrix.
const COSTS: usize = 100;

/// Runs every scenario with every solution, all at once; the rows are the scenarios.
///
/// # Errors
///
/// When the broker or an instance does not do its part.
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
    /// Which one.
    pub solution: Solution,
    /// How many events were handled in a second.
    pub events_per_second: f64,
}

/// Measures each solution, one after the other: some accounts, their events mixed.
///
/// # Errors
///
/// When the broker or an instance does not do its part.
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
    let mut instances = place.start_all(name, solution, Mishap::default()).await?;
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
        // What they say must be read, or they would stop saying it.
        ended = join_all(instances.iter_mut().map(Running::skip_lines)) => bail!("the instances ended: {ended:?}"),
    }
    let took = began.elapsed();
    for instance in instances {
        instance.end().await?;
    }
    place.bus.jetstream().delete_stream(name.as_str()).await?;
    Ok(took)
}
