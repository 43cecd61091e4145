//! One trial: a stream of its own, some instances, some events, and what comes of it.

use std::collections::BTreeSet;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{self, StorageType};
use bus::{Bus, Name};
use clap::Args;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, TryStreamExt};
use service::Error;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::instance::Did;
use super::store::Store;
use super::{Event, Kind, Report, Solution};
use crate::client;

/// How long any step of a trial may take, beside the ack wait.
const STEP_WITHIN: Duration = Duration::from_secs(30);

/// What goes wrong, by the number of the event it happens to, at its first delivery.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mishap {
    /// Handling it ends with an error.
    #[arg(long)]
    pub fails: Option<u64>,
    /// The instance that has it stands still until all others are through.
    #[arg(long)]
    pub is_held: Option<u64>,
    /// The instance that has it is killed.
    #[arg(long)]
    pub kills: Option<u64>,
    /// It is handled, but the ack does not arrive.
    #[arg(long)]
    pub ack_is_lost: Option<u64>,
}

/// Where the trials of one run take place: the broker, and the bucket of the service's database.
#[derive(Clone, Debug)]
pub struct Place {
    pub(super) bus: Bus,
    /// Where the instances find it.
    broker: client::Broker,
    /// What everything that this run makes is named after.
    run: Name,
    ack_wait: Duration,
}

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

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the account holds in the end.
    pub amount: i64,
    /// What it should hold.
    pub right: i64,
}

impl Outcome {
    /// Whether nothing was lost, doubled, or mixed up.
    pub fn is_right(&self) -> bool {
        self.amount == self.right
    }
}

const ACCOUNT: &str = "account";

impl Place {
    /// Makes the bucket. An event without an ack comes again after `ack_wait`.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub(super) async fn make(bus: Bus, broker: client::Broker, ack_wait: Duration) -> Result<Self, Error> {
        let place = Self { bus, broker, run: client::random_id(), ack_wait };
        let config = kv::Config { bucket: place.bucket(), storage: StorageType::Memory, ..kv::Config::default() };
        place.bus.jetstream().create_key_value(config).await?;
        Ok(place)
    }

    fn bucket(&self) -> String {
        format!("accounts-{}", self.run)
    }

    /// The name of the stream of one trial.
    pub fn stream(&self, number: usize) -> Name {
        let name = format!("accounts-{}-{number}", self.run);
        name.parse().expect("letters, digits and dashes make a name")
    }

    /// Deletes what this run has made, also what a stopped one has left half done.
    pub(super) async fn clean_up(self) {
        let all: Result<Vec<String>, _> = self.bus.jetstream().stream_names().try_collect().await;
        let ours = self.bucket();
        let is_ours = |name: &String| name.strip_prefix("KV_").unwrap_or(name).starts_with(&ours);
        for name in all.unwrap_or_default().into_iter().filter(is_ours) {
            self.bus.jetstream().delete_stream(name).await.ok();
        }
    }

    /// Makes a stream of its own for a trial.
    pub(super) async fn make_stream(&self, name: &Name) -> Result<(), Error> {
        let config = stream::Config {
            name: name.to_string(),
            subjects: vec![format!("{name}.events")],
            storage: StorageType::Memory,
            ..stream::Config::default()
        };
        self.bus.jetstream().create_stream(config).await.with_context(|| format!("making the stream {name}"))?;
        Ok(())
    }

    pub(super) async fn publish(&self, stream: &Name, event: &Event) -> Result<u64, Error> {
        let payload = serde_json::to_vec(event)?.into();
        Ok(self.bus.jetstream().publish(format!("{stream}.events"), payload).await?.await?.sequence)
    }

    fn start(&self, stream: &Name, solution: Solution, mishap: Mishap) -> Result<Running, Error> {
        let mut command = Command::new(std::env::current_exe()?);
        // By the environment, since a URL may hold a password.
        command.env("NATS_URL", self.broker.url.as_str());
        command.arg("instance").args(["--cluster-id", self.broker.cluster_id.as_str()]);
        command.args(["--stream", stream.as_str(), "--bucket", &self.bucket(), "--solution", &solution.name()]);
        command.args(["--ack-wait", &format!("{}ms", self.ack_wait.as_millis())]);
        let Mishap { fails, is_held, kills, ack_is_lost } = mishap;
        let numbers = [("--fails", fails), ("--is-held", is_held), ("--kills", kills), ("--ack-is-lost", ack_is_lost)];
        for (option, number) in numbers {
            command.args(number.map(|number| [option.to_owned(), number.to_string()]).into_iter().flatten());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).process_group(0);
        let mut child = command.spawn().context("starting an instance")?;
        let stdout = child.stdout.take().context("its stdout")?;
        let stdin = child.stdin.take().context("its stdin")?;
        Ok(Running { child, stdin, lines: BufReader::new(stdout).lines(), name: None, is_held: false })
    }

    /// Starts as many as the solution has, and waits until all are ready.
    pub(super) async fn start_all(
        &self,
        stream: &Name,
        solution: Solution,
        mishap: Mishap,
    ) -> Result<Vec<Running>, Error> {
        let started = (0..solution.instances()).map(|_| self.start(stream, solution, mishap));
        let mut instances = started.collect::<Result<Vec<_>, _>>()?;
        for instance in &mut instances {
            instance.ready().await?;
        }
        Ok(instances)
    }

    /// Waits until everything published was delivered and acked.
    pub(super) async fn settled(&self, stream: &Name) -> Result<(), Error> {
        loop {
            let name = format!("ephemeral:group:accounts:{stream}-events");
            let found = self.bus.jetstream().get_consumer_from_stream(name.as_str(), stream.as_str()).await;
            let consumer: PullConsumer = found.with_context(|| format!("looking at the consumer {name}"))?;
            let info = consumer.cached_info();
            if info.num_pending == 0 && info.num_ack_pending == 0 {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn store(&self, stream: &Name) -> Result<Store, Error> {
        let bucket = self.bus.jetstream().get_key_value(self.bucket()).await?;
        Ok(Store::new(bucket, stream.to_string()))
    }
}

/// A running instance.
pub(super) struct Running {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// A, B: in the order of their first reports.
    name: Option<char>,
    is_held: bool,
}

impl Running {
    async fn ready(&mut self) -> Result<(), Error> {
        let line = timeout(STEP_WITHIN, self.lines.next_line()).await.context("an instance did not start")??;
        if line.as_deref() != Some("ready") {
            bail!("an instance ended at its start");
        }
        Ok(())
    }

    /// Reads what it says until it ends.
    pub(super) async fn skip_lines(&mut self) -> io::Result<()> {
        while self.lines.next_line().await?.is_some() {}
        Ok(())
    }

    /// The end of its stdin is its end.
    pub(super) async fn end(mut self) -> Result<(), Error> {
        drop(self.stdin);
        timeout(STEP_WITHIN, self.child.wait()).await.context("an instance did not end")??;
        Ok(())
    }
}

impl Trial {
    /// Runs it, telling what happens line by line.
    ///
    /// # Errors
    ///
    /// When the broker or an instance does not do its part.
    pub async fn run(&self, place: &Place, tell: impl Fn(String) -> io::Result<()>) -> Result<Outcome, Error> {
        place.make_stream(&self.name).await?;
        let mut instances = place.start_all(&self.name, self.solution, self.mishap).await?;
        let mut names = 'A'..='Z';
        let mut waiting = BTreeSet::new(); // who was told to be waiting for what already
        let (mut previous, mut right) = (0, 0);
        for (number, kind) in (1..).zip(&self.events) {
            let event = Event { account: ACCOUNT.to_owned(), number, kind: *kind, previous };
            right = kind.apply(right).unwrap_or(right);
            previous = place.publish(&self.name, &event).await?;
            tell(format!("published   #{number} {kind}"))?;
            while instances.iter().any(|instance| !instance.is_held) {
                let heard = self.hear(place.ack_wait, &mut instances, &mut names, &mut waiting, &tell).await?;
                if heard.did == Did::WaitForDeath && self.solution == Solution::SingleInstance {
                    let mut next = place.start(&self.name, self.solution, self.mishap)?;
                    next.ready().await?;
                    tell("a new instance is started".to_owned())?;
                    instances.push(next);
                }
                if heard.number == number {
                    break;
                }
            }
        }
        for instance in instances.iter_mut().filter(|instance| instance.is_held) {
            instance.stdin.write_all(b"release\n").await?;
            instance.is_held = false;
        }
        loop {
            tokio::select! {
                biased;
                heard = self.hear(place.ack_wait, &mut instances, &mut names, &mut waiting, &tell) => {
                    heard?;
                }
                settled = timeout(STEP_WITHIN + place.ack_wait, place.settled(&self.name)) => {
                    settled.context("the events were never all acked")??;
                    break;
                }
            }
        }
        for instance in instances {
            instance.end().await?;
        }
        let store = place.store(&self.name).await?;
        let (document, _) = store.read(self.solution.document(ACCOUNT)).await?;
        let amount = document.accounts.get(ACCOUNT).map_or(0, |account| account.amount);
        place.bus.jetstream().delete_stream(self.name.as_str()).await?;
        Ok(Outcome { amount, right })
    }

    /// Waits for the next report of any instance, and does what has to be done about it.
    async fn hear(
        &self,
        patience: Duration,
        instances: &mut Vec<Running>,
        names: &mut impl Iterator<Item = char>,
        waiting: &mut BTreeSet<(char, u64)>,
        tell: &impl Fn(String) -> io::Result<()>,
    ) -> Result<Report, Error> {
        let (at, line) = {
            let next = async |(at, instance): (usize, &mut Running)| (at, instance.lines.next_line().await);
            let mut all: FuturesUnordered<_> = instances.iter_mut().enumerate().map(next).collect();
            let heard = timeout(STEP_WITHIN + patience, all.next()).await.context("no instance says anything")?;
            heard.context("no instance is left")?
        };
        let line = line?.context("an instance ended")?;
        let report: Report = serde_json::from_str(&line).with_context(|| format!("an instance said {line:?}"))?;
        let instance = &mut instances[at];
        let name = *instance.name.get_or_insert_with(|| names.next().unwrap_or('?'));
        let number = report.number;
        let kind = usize::try_from(number - 1).ok().and_then(|at| self.events.get(at)).context("an unknown event")?;
        let text = match report.did {
            Did::Hold => format!("is slow with the {kind}"),
            Did::WaitForDeath => format!("dies with the {kind}"),
            Did::Fail => format!("fails with the {kind}: no ack, it comes again"),
            Did::Apply(amount) => format!("handles the {kind}: holds {amount}"),
            Did::ApplyUnacked(amount) => format!("handles the {kind}: holds {amount}; the ack is lost, it comes again"),
            Did::Refuse(amount) => format!("refuses the {kind}: holds only {amount}"),
            Did::Wait => format!("lets the {kind} wait for the one before"),
            Did::Skip => format!("skips the {kind}: handled before"),
        };
        if report.did != Did::Wait || waiting.insert((name, number)) {
            tell(format!("instance {name}  #{number} {text}"))?;
        }
        match report.did {
            Did::Hold => instance.is_held = true,
            Did::WaitForDeath => {
                instance.child.kill().await?; // SIGKILL
                instances.remove(at);
            }
            _ => {}
        }
        Ok(report)
    }
}
