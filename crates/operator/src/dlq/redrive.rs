//! `dlq redrive`: publishes dead letters again, each for its own queue group.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail};
use bus::inspect::Snapshot;
use bus::{Bus, DeadLetter, Reader};
use clap::Args;
use service::{Error, Exit, Stopping};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::selection::Selection;
use crate::broker::Broker;
use crate::console::{Progress, remark, say};
use crate::message::one_line;
use crate::program;

/// How long it waits for handlers that fail again.
const FAILS_AGAIN_WITHIN: Duration = Duration::from_secs(2);

/// The pause between two looks at the groups.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many letters that failed again are named.
const NAMED: usize = 10;

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
            if dry_run {
                return stopping.or(selection.list(bus)).await.context("stopped before all were listed")?;
            }
            redrive(bus, &selection, rate, stopping).await
        })
    }
}

/// What was redriven.
#[derive(Debug, Default)]
struct Redriven {
    /// The numbers of the letters, in ascending order.
    numbers: Vec<u64>,
    /// Their queue groups, each with the subject.
    groups: BTreeSet<(String, String)>,
    /// How many could not be redriven.
    failed: usize,
}

async fn redrive(bus: &Bus, selection: &Selection, rate: u32, stopping: &Stopping) -> Result<(), Error> {
    let mut new = Reader::of_new_dead_letters(bus).await?;
    let mut letters = stopping.or_stop(selection.letters(bus)).await??;
    let mut redriven = Redriven::default();
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut progress = Progress::begin();
    while let Some(letter) = stopping.or_stop(letters.next()).await?? {
        let done = redriven.numbers.len();
        // A stop does not interrupt the redrive of one letter.
        if stopping.or(pace.tick()).await.is_none() {
            bail!("stopped: {done} redriven; the others are still dead letters");
        }
        let number = letter.number;
        let so_far = format!("{done} redriven, up to #{number}; run it again for the rest");
        let found = DeadLetter::find(bus, number).await;
        let Some(letter) = found.context(so_far.clone())? else { continue }; // somebody else has redriven or dropped it
        match letter.redrive(bus).await {
            Ok(()) => {
                redriven.numbers.push(number);
                redriven.groups.insert((letter.group, letter.subject));
            }
            Err(error) if error.may_pass() => return Err(error).context(so_far),
            Err(error) => {
                redriven.failed += 1;
                remark(format_args!("#{number} is still a dead letter: {error}"));
            }
        }
        progress.report(format_args!("{} redriven, up to #{number}", redriven.numbers.len()));
    }
    let again = match redriven.groups.is_empty() {
        true => Vec::new(),
        false => stopping.or(failed_again(bus, &redriven, &mut new)).await.unwrap_or(Ok(Vec::new()))?,
    };
    new.close().await;
    conclude(&redriven, &again, letters.close().await)
}

/// Says how it went; the error is about the letters that are still there, or there again, or never were.
fn conclude(redriven: &Redriven, again: &[DeadLetter], all: Result<(), Error>) -> Result<(), Error> {
    let done = redriven.numbers.len();
    let counts = if again.is_empty() { String::new() } else { format!(", {} failed again", again.len()) };
    if done > 0 {
        say(format_args!("{done} redriven{counts}"))?;
    }
    if (!again.is_empty() || redriven.failed > 0)
        && let Err(missing) = &all
    {
        remark(missing);
    }
    if let Some(first) = again.first() {
        let named = again.iter().take(NAMED).map(|letter| format!("#{} ({})", letter.number, one_line(&letter.reason)));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = if again.len() > NAMED { ", and more" } else { "" };
        let show = program::command(&format!("dlq show {}", first.number));
        bail!("{} failed again and are new dead letters: {named}{more}; {show} shows the first one", again.len());
    }
    if redriven.failed > 0 {
        bail!("{} could not be redriven", redriven.failed);
    }
    all
}

/// Waits until the groups have handled what they received, but not long, and returns the new letters of those redriven.
async fn failed_again(bus: &Bus, redriven: &Redriven, new: &mut Reader) -> Result<Vec<DeadLetter>, Error> {
    let give_up = Instant::now() + FAILS_AGAIN_WITHIN;
    while Instant::now() < give_up && !have_settled(&Snapshot::take(bus).await?, &redriven.groups) {
        sleep(LOOK_EVERY).await;
    }
    let mut again = Vec::new();
    while let Some(message) = new.try_next().await? {
        let is_ours = message.redrive_of().is_some_and(|number| redriven.numbers.binary_search(&number).is_ok());
        again.extend(DeadLetter::read(&message).filter(|_| is_ours));
    }
    Ok(again)
}

fn have_settled(snapshot: &Snapshot, groups: &BTreeSet<(String, String)>) -> bool {
    groups.iter().all(|(group, subject)| {
        let mut consumers = snapshot.consumers.iter().filter(|row| row.owner() == group && row.reads_only(subject));
        consumers.all(|row| row.lag == 0 && row.in_flight == 0)
    })
}
