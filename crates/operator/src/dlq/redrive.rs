//! `dlq redrive`: once more, for the group that could not.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bus::{self, DeadLetter};
use clap::Args;
use service::{Error, Scope, Service, Stopping};
use tokio::time::{MissedTickBehavior, interval};

use super::selection::Selection;
use crate::broker::Broker;
use crate::console::say;
use crate::console::{Progress, remark};

#[derive(Args, Clone, Debug)]
pub(crate) struct Redrive {
    #[command(flatten)]
    broker: Broker,
    #[command(flatten)]
    selection: Selection,
    /// Only list those that would be redriven
    #[arg(long)]
    dry_run: bool,
    /// At most so many in a second
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

impl Service for Redrive {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let bus = self.broker.clone().connect(&scope).await?;
        scope.ready(());
        let (bus, stopping) = (&bus, &scope.stopping());
        let this = &self;
        let redrive = |numbers: Vec<u64>, _| async move { this.redrive(bus, &numbers, stopping).await };
        self.selection.for_all(bus, stopping, self.dry_run, redrive).await
    }
}

impl Redrive {
    async fn redrive(&self, bus: &bus::Bus, numbers: &[u64], stopping: &Stopping) -> Result<(), Error> {
        let mut pace = interval(Duration::from_secs(1) / self.rate);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut done, mut failed, mut progress) = (0, 0, Progress::new());
        for number in numbers {
            // One that was begun is brought to its end.
            if stopping.or(pace.tick()).await.is_none() {
                bail!("stopped: {done} of {} redriven; the others are dead letters still", numbers.len());
            }
            let so_far = format!("{done} of {} redriven, up to #{number}; do it again for the rest", numbers.len());
            let found = DeadLetter::find(bus, *number).await;
            let Some(letter) = found.context(so_far.clone())? else { continue }; // somebody else was faster
            match letter.redrive(bus).await {
                Ok(()) => done += 1,
                Err(error) if error.may_pass() => return Err(error).context(so_far),
                Err(error) => {
                    failed += 1;
                    remark(format_args!("#{number} stays a dead letter: {error}"));
                }
            }
            progress.tell(format_args!("{done} of {} redriven", numbers.len()));
        }
        say(format_args!("{done} redriven"))?;
        ensure!(failed == 0, "{failed} could not be redriven");
        Ok(())
    }
}
