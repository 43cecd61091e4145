//! The life of a connection: it opens, watches over the broker and the streams, and closes.

use std::time::Duration;

use service::{Scope, Service};
use telemetry::WarnOnce;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::dial::dial;
use crate::handle::{Link, RETRY_PAUSE};
use crate::{Bus, Connection, Error, IfAbsent, streams};

/// The pause between two checks whether the broker answers and the streams exist.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long the broker may take to answer a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection that closes may take to send what is left.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

impl Service for Connection {
    type Handle = Bus;

    async fn run(self, scope: Scope<Bus>) -> Result<(), service::Error> {
        let stopping = scope.stopping();
        let if_absent = self.if_absent;
        let bus = stopping.or_stop(self.open()).await??;
        scope.ready(bus.clone());
        match if_absent {
            IfAbsent::Fail => stopping.await,
            IfAbsent::Wait => watch_broker(&bus, &scope).await,
        }
        if bus.is_connected() {
            // Everything that used the bus has stopped by now; this sends the last acks and waits for the server's answer.
            timeout(CLOSE_TIMEOUT, close(&bus)).await.ok();
        }
        Ok(())
    }
}

impl Connection {
    async fn open(self) -> Result<Bus, Error> {
        let mut once = WarnOnce::default();
        loop {
            match self.try_open().await {
                Err(error) if self.if_absent == IfAbsent::Wait && !error.is_permanent() => {
                    once.warn(&format_args!("{error:#}; trying again"));
                }
                opened => return opened,
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn try_open(&self) -> Result<Bus, Error> {
        let (changed, link) = watch::channel(Link::default());
        let client = dial(&self.url, &self.client_id, self.if_absent == IfAbsent::Wait, changed).await?;
        let bus = Bus::new(client, self.clone(), link);
        streams::check_server(&bus)?;
        streams::ensure(&bus).await?;
        Ok(bus)
    }
}

/// Shows whether the broker is usable, and creates streams again that somebody has deleted, until the connection is asked to
/// stop. It checks at intervals, and immediately when the connection is lost or restored.
async fn watch_broker(bus: &Bus, scope: &Scope<Bus>) {
    let mut link = bus.link();
    loop {
        let check = async || {
            if !bus.is_connected() {
                return Err("the connection is lost".to_owned());
            }
            streams::restore(bus).await.map_err(|error| format!("{error:#}"))
        };
        tokio::select! {
            () = scope.watch("nats", CHECK_INTERVAL, CHECK_TIMEOUT, check) => return,
            Ok(()) = link.changed() => {}
        }
    }
}

async fn close(bus: &Bus) {
    let mut link = bus.link();
    if bus.client().flush().await.is_ok() && bus.client().drain().await.is_ok() {
        link.wait_for(|link| link.closed).await.ok();
    }
}
