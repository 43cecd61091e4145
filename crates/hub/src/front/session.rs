//! What all ways of reading a channel share: the count of readers, the keep-alive, and the end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use service::Live;
use service::http::Open;
use service::settings::Every;
use tokio::time::sleep;

use crate::{HubSettings, Limits};

/// How much a reader is sent at once.
pub(super) const AT_ONCE: Limits = Limits { items: 256, bytes: 64 * 1024 };

/// When an EventSource may return after the end of its stream, in milliseconds; spread, so that not all return at once.
const RETRY: std::ops::RangeInclusive<u64> = 500..=5000;

/// How many readers are connected.
#[derive(Clone, Default)]
pub(super) struct Readers(Arc<AtomicU32>);

/// One connected reader, until it is dropped.
pub(super) struct Session {
    open: Open,
    settings: Live<HubSettings>,
    pub(super) keep_alive: Every<HubSettings>,
    readers: Readers,
}

impl Session {
    /// Counts the reader; `None` if there are too many.
    pub(super) fn begin(open: Open, settings: Live<HubSettings>, readers: &Readers) -> Option<Self> {
        let most = settings.get().max_readers;
        readers
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < most).then_some(count + 1))
            .ok()?;
        let keep_alive = settings.every(HubSettings::keep_alive);
        Some(Self { open, settings, keep_alive, readers: readers.clone() })
    }

    /// Waits until this reader's connection must end: the ends are spread over the time that the settings give.
    pub(super) fn end(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (stopping, settings) = (self.open.stopping().clone(), self.settings.clone());
        Box::pin(async move {
            stopping.asked().await;
            let share = rand::random_range(0..=settings.get().drain_milliseconds);
            sleep(Duration::from_millis(share.into())).await;
        })
    }

    /// After how many milliseconds the reader should return.
    pub(super) fn retry() -> u64 {
        rand::random_range(RETRY)
    }

    /// The pause between two keep-alives.
    pub(super) fn interval(&self) -> Duration {
        self.settings.get().keep_alive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.readers.0.fetch_sub(1, Ordering::Relaxed);
    }
}
