//! `dlq redrive`: publishes dead letters again, each for its own queue group.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bus::{Bus, DeadLetter};
use clap::Args;
use service::{Error, Exit, Stopping};
use tokio::time::{MissedTickBehavior, interval};

use super::selection::Selection;
use crate::broker::Broker;
use crate::console::{Progress, remark, say};

/// Which dead letters are redriven, and how fast.
#[derive(Args, Clone, Debug)]
pub(crate) struct Redrive {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    selection: Selection,
    /// Only list the dead letters that would be redriven
    #[arg(long)]
    dry_run: bool,
    /// Redrive at most this many per second
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

impl Redrive {
    pub(crate) fn run(self) -> Exit {
        let Self { broker, selection, dry_run, rate } = self;
        broker.run("redrive", async move |bus, scope| {
            let (bus, stopping) = (&bus, &scope.stopping());
            let act = async |numbers: Vec<u64>, _| redrive(bus, &numbers, rate, stopping).await;
            selection.for_all(bus, stopping, dry_run, act).await
        })
    }
}

async fn redrive(bus: &Bus, numbers: &[u64], rate: u32, stopping: &Stopping) -> Result<(), Error> {
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut done, mut failed, mut progress) = (0, 0, Progress::begin());
    for number in numbers {
        // A stop does not interrupt the redrive of one letter.
        if stopping.or(pace.tick()).await.is_none() {
            bail!("stopped: {done} of {} redriven; the others are still dead letters", numbers.len());
        }
        let so_far = format!("{done} of {} redriven, up to #{number}; run it again for the rest", numbers.len());
        let found = DeadLetter::find(bus, *number).await;
        let Some(letter) = found.context(so_far.clone())? else { continue }; // somebody else has redriven or dropped it
        match letter.redrive(bus).await {
            Ok(()) => done += 1,
            Err(error) if error.may_pass() => return Err(error).context(so_far),
            Err(error) => {
                failed += 1;
                remark(format_args!("#{number} is still a dead letter: {error}"));
            }
        }
        progress.report(format_args!("{done} of {} redriven", numbers.len()));
    }
    say(format_args!("{done} redriven"))?;
    ensure!(failed == 0, "{failed} could not be redriven");
    Ok(())
}
