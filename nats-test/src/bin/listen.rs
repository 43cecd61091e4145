//! The listener of the experiments.

use std::io::IsTerminal;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use bus::{Consumer, DeadLetter, Delivery, Membership, Name, RETURN_DELAY, Source, Start, Subscription, Verdict};
use clap::Parser;
use events::Subject;
use nats_test::lesson::{Lesson, Options};
use nats_test::{client, console, json, time};
use service::{Error, Exit, Scope, Service, Stopping};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// How long printing an event may take after Ctrl-C; after that its reader is assumed to have stopped reading.
const UNREAD_AFTER: Duration = Duration::from_secs(1);

/// Print the events that arrive, until Ctrl-C.
///
/// Without options, listen as in the last lesson of the course's section: a durable queue group with manual acks, which
/// receives every event once. `--lesson` selects the options of another lesson; any other option changes them.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Listen {
    #[command(flatten)]
    broker: client::Broker,
    /// Listen as in this lesson; without a name, list the lessons
    #[arg(long, value_name = "NAME", num_args = 0..=1, hide_possible_values = true)]
    lesson: Option<Option<Lesson>>,
    /// The client id; without this option, 8 random hex digits
    #[arg(long, value_name = "NAME")]
    client_id: Option<Name>,
    #[command(flatten)]
    health: client::Health,
    /// Share the events with the other members of this group
    #[arg(long, value_name = "NAME", overrides_with = "no_queue_group")]
    queue_group: Option<Name>,
    /// Keep the position under this name while nobody listens
    #[arg(long, value_name = "NAME", overrides_with = "no_durable")]
    durable: Option<Name>,
    /// Ack an event only if it was handled without an error; otherwise every event is acked
    #[arg(long, overrides_with = "no_manual_ack")]
    manual_ack: bool,
    /// Begin with the first event in the stream; otherwise with the next one published
    #[arg(long, overrides_with = "no_deliver_all")]
    deliver_all: bool,
    /// Listen without a queue group
    #[arg(long)]
    no_queue_group: bool,
    /// Keep no position
    #[arg(long)]
    no_durable: bool,
    /// Ack every event, including one that failed
    #[arg(long)]
    no_manual_ack: bool,
    /// Begin with the next event published
    #[arg(long)]
    no_deliver_all: bool,
    /// How long the broker waits for an ack before it redelivers the event
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time::ack_wait)]
    ack_wait: Duration,
    /// How many events of the group may be in flight, waiting for an ack
    #[arg(long, value_name = "NUMBER", default_value_t = 16384, value_parser = clap::value_parser!(u32).range(1..))]
    max_in_flight: u32,
    /// How many events to request at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// The subject to listen to
    #[arg(long, default_value_t = Subject::TicketCreated)]
    subject: Subject,
    /// Print the dead letters (messages that a listener could not handle, with the reason) instead of the events
    #[arg(long, conflicts_with_all = ["lesson", "queue_group", "durable", "manual_ack", "no_deliver_all", "subject", "fail"])]
    dead_letters: bool,
    /// Fail to handle an event: never, always, or first-N (at the first N deliveries of each event)
    #[arg(long, value_name = "WHEN", default_value = "never")]
    fail: Failing,
    /// How long handling an event takes
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = time::any)]
    delay: Duration,
}

/// Which deliveries of an event end with an error.
#[derive(Clone, Copy, Debug)]
enum Failing {
    Never,
    Always,
    First(u64),
}

impl FromStr for Failing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("first-").map(str::parse)) {
            ("never", _) => Ok(Self::Never),
            ("always", _) => Ok(Self::Always),
            (_, Some(Ok(count))) => Ok(Self::First(count)),
            _ => Err("expected never, always, or first-N with a number: first-2".to_owned()),
        }
    }
}

impl Listen {
    /// The lesson's options, changed by the single ones.
    fn options(&self) -> Options {
        let lesson = self.lesson.flatten().unwrap_or(Lesson::DurableSubscriptions);
        let mut options = lesson.options();
        if self.dead_letters {
            options = Options { start: Start::All, ..Lesson::ClientId.options() };
        }
        options.client_id = self.client_id.clone().or(options.client_id);
        options.queue_group = self.queue_group.clone().or(options.queue_group).filter(|_| !self.no_queue_group);
        options.durable = self.durable.clone().or(options.durable).filter(|_| !self.no_durable);
        options.manual_ack = (self.manual_ack || options.manual_ack) && !self.no_manual_ack;
        if self.deliver_all {
            options.start = Start::All;
        } else if self.no_deliver_all {
            options.start = Start::New;
        }
        options
    }
}

impl Service for Listen {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let options = self.options();
        if options.durable.is_some() && options.queue_group.is_none() && options.client_id.is_none() {
            bail!(
                "a durable without a queue group belongs to its client id: name one with --client-id, or add --no-durable"
            );
        }
        let client_id = options.client_id.unwrap_or_else(client::random_id);
        let bus = client::connect(&scope, self.broker, client_id, self.health).await?;
        let membership = match (options.queue_group, options.durable) {
            (Some(group), Some(durable)) => Membership::DurableGroup { group, durable },
            (Some(group), None) => Membership::Group(group),
            (None, Some(durable)) => Membership::Durable(durable),
            (None, None) => Membership::Alone,
        };
        let consumer = Consumer {
            source: if self.dead_letters { Source::DeadLetters } else { Source::Events(self.subject) },
            membership,
            start: options.start,
            ack_wait: self.ack_wait,
            max_in_flight: self.max_in_flight,
            batch: self.batch.try_into()?,
            concurrency: 1,
        };
        let (listening, subscribed) = watch::channel(false);
        let (failed, mut failure) = mpsc::unbounded_channel();
        let experiment = Arc::new(Experiment {
            dead_letters: self.dead_letters,
            manual_ack: options.manual_ack,
            ack_wait: self.ack_wait,
            fail: self.fail,
            delay: self.delay,
            subscribed,
            failed,
        });
        let handler = move |delivery: Arc<Delivery>, stopping: Stopping| {
            let experiment = Arc::clone(&experiment);
            async move { experiment.on_message(&delivery, &stopping).await }
        };
        scope.start("subscription", Subscription::new(bus, consumer, handler)).await?;
        let stopping = scope.stopping();
        match stopping.or(console::print("Listener connected to NATS".to_owned())).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return console::ended(error.into()),
            None => return Ok(()),
        }
        if std::io::stdout().is_terminal() {
            console::remark("Ctrl-C ends it.");
        }
        listening.send_replace(true);
        scope.ready(());
        tokio::select! {
            () = stopping.asked() => Ok(()),
            Some(error) = failure.recv() => console::ended(error),
        }
    }
}

/// How each message is handled.
struct Experiment {
    dead_letters: bool,
    manual_ack: bool,
    ack_wait: Duration,
    fail: Failing,
    delay: Duration,
    /// Whether "Listener connected" was printed; no event is printed before that.
    subscribed: watch::Receiver<bool>,
    failed: mpsc::UnboundedSender<Error>,
}

impl Experiment {
    async fn on_message(&self, delivery: &Delivery, stopping: &Stopping) -> Verdict {
        let mut subscribed = self.subscribed.clone();
        if !matches!(stopping.or(subscribed.wait_for(|said| *said)).await, Some(Ok(_))) {
            return Verdict::Nak(RETURN_DELAY);
        }
        let line = match self.line(delivery) {
            Ok(line) => line,
            Err(reason) => {
                console::remark(format_args!(
                    "Event #{} is invalid ({reason}) and moves to the dead letters: see listen --dead-letters",
                    delivery.sequence
                ));
                return Verdict::dead_letter(reason);
            }
        };
        let unread = async {
            stopping.asked().await;
            sleep(UNREAD_AFTER).await;
        };
        let printed = tokio::select! {
            printed = console::print(line) => printed,
            () = unread => return Verdict::Nak(RETURN_DELAY),
        };
        if let Err(error) = printed {
            self.failed.send(error.into()).ok();
            return Verdict::Leave;
        }
        if !self.delay.is_zero() && stopping.or(sleep(self.delay)).await.is_none() {
            return Verdict::Nak(RETURN_DELAY);
        }
        self.outcome(delivery)
    }

    fn line(&self, delivery: &Delivery) -> Result<String, String> {
        if self.dead_letters {
            return Ok(match DeadLetter::read(delivery) {
                Some(letter) => format!("Dead letter {letter}"),
                None => format!("#{} is not a dead letter: \"{}\"", delivery.sequence, delivery.payload.escape_ascii()),
            });
        }
        let text = str::from_utf8(&delivery.payload).map_err(|error| format!("not text: {error}"))?;
        json::check(text)?;
        // In JSON, a raw line break is only white space between tokens, so the data stays the same.
        let text = text.replace(['\n', '\r', '\t'], " ");
        Ok(format!("Received event #{}, with data: {text}", delivery.sequence))
    }

    fn outcome(&self, delivery: &Delivery) -> Verdict {
        let fails = match self.fail {
            Failing::Never => false,
            Failing::Always => true,
            Failing::First(count) => delivery.attempt <= count,
        };
        let sequence = delivery.sequence;
        let ack_wait = humantime::format_duration(self.ack_wait);
        match (fails, self.manual_ack) {
            (false, _) => Verdict::Ack,
            (true, false) => {
                console::remark(format_args!("Handling event #{sequence} failed; it was acked anyway, and is lost"));
                Verdict::Ack
            }
            (true, true) => {
                console::remark(format_args!(
                    "Handling event #{sequence} failed; without an ack it is redelivered in {ack_wait}"
                ));
                Verdict::Leave
            }
        }
    }
}

fn main() -> Exit {
    let listen: Listen = match console::arguments() {
        Ok(listen) => listen,
        Err(exit) => return exit,
    };
    telemetry::log_to_stderr();
    if listen.lesson == Some(None) {
        // A reader that has closed stdout is not a failure.
        console::say(Lesson::list()).ok();
        return Exit::Clean;
    }
    let exit = service::run("listen", listen);
    if exit == Exit::Clean {
        console::last_line("NATS connection closed!");
    }
    exit
}
