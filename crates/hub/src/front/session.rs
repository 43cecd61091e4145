//! What all ways of reading a channel share: the count of readers, the keep-alive, and the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use service::Live;
use service::http::Open;
use service::settings::Every;

use crate::HubSettings;
use crate::connections::end;

/// How many readers are connected.
#[derive(Clone, Default)]
pub(super) struct Readers(Arc<AtomicU32>);

/// One connected reader, until it is dropped.
pub(super) struct Session {
    open: Open,
    settings: Live<HubSettings>,
    pub(super) keep_alive: Every,
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

    /// Waits until this reader's connection must end.
    pub(super) fn end(&self) -> BoxFuture<'static, ()> {
        end(&self.open, self.settings.clone(), |settings| settings.drain_milliseconds)
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
