//! Checking the consumer: does it still exist, and how far has the group come?

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse, FusedFuture};
use telemetry::WarnOnce;
use tokio::time::{Instant, sleep};

use super::joined::JoinedConsumer;
use super::unreadable::set_aside_unreadable;
use crate::{Bus, Error, Name};

/// How long a consumer that delivers goes without a check.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// How long a consumer that delivers nothing goes without a check: somebody may have paused it.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The pause after something was wrong with the consumer.
pub(crate) const RECHECK_PAUSE: Duration = Duration::from_millis(250);

/// After how many failures in a row there is a warning. Until then a broker that is away has been reported by its connection.
const WARNED_AFTER: u32 = 5;

/// The consumer, whether it is trusted, and the check that runs, if one does.
pub(crate) struct Check<'a> {
    bus: &'a Bus,
    group: &'a Name,
    pub(crate) consumer: JoinedConsumer,
    /// Whether messages may be requested. After anything suspicious the consumer is checked first.
    pub(crate) is_trusted: bool,
    /// Whether the connection was lost since the last check.
    after_loss: bool,
    /// When the next check is due.
    due: Instant,
    /// How many checks have failed in a row.
    failed: u32,
    /// The last error of a check, which is logged once.
    once: WarnOnce,
    /// The result of the check that runs; pending for ever if none does.
    pub(crate) running: Fuse<BoxFuture<'static, Result<JoinedConsumer, Error>>>,
}

impl<'a> Check<'a> {
    pub(crate) fn new(bus: &'a Bus, group: &'a Name, consumer: JoinedConsumer) -> Self {
        let due = Instant::now() + IDLE_CHECK_INTERVAL;
        Self {
            bus,
            group,
            consumer,
            is_trusted: true,
            after_loss: false,
            due,
            failed: 0,
            once: WarnOnce::default(),
            running: Fuse::terminated(),
        }
    }

    /// A message arrived: the next check is due one interval after the first message since the last check.
    pub(crate) fn delivered(&mut self) {
        self.due = self.due.min(Instant::now() + CHECK_INTERVAL);
    }

    /// Something is suspicious: requests nothing before the consumer was checked.
    pub(crate) fn suspect(&mut self, pause: Duration) {
        self.is_trusted = false;
        self.start(pause);
    }

    /// The connection was lost and is restored: a message that can't be read may have been the reason.
    pub(crate) fn reconnected(&mut self) {
        self.is_trusted = false;
        self.after_loss = true;
        self.start(Duration::ZERO);
    }

    /// Starts the check that is due, if there is one and none runs.
    pub(crate) fn start_if_due(&mut self, now: Instant) {
        if self.due <= now && self.running.is_terminated() {
            self.due = now + IDLE_CHECK_INTERVAL;
            self.start(Duration::ZERO);
        }
    }

    /// The check has ended; after an error it starts again.
    pub(crate) fn ended(&mut self, checked: Result<JoinedConsumer, Error>) {
        match checked {
            Ok(consumer) => {
                (self.consumer, self.is_trusted) = (consumer, true);
                (self.failed, self.once) = (0, WarnOnce::default());
                self.after_loss = false;
            }
            Err(error) => {
                let consumer = &self.consumer;
                let what = format_args!("failed to check the consumer {consumer}, trying again: {error:#}");
                self.failed += 1;
                if self.failed < WARNED_AFTER {
                    tracing::info!("{what}");
                } else {
                    self.once.warn(&what);
                }
                self.start(RECHECK_PAUSE);
            }
        }
    }

    fn start(&mut self, pause: Duration) {
        let (consumer, bus, group) = (self.consumer.clone(), self.bus.clone(), self.group.clone());
        let after_loss = self.after_loss;
        let check = async move {
            sleep(pause).await;
            bus.connected().await;
            let consumer = consumer.restored(&bus).await?;
            if after_loss {
                set_aside_unreadable(&consumer, &bus, &group).await?;
            }
            Ok(consumer)
        };
        self.running = check.boxed().fuse();
    }
}
