//! One trial: a stream of its own, some instances, some events, and the outcome.

use std::collections::BTreeSet;
use std::io;

use anyhow::Context;
use bus::Name;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use service::Error;
use tokio::time::timeout;

use super::event::{Event, Kind};
use super::place::Place;
use super::process::{Process, STEP_WITHIN};
use super::report::{Did, Report};
use super::scenario::{Mishap, Solution};

const ACCOUNT: &str = "account";

/// A trial to be run.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The name of its stream.
    pub name: Name,
    /// How the service guards itself.
    pub solution: Solution,
    /// What goes wrong.
    pub mishap: Mishap,
    /// What is published, in order, for one account.
    pub events: Vec<Kind>,
}

/// The outcome of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The amount of the account in the end.
    pub amount: i64,
    /// The amount that it should have.
    pub right: i64,
}

impl Outcome {
    /// Whether nothing was lost, doubled, or mixed up.
    pub fn is_right(&self) -> bool {
        self.amount == self.right
    }
}

/// The instances of a running trial.
struct Instances<'a, P> {
    trial: &'a Trial,
    place: &'a Place,
    running: Vec<Process>,
    names: std::ops::RangeInclusive<char>,
    /// The waits that were printed: an event that waits is redelivered often.
    waiting: BTreeSet<(char, u64)>,
    print: P,
}

impl Trial {
    /// Runs the trial, and prints what happens line by line.
    ///
    /// # Errors
    ///
    /// If the broker or an instance fails.
    pub async fn run(&self, place: &Place, print: impl Fn(String) -> io::Result<()>) -> Result<Outcome, Error> {
        place.make_stream(&self.name).await?;
        let running = Process::start_all(place, &self.name, self.solution, self.mishap).await?;
        let mut instances =
            Instances { trial: self, place, running, names: 'A'..='Z', waiting: BTreeSet::new(), print };
        let right = instances.publish_all().await?;
        instances.release_all().await?;
        instances.settle().await?;
        for process in instances.running {
            process.end().await?;
        }
        let store = place.store(&self.name).await?;
        let (document, _) = store.read(self.solution.document(ACCOUNT)).await?;
        let amount = document.accounts.get(ACCOUNT).map_or(0, |account| account.amount);
        place.delete_stream(&self.name).await?;
        Ok(Outcome { amount, right })
    }
}

impl<P: Fn(String) -> io::Result<()>> Instances<'_, P> {
    /// Publishes each event when the one before it was reported, unless all instances are held. Returns the amount that
    /// the account should have in the end.
    async fn publish_all(&mut self) -> Result<i64, Error> {
        let Self { trial, place, .. } = *self;
        let (mut previous, mut right) = (0, 0);
        for (number, kind) in (1..).zip(&trial.events) {
            let event = Event { account: ACCOUNT.to_owned(), number, kind: *kind, previous };
            right = kind.apply(right).unwrap_or(right);
            previous = place.publish(&trial.name, &event).await?;
            (self.print)(format!("published   #{number} {kind}"))?;
            while self.running.iter().any(|process| !process.is_held) {
                let report = self.next_report().await?;
                if report.did == Did::WaitForDeath && trial.solution == Solution::SingleInstance {
                    let next = Process::start(place, &trial.name, trial.solution, trial.mishap).await?;
                    (self.print)("a new instance is started".to_owned())?;
                    self.running.push(next);
                }
                if report.number == number {
                    break;
                }
            }
        }
        Ok(right)
    }

    async fn release_all(&mut self) -> Result<(), Error> {
        for process in self.running.iter_mut().filter(|process| process.is_held) {
            process.release().await?;
        }
        Ok(())
    }

    /// Waits until all events are acked.
    async fn settle(&mut self) -> Result<(), Error> {
        let Self { trial, place, .. } = *self;
        loop {
            tokio::select! {
                biased;
                report = self.next_report() => {
                    report?;
                }
                settled = timeout(STEP_WITHIN + place.ack_wait, place.settled(&trial.name)) => {
                    return settled.context("not all events were acked in time")?;
                }
            }
        }
    }

    /// Waits for the next report of any instance, prints it, and does what it asks for.
    async fn next_report(&mut self) -> Result<Report, Error> {
        let (at, report) = {
            let next = async |(at, process): (usize, &mut Process)| (at, process.report().await);
            let mut all: FuturesUnordered<_> = self.running.iter_mut().enumerate().map(next).collect();
            let limit = STEP_WITHIN + self.place.ack_wait;
            timeout(limit, all.next()).await.context("no instance reports anything")?.context("no instance is left")?
        };
        let report = report?;
        let process = &mut self.running[at];
        let name = *process.name.get_or_insert_with(|| self.names.next().unwrap_or('?'));
        let number = report.number;
        let kind = usize::try_from(number - 1).ok().and_then(|at| self.trial.events.get(at));
        let kind = *kind.with_context(|| format!("an instance reported event #{number}, which was not published"))?;
        if report.did != Did::Wait || self.waiting.insert((name, number)) {
            (self.print)(format!("instance {name}  #{number} {}", report.did.describe(kind)))?;
        }
        match report.did {
            Did::Hold => process.is_held = true,
            Did::WaitForDeath => self.running.remove(at).kill().await?,
            _ => {}
        }
        Ok(report)
    }
}
