//! One instance of the service, as a process of its own.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bus::{Consumer, Delivery, Membership, Name, Source, Start, Subscription, Verdict};
use clap::Args;
use service::{Error, Scope, Service, Stopping};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::watch;

use super::event::Event;
use super::report::{Did, Report};
use super::scenario::{Mishap, Solution};
use super::store::Store;
use crate::{client, console};

/// When an event that came too early is redelivered.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How many events an instance requests at a time. One, so that none waits in an instance that is busy.
const BATCH: usize = 1;

/// One instance: it handles events of the queue group, and prints one [`Report`] a line on stdout, as JSON. A line on
/// stdin releases the event that it holds; the end of stdin stops it.
#[derive(Args, Clone, Debug)]
pub struct Instance {
    #[command(flatten)]
    pub(super) broker: client::Broker,
    #[arg(long)]
    pub(super) stream: Name,
    #[arg(long)]
    pub(super) bucket: Name,
    #[arg(long)]
    pub(super) solution: Solution,
    #[arg(long, value_parser = humantime::parse_duration)]
    pub(super) ack_wait: Duration,
    #[command(flatten)]
    pub(super) mishap: Mishap,
}

impl Service for Instance {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { broker, stream, bucket, solution, ack_wait, mishap } = self;
        let bus = client::connect_unregistered(&scope, broker, client::random_id()).await?;
        let bucket = bus.jetstream().get_key_value(bucket.as_str()).await?;
        let subject = format!("{stream}.events");
        let consumer = Consumer {
            source: Source::Other { stream: stream.clone(), subject },
            membership: Membership::Group("accounts".parse()?),
            start: Start::All,
            ack_wait,
            max_in_flight: 1000,
            batch: BATCH,
            concurrency: 1,
        };
        let (release, released) = watch::channel(false);
        let store = Store::new(bucket, stream.to_string());
        let worker = Arc::new(Worker { store, solution, mishap, released });
        let handler = move |delivery: Arc<Delivery>, stopping| {
            let worker = Arc::clone(&worker);
            async move { worker.on_message(&delivery, &stopping).await }
        };
        scope.start("subscription", Subscription::new(bus, consumer, handler)).await?;
        scope.ready(());
        console::say("ready")?;
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(Some(_)) = scope.stopping().or(lines.next_line()).await.transpose()? {
            release.send_replace(true);
        }
        Ok(())
    }
}

struct Worker {
    store: Store,
    solution: Solution,
    mishap: Mishap,
    released: watch::Receiver<bool>,
}

impl Worker {
    async fn on_message(&self, delivery: &Delivery, stopping: &Stopping) -> Verdict {
        match self.handle(delivery, stopping).await {
            Ok(verdict) => verdict,
            Err(error) => {
                console::remark(format_args!("event #{}: {error:#}", delivery.sequence));
                Verdict::Leave
            }
        }
    }

    async fn handle(&self, delivery: &Delivery, stopping: &Stopping) -> Result<Verdict, Error> {
        let event: Event = serde_json::from_slice(&delivery.payload).context("failed to read the event")?;
        let report =
            |did| console::say(serde_json::to_string(&Report { number: event.number, did }).unwrap_or_default());
        let is = |number: Option<u64>| number == Some(event.number) && delivery.attempt == 1;
        if is(self.mishap.fails) {
            report(Did::Fail)?;
            return Ok(Verdict::Leave);
        }
        if is(self.mishap.kills) {
            report(Did::WaitForDeath)?;
            stopping.asked().await;
            return Ok(Verdict::Leave);
        }
        if is(self.mishap.is_held) {
            report(Did::Hold)?;
            stopping.or(self.released.clone().wait_for(|released| *released)).await;
        }
        let did = self.apply(&event, delivery.sequence).await?;
        let ack_is_lost = is(self.mishap.ack_is_lost);
        let did = match did {
            Did::Apply(amount) if ack_is_lost => Did::ApplyUnacked(amount),
            did => did,
        };
        report(did.clone())?;
        Ok(match did {
            Did::Wait => Verdict::Nak(AGAIN_AFTER),
            Did::ApplyUnacked(_) => Verdict::Leave,
            _ => Verdict::Ack,
        })
    }

    /// Applies the event to the account, as the solution says.
    async fn apply(&self, event: &Event, sequence: u64) -> Result<Did, Error> {
        let name = self.solution.document(&event.account);
        let (mut document, revision) = self.store.read(name).await?;
        let account = document.accounts.entry(event.account.clone()).or_default();
        let (is_known, is_next) = match self.solution {
            Solution::None | Solution::SingleInstance => (false, true),
            Solution::SharedSequence => (sequence <= document.last, sequence == document.last + 1),
            Solution::PerAccountSequence => (sequence <= account.last, event.previous == account.last),
            Solution::Versions => (event.number <= account.version, event.number == account.version + 1),
        };
        if is_known {
            return Ok(Did::Skip);
        }
        if !is_next {
            return Ok(Did::Wait);
        }
        let after = event.kind.apply(account.amount);
        let amount = after.unwrap_or(account.amount);
        (account.amount, account.version, account.last) = (amount, event.number, sequence);
        document.last = sequence;
        if self.solution == Solution::Versions {
            if !self.store.replace(name, &document, revision).await? {
                return Ok(Did::Wait); // another instance has changed it in the meantime
            }
        } else {
            self.store.write(name, &document).await?;
        }
        Ok(if after.is_some() { Did::Apply(amount) } else { Did::Refuse(amount) })
    }
}
