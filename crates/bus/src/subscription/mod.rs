//! A subscription: messages in, verdicts out.

mod consumer;
mod member;
mod pull;
mod settle;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use futures_util::future::{Fuse, FusedFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use service::{Error, Scope, Service, Stopping};
use tokio::time::{Instant, interval, sleep, sleep_until};

use self::consumer::Held;
use self::member::{Item, Member, Sent};
use self::pull::Arrival;
use self::settle::settle;
use crate::clients::Listed;
use crate::{Bus, Delivery, Name};

pub use self::consumer::{CLIENT_ID, Consumer, DURABLE, Membership, QUEUE_GROUP, Source, Start};
pub(crate) use self::consumer::{OthersConsumer, somebody_listens};
pub use self::settle::Verdict;
use telemetry::WarnOnce;

/// When a message comes again whose handler panicked.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// When a message comes again, to another member, that a closing one had fetched and not begun.
///
/// Not at once, since in a cluster it takes a moment until every server knows that the closing one receives no more. For
/// handlers that give back what a stop has interrupted, too.
pub const HANDED_BACK_AFTER: Duration = Duration::from_millis(150);

/// How often a consumer that delivers is looked after.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The pause after something was wrong with the consumer.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// How many verdicts may wait for the broker's confirmation.
const UNCONFIRMED: usize = 1000;

/// How often the broker is told what is in hand, and the consumer is looked after, at least. Often, since the ack wait
/// is the whole group's, and may be shortened by whoever joins it.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// How long a closing member receives what it has asked for. Under load that comes at once; without load nothing comes.
const RECEIVE_FOR: Duration = Duration::from_millis(200);

/// The longest wait for the last acks to be confirmed.
const SETTLE_WITHIN: Duration = Duration::from_secs(3);

/// The longest wait for what is then still on its way.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// Hands each message to a handler, and its verdict to the broker.
///
/// It goes on after a lost connection, a restarted or frozen broker, a deleted consumer or stream. While a message is
/// in hand, waiting or being handled, the broker is told so and does not deliver it again. A handler that panics has
/// its message delivered again after 1 s. Undoing it stops fetching, lets running handlers finish, gives back what
/// none has begun, and waits until the broker knows all of it.
///
/// A message is delivered at least once: it comes again when its verdict did not reach the broker in time. One that is
/// redriven for another group is acked unseen; a listener [alone](Membership::Alone) sees everything.
#[derive(Debug)]
pub struct Subscription<F> {
    /// Where the messages come from.
    pub bus: Bus,
    /// Which messages, shared with whom.
    pub consumer: Consumer,
    /// Called for each delivery; its answer is what the broker is told. One that takes long may watch the request to
    /// stop, and give the message back.
    pub handler: F,
}

impl<F, R> Service for Subscription<F>
where
    F: Fn(Arc<Delivery>, Stopping) -> R + Send + Sync + 'static,
    R: Future<Output = Verdict> + Send,
{
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { bus, consumer, handler } = self;
        let group = consumer.group(&bus);
        let only_for = (consumer.membership != Membership::Alone).then_some(&group);
        let stopping = scope.stopping();
        let inbox = bus.client().new_inbox();
        let mut incoming = bus.client().subscribe(format!("{inbox}.*")).await?;
        let Some(held) = stopping.or(hold(&consumer, &bus)).await else { return Ok(()) };
        let mut held = held?;
        let _listed = Listed::new(&bus, consumer.listening(&held, inbox.clone()));
        scope.ready(());

        let mut member = Member::new(bus.clone(), inbox, &held, &consumer);
        let mut running = FuturesUnordered::new();
        let mut sending: FuturesUnordered<Sent<'_>> = FuturesUnordered::new();
        let tell = |item, verdict, patience| settle(&bus, &group, item, verdict, patience).boxed();
        let mut looking = pin!(Fuse::terminated());
        let mut look_at = None;
        let mut well = true; // else the consumer is looked after first, before we ask it for more
        let mut progress = interval(PROGRESS_EVERY.min(consumer.ack_wait / 3));
        // Both are polled at each turn, and dearer to set up than to poll.
        let mut stop = pin!(stopping.asked());
        let mut reconnected = pin!(bus.reconnected());
        while !stopping.is_asked() {
            // Handlers that need not wait are done with here, without a turn of the loop for each.
            loop {
                while let Some(Some((item, verdict))) = running.next().now_or_never() {
                    member.done(&item);
                    sending.push(tell(item, verdict, consumer.ack_wait));
                }
                if running.len() >= consumer.concurrency || sending.len() >= UNCONFIRMED {
                    break;
                }
                let Some(item) = member.begin() else { break };
                running.push(handle(&handler, item, only_for, stopping.clone()));
            }
            if well && bus.is_connected() {
                sending.extend(member.ask());
            }
            tokio::select! {
                () = &mut stop => break,
                message = incoming.next() => {
                    let Some(message) = message else { bail!("the connection to NATS was closed") };
                    match member.arrived(message) {
                        Arrival::Message => {
                            look_at.get_or_insert_with(|| Instant::now() + LOOK_EVERY);
                        }
                        Arrival::Alive => {}
                        Arrival::Trouble(trouble) => {
                            tracing::debug!(consumer = %held, "asking for messages: {trouble}");
                            well = false;
                            looking.set(look(&held, &bus, LOOK_AGAIN_AFTER));
                        }
                    }
                }
                Some((item, verdict)) = running.next() => {
                    member.done(&item);
                    sending.push(tell(item, verdict, consumer.ack_wait));
                }
                Some(()) = sending.next() => while let Some(Some(())) = sending.next().now_or_never() {},
                now = progress.tick() => {
                    sending.extend(member.progress());
                    if member.pull.silent_at().is_some_and(|at| at <= now) {
                        tracing::debug!(consumer = %held, "no word from the server");
                        member.pull.reset();
                        well = false;
                        looking.set(look(&held, &bus, Duration::ZERO));
                    } else if look_at.is_some_and(|at| at <= now) && looking.is_terminated() {
                        look_at = None;
                        looking.set(look(&held, &bus, Duration::ZERO));
                    }
                }
                looked = &mut looking => match looked {
                    Ok(now) => (held, well) = (now, true),
                    Err(error) => {
                        tracing::warn!(consumer = %held, "looking after the consumer: {error:#}");
                        looking.set(look(&held, &bus, LOOK_AGAIN_AFTER));
                    }
                },
                () = &mut reconnected => {
                    reconnected.set(bus.reconnected());
                    well = false;
                    member.pull.reset(); // the server forgot our requests with the old connection
                    looking.set(look(&held, &bus, Duration::ZERO));
                }
            }
        }

        // Nothing new is asked for from here on. What was asked for is received for a moment, since async-nats drops what is
        // still under way when we unsubscribe. Then all that nobody has handled is given back, in its order, when none of
        // it can come to us again.
        let mut back = Vec::new();
        let receive_until = Instant::now() + RECEIVE_FOR;
        while bus.is_connected() && (member.pull.is_waiting() || !running.is_empty()) {
            tokio::select! {
                message = incoming.next() => match message {
                    Some(message) => { member.arrived(message); }
                    None => break,
                },
                Some((item, verdict)) = running.next() => match verdict {
                    Verdict::Nak(_) => back.push((item, verdict)),
                    Verdict::Ack | Verdict::DeadLetter { .. } | Verdict::Leave => {
                        member.done(&item);
                        sending.push(tell(item, verdict, SETTLE_WITHIN));
                    }
                },
                Some(()) = sending.next() => {}
                _ = progress.tick() => sending.extend(member.progress()),
                () = sleep_until(receive_until) => break,
            }
        }
        incoming.unsubscribe().await.ok(); // an error means that the connection is closed
        while let Some(Some(message)) = incoming.next().now_or_never() {
            member.arrived(message);
        }
        bus.flush(FLUSH_WITHIN).await;
        back.extend(std::iter::from_fn(|| Some((member.begin()?, Verdict::Nak(HANDED_BACK_AFTER)))));
        back.sort_by_key(|(item, _)| item.delivery.sequence);
        for (item, verdict) in back {
            member.done(&item);
            sending.push(tell(item, verdict, SETTLE_WITHIN));
        }
        let mut settled_by = Instant::now() + SETTLE_WITHIN;
        while !(running.is_empty() && sending.is_empty()) {
            tokio::select! {
                Some((item, verdict)) = running.next() => {
                    member.done(&item);
                    sending.push(tell(item, verdict, SETTLE_WITHIN));
                    settled_by = Instant::now() + SETTLE_WITHIN;
                }
                Some(()) = sending.next() => {}
                _ = progress.tick() => sending.extend(member.progress()),
                () = sleep_until(settled_by), if running.is_empty() => break, // the broker is away; they come again
            }
        }
        if consumer.membership == Membership::Alone && bus.is_connected() {
            held.forget(&bus).await;
        }
        bus.flush(FLUSH_WITHIN).await;
        Ok(())
    }
}

async fn hold(consumer: &Consumer, bus: &Bus) -> Result<Held, Error> {
    let mut once = WarnOnce::default();
    loop {
        match consumer.hold(bus).await {
            Err(error) if bus.passes(&error, &mut once).await => {}
            held => return held,
        }
    }
}

async fn handle<F, R>(handler: &F, item: Item, only_for: Option<&Name>, stopping: Stopping) -> (Item, Verdict)
where
    F: Fn(Arc<Delivery>, Stopping) -> R,
    R: Future<Output = Verdict>,
{
    if only_for.is_some_and(|group| item.delivery.is_for_another(group)) {
        return (item, Verdict::Ack);
    }
    let delivery = Arc::clone(&item.delivery);
    let verdict = AssertUnwindSafe(async { handler(delivery, stopping).await }).catch_unwind().await;
    let verdict = verdict.unwrap_or_else(|_| {
        tracing::error!(sequence = item.delivery.sequence, "the handler panicked; its message comes again");
        Verdict::Nak(AFTER_PANIC)
    });
    (item, verdict)
}

fn look(held: &Held, bus: &Bus, after: Duration) -> Fuse<impl Future<Output = Result<Held, Error>> + use<>> {
    let (held, bus) = (held.clone(), bus.clone());
    let looked = async move {
        sleep(after).await;
        bus.connected().await;
        held.looked_after(&bus).await
    };
    looked.fuse()
}
