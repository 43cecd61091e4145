//! What all ways of reading a channel share: the count of readers, the keep-alive, and the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, SelectAll, StreamExt, select_all};
use service::Live;
use service::http::Open;

use crate::HubSettings;
use crate::connections::end;

/// How many readers are connected.
#[derive(Clone, Default)]
pub(super) struct Readers(Arc<AtomicU32>);

/// What happens to a reader besides messages.
#[derive(Clone, Copy)]
pub(super) enum Signal {
    /// Its connection must end.
    End,
    /// It has to be sent a sign of life.
    KeepAlive,
}

/// One connected reader, until it is dropped.
pub(super) struct Session {
    #[expect(dead_code, reason = "the server waits for the reader while it is held")]
    open: Open,
    settings: Live<HubSettings>,
    /// All in one, so that what waits for a message looks at none of them until it happens.
    pub(super) signals: SelectAll<BoxStream<'static, Signal>>,
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
        let end = end(&open, settings.clone(), |settings| settings.drain_milliseconds);
        let signals = select_all([
            stream::once(end).map(|()| Signal::End).boxed(),
            settings.every(HubSettings::keep_alive).ticks().map(|()| Signal::KeepAlive).boxed(),
        ]);
        Some(Self { open, settings, signals, readers: readers.clone() })
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
