//! What a member of a group does: it serves, drains, returns and settles.

use std::pin::pin;
use std::time::Duration;

use async_nats::Subscriber;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use service::Stopping;
use tokio::time::{Instant, Interval, interval, sleep_until, timeout};

use super::check::{Check, RECHECK_PAUSE};
use super::joined::JoinedConsumer;
use super::member::{Item, Member, Sending};
use super::parking::Parking;
use super::pull::Arrival;
use super::settle::settle;
use super::{Consumer, RETURN_DELAY, Verdict};
use crate::{Bus, Error, ErrorKind, Name};

/// How many verdicts may wait for the broker's confirmation.
const MAX_UNCONFIRMED: usize = 1000;

/// How many handlers may only wait.
const MAX_PARKED: usize = 2000;

/// The longest time between two reports that the messages in flight are being handled. Short, since the ack wait is the whole
/// group's and may be shortened by any member that joins.
const MAX_PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// How long a member that stops receives what it has requested, and how long it waits for the next message of that. Under
/// load that arrives immediately; without load nothing arrives.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(200);
const QUIET_AFTER: Duration = Duration::from_millis(50);

/// How long a member that stops waits for the confirmation of its last verdicts.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the last bytes may take to reach the server.
pub(crate) const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// One member of a group at work. `begin` starts the handler of a message; `W` is the future of the handler.
pub(crate) struct Worker<'a, B, W> {
    bus: &'a Bus,
    group: &'a Name,
    consumer: &'a Consumer,
    begin: B,
    member: Member,
    work: Work<'a, W>,
    parking: Parking,
    pub(crate) check: Check<'a>,
}

/// What runs in every phase: handlers, verdicts on their way to the broker, and the reports of progress.
struct Work<'a, W> {
    running: FuturesUnordered<W>,
    sending: FuturesUnordered<Sending<'a>>,
    progress: Interval,
}

/// What happened to the work.
enum Event {
    /// A handler has decided about its message.
    Handled(Item, Verdict),
    /// Something was sent, and confirmed if it needed to be.
    Sent,
    /// It is time to report progress.
    Progress(Instant),
}

impl<W: Future<Output = (Item, Verdict)>> Work<'_, W> {
    async fn next(&mut self) -> Event {
        tokio::select! {
            Some((item, verdict)) = self.running.next() => Event::Handled(item, verdict),
            Some(()) = self.sending.next() => Event::Sent,
            now = self.progress.tick() => Event::Progress(now),
        }
    }

    fn is_over(&self) -> bool {
        self.running.is_empty() && self.sending.is_empty()
    }
}

impl<'a, B, W> Worker<'a, B, W>
where
    B: Fn(Item) -> W,
    W: Future<Output = (Item, Verdict)>,
{
    pub(crate) fn new(
        bus: &'a Bus,
        group: &'a Name,
        consumer: &'a Consumer,
        joined: JoinedConsumer,
        inbox: String,
        begin: B,
        parking: Parking,
    ) -> Self {
        let member = Member::new(bus.clone(), inbox, joined.request_subject(), consumer);
        let progress = interval(MAX_PROGRESS_INTERVAL.min(consumer.ack_wait / 3));
        let work = Work { running: FuturesUnordered::new(), sending: FuturesUnordered::new(), progress };
        Self { bus, group, consumer, begin, member, work, parking, check: Check::new(bus, group, joined) }
    }

    /// Requests messages and handles them, until the service is asked to stop.
    pub(crate) async fn serve(&mut self, incoming: &mut Subscriber, stopping: &Stopping) -> Result<(), Error> {
        // Both are polled in every turn, and cost more to create than to poll.
        let mut stop = pin!(stopping.asked());
        let mut reconnected = pin!(self.bus.reconnected());
        let mut parking = self.parking.changes();
        while !stopping.is_asked() {
            self.begin_waiting();
            if self.check.is_trusted && self.bus.is_connected() {
                self.work.sending.extend(self.member.request(self.parking.count()));
            }
            tokio::select! {
                () = &mut stop => break,
                message = incoming.next() => {
                    let Some(message) = message else { return Err(ErrorKind::Closed.into()) };
                    match self.member.arrived(message) {
                        Arrival::Message => self.check.delivered(),
                        Arrival::Alive => {}
                        Arrival::Problem(problem) => self.suspect(&problem, RECHECK_PAUSE),
                    }
                }
                event = self.work.next() => self.worked(event),
                Ok(()) = parking.changed() => {} // there may be room for others
                checked = &mut self.check.running => self.check.ended(checked),
                () = &mut reconnected => {
                    reconnected.set(self.bus.reconnected());
                    self.member.pull.reset(); // the server forgot the requests with the old connection
                    self.check.reconnected();
                }
            }
        }
        Ok(())
    }

    /// Starts handlers for the messages that wait. Handlers that need not wait are done here, without a turn of the loop each.
    fn begin_waiting(&mut self) {
        loop {
            while let Some(Some((item, verdict))) = self.work.running.next().now_or_never() {
                self.send_verdict(item, verdict, self.consumer.ack_wait);
            }
            let parked = self.parking.count();
            let busy = self.work.running.len().saturating_sub(parked);
            let is_full = busy >= self.consumer.concurrency || parked >= MAX_PARKED;
            if is_full || self.work.sending.len() >= MAX_UNCONFIRMED {
                return;
            }
            let Some(item) = self.member.begin() else { return };
            self.work.running.push((self.begin)(item));
        }
    }

    /// Handles an event of the serving phase.
    fn worked(&mut self, event: Event) {
        match event {
            Event::Handled(item, verdict) => self.send_verdict(item, verdict, self.consumer.ack_wait),
            Event::Sent => while let Some(Some(())) = self.work.sending.next().now_or_never() {},
            Event::Progress(now) => {
                self.work.sending.extend(self.member.progress());
                if self.member.pull.silent_at().is_some_and(|at| at <= now) {
                    self.member.pull.reset();
                    self.suspect("the server is silent", Duration::ZERO);
                } else {
                    self.check.start_if_due(now);
                }
            }
        }
    }

    fn suspect(&mut self, problem: &str, pause: Duration) {
        tracing::debug!(consumer = %self.check.consumer, "checking the consumer: {problem}");
        self.check.suspect(pause);
    }

    /// Receives, for a moment, what was requested before. Returns the naks of the handlers that end in that time.
    pub(crate) async fn drain(&mut self, incoming: &mut Subscriber) -> Vec<(Item, Verdict)> {
        let mut naks = Vec::new();
        let until = Instant::now() + DRAIN_TIMEOUT;
        let mut quiet = Instant::now() + QUIET_AFTER;
        while self.bus.is_connected() && (self.member.pull.is_waiting() || !self.work.running.is_empty()) {
            let is_idle = self.work.running.is_empty();
            tokio::select! {
                message = incoming.next() => match message {
                    Some(message) => {
                        self.member.arrived(message);
                        quiet = Instant::now() + QUIET_AFTER;
                    }
                    None => break,
                },
                event = self.work.next() => match event {
                    Event::Handled(item, verdict @ Verdict::Nak(_)) => naks.push((item, verdict)),
                    Event::Handled(item, verdict) => self.send_verdict(item, verdict, SETTLE_TIMEOUT),
                    Event::Sent => {}
                    Event::Progress(_) => self.work.sending.extend(self.member.progress()),
                },
                () = sleep_until(quiet), if is_idle => break,
                () = sleep_until(until) => break,
            }
        }
        naks
    }

    /// Unsubscribes, and naks every message that nobody has handled, in the order of the stream.
    pub(crate) async fn return_unhandled(&mut self, mut incoming: Subscriber, mut naks: Vec<(Item, Verdict)>) {
        incoming.unsubscribe().await.ok(); // an error means that the connection is closed
        while let Some(Some(message)) = incoming.next().now_or_never() {
            self.member.arrived(message);
        }
        self.bus.flush(FLUSH_TIMEOUT).await;
        if self.bus.is_connected() {
            timeout(FLUSH_TIMEOUT, self.check.consumer.forget_requests(self.bus)).await.ok();
        }
        naks.extend(std::iter::from_fn(|| Some((self.member.begin()?, Verdict::Nak(RETURN_DELAY)))));
        naks.sort_by_key(|(item, _)| item.delivery.sequence);
        for (item, verdict) in naks {
            self.send_verdict(item, verdict, SETTLE_TIMEOUT);
        }
    }

    /// Lets running handlers finish, and waits until the broker has confirmed their verdicts.
    pub(crate) async fn settle(&mut self) {
        let mut until = Instant::now() + SETTLE_TIMEOUT;
        while !self.work.is_over() {
            let is_handled = self.work.running.is_empty();
            tokio::select! {
                event = self.work.next() => match event {
                    Event::Handled(item, verdict) => {
                        self.send_verdict(item, verdict, SETTLE_TIMEOUT);
                        until = Instant::now() + SETTLE_TIMEOUT;
                    }
                    Event::Sent => {}
                    Event::Progress(_) => self.work.sending.extend(self.member.progress()),
                },
                () = sleep_until(until), if is_handled => break, // the broker is away; the messages will be redelivered
            }
        }
    }

    /// Sends the verdict on a message to the broker, for at most as long as `patience`.
    fn send_verdict(&mut self, item: Item, verdict: Verdict, patience: Duration) {
        self.member.done(&item);
        self.work.sending.push(settle(self.bus, self.group, item, verdict, patience).boxed());
    }
}
