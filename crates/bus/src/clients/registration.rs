//! The service that registers a client id and keeps it.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::Fuse;
use futures_util::{FutureExt, StreamExt};
use service::{Scope, Service};
use telemetry::WarnOnce;
use tokio::time::{MissedTickBehavior, interval};

use super::lease::Lease;
use crate::{Bus, Error};

/// How a process shows that it is alive, with the meaning of NATS Streaming's server options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The time between two heartbeats (`-hbi`).
    pub interval: Duration,
    /// How long a heartbeat may take (`-hbt`).
    pub timeout: Duration,
    /// How many heartbeats may fail in a row; after one more the client is forgotten (`-hbf`).
    pub failures: u32,
}

impl Default for Heartbeat {
    /// The course's values: 5 s, 5 s, 2.
    fn default() -> Self {
        Self { interval: Duration::from_secs(5), timeout: Duration::from_secs(5), failures: 2 }
    }
}

impl Heartbeat {
    /// How long after its last heartbeat a client is forgotten; at least the 1 s that the server allows.
    pub fn forgotten_after(&self) -> Duration {
        ((self.interval + self.timeout) * (self.failures + 1)).max(Duration::from_secs(1))
    }
}

/// Registers the client id of a [`Bus`], so that no other process can use it while this one is alive.
///
/// It is ready when the id is registered, and frees the id when it stops. After `kill -9`, the next process that wants the
/// id finds that nobody answers, and takes it; if none comes, the id is forgotten after [`Heartbeat::forgotten_after`]. A
/// frozen process loses the id in the same way, and ends with [`Displaced`](crate::ErrorKind::Displaced) when it wakes up.
///
/// [`clients`](super::clients) lists the registered clients.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The connection whose client id is registered.
    pub bus: Bus,
    /// How the process shows that it is alive.
    pub heartbeat: Heartbeat,
}

impl Service for Registration {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), service::Error> {
        let Self { bus, heartbeat } = self;
        let inbox = bus.client().new_inbox();
        let mut probes = bus.client().subscribe(inbox.clone()).await?;
        let mut listening = bus.listening().subscribe();
        let mut link = bus.link();
        let stopping = scope.stopping();
        let mut lease = stopping.or_stop(acquire(&bus, &inbox, heartbeat)).await??;
        scope.ready(());

        let mut beats = interval(heartbeat.interval);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beating = pin!(Fuse::terminated());
        loop {
            tokio::select! {
                () = stopping.asked() => break,
                Some(probe) = probes.next() => {
                    if let Some(reply) = probe.reply {
                        bus.client().publish(reply, Bytes::new()).await?;
                    }
                    // A process that slept through a probe learns by the next heartbeat that another one has its id.
                    beats.reset_immediately();
                }
                Ok(()) = listening.changed() => beats.reset_immediately(), // the entry lists the subscriptions too
                // The broker may be back without its data: register again before another process asks for the id.
                Ok(()) = link.changed() => if link.borrow_and_update().connected {
                    lease.doubt();
                    beats.reset_immediately();
                },
                _ = beats.tick() => beating.set(lease.clone().beat(heartbeat.timeout).fuse()),
                beat = &mut beating => lease = beat?,
            }
        }
        lease.release().await;
        Ok(())
    }
}

async fn acquire(bus: &Bus, inbox: &str, heartbeat: Heartbeat) -> Result<Lease, Error> {
    let mut once = WarnOnce::default();
    loop {
        match Lease::acquire(bus, inbox, heartbeat.forgotten_after()).await {
            Err(error) if bus.waits_out(&error, &mut once).await => {}
            acquired => return acquired,
        }
    }
}
