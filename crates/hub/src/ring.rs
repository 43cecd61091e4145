//! A bounded buffer with many readers, each at a position of its own.
//!
//! Whoever fills it never waits for a reader. A reader that is too slow, or returns too late, finds out that something
//! between its position and the oldest item is gone. A waiting reader costs a place in a list, and no buffer.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

/// How much a [`Ring`] keeps, or a reader takes at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most items, at least 1.
    pub items: usize,
    /// The most bytes of all items together; one item is kept or taken whatever its size.
    pub bytes: usize,
}

/// The latest items of one source, by ascending ids. Cloning it is cheap.
#[derive(Debug)]
pub struct Ring<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

#[derive(Debug)]
struct Shared<T> {
    limits: Limits,
    kept: RwLock<Kept<T>>,
    /// The index behind the newest item; `None` until the ring is opened.
    end: watch::Sender<Option<u64>>,
}

#[derive(Debug)]
struct Kept<T> {
    slots: VecDeque<Slot<T>>,
    /// The index of the oldest slot. Indexes count all items of the ring's life.
    first: u64,
    /// Everything up to this id is not in the ring, and nothing between it and the oldest item is missing.
    behind: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Slot<T> {
    id: u64,
    size: usize,
    /// `None` if something before the next item is missing.
    item: Option<T>,
}

/// What a reader gets at once: some items, or what it has missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch<T> {
    /// The next items, at least one.
    Items(Vec<T>),
    /// What comes next is not what follows the last item: that many items are gone, if it is known how many.
    Missed(Option<u64>),
}

impl<T: Clone> Ring<T> {
    /// An empty ring, which no reader reads before it is [opened](Ring::open).
    pub fn new(limits: Limits) -> Self {
        let kept = Kept { slots: VecDeque::new(), first: 0, behind: 0, bytes: 0 };
        Self { shared: Arc::new(Shared { limits, kept: RwLock::new(kept), end: watch::Sender::new(None) }) }
    }

    /// Opens the ring: every item with an id above this will be in it.
    pub fn open(&self, behind: u64) {
        self.write(|kept| kept.behind = behind);
        self.shared.end.send_replace(Some(0));
    }

    /// Waits until the ring is open.
    pub async fn opened(&self) {
        // The sender lives in the ring itself.
        self.shared.end.subscribe().wait_for(Option::is_some).await.ok();
    }

    /// The id of the newest item or, in an empty ring, the one that it was opened behind.
    pub fn newest(&self) -> u64 {
        self.read(Kept::newest)
    }

    /// The id that the oldest item directly follows.
    pub fn oldest(&self) -> u64 {
        self.read(|kept| kept.behind)
    }

    /// Goes on behind this id, though what comes next does not follow the newest item: something between is missing, and
    /// can't be had any more. Every reader gets [`Batch::Missed`].
    pub fn skip(&self, behind: u64) {
        let end = self.write(|kept| {
            kept.first = kept.end();
            kept.slots.clear();
            kept.slots.push_back(Slot { id: behind, size: 0, item: None });
            (kept.bytes, kept.behind) = (0, behind);
            kept.end()
        });
        self.shared.end.send_replace(Some(end));
    }

    /// Adds an item and wakes the readers. One that is not newer than the newest is dropped: it is a duplicate.
    pub fn push(&self, id: u64, size: usize, item: T) {
        let limits = self.shared.limits;
        let end = self.write(|kept| {
            if id <= kept.newest() {
                return None;
            }
            kept.bytes += size;
            kept.slots.push_back(Slot { id, size, item: Some(item) });
            while kept.slots.len() > limits.items || (kept.bytes > limits.bytes && kept.slots.len() > 1) {
                let Some(oldest) = kept.slots.pop_front() else { break };
                kept.first += 1;
                kept.bytes -= oldest.size;
                kept.behind = kept.behind.max(oldest.id);
            }
            Some(kept.end())
        });
        if end.is_some() {
            self.shared.end.send_replace(end);
        }
    }

    /// Reads from the newest item on.
    pub fn reader(&self) -> Reader<T> {
        let next = self.read(Kept::end);
        Reader { ring: self.clone(), end: self.shared.end.subscribe(), next }
    }

    /// Reads what follows this id; `None` if the ring does not have all of that.
    pub fn reader_after(&self, id: u64) -> Option<Reader<T>> {
        let next = self.read(|kept| kept.index_after(id))?;
        Some(Reader { ring: self.clone(), end: self.shared.end.subscribe(), next })
    }

    /// How many readers there are.
    pub fn readers(&self) -> usize {
        self.shared.end.receiver_count()
    }

    // No code panics while it holds the lock, so a poisoned one is as it was.
    fn read<R>(&self, read: impl FnOnce(&Kept<T>) -> R) -> R {
        read(&self.shared.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, write: impl FnOnce(&mut Kept<T>) -> R) -> R {
        write(&mut self.shared.kept.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Kept<T> {
    fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    fn newest(&self) -> u64 {
        self.slots.back().map_or(self.behind, |slot| slot.id)
    }

    /// The index of what follows an id, if all of that is here.
    fn index_after(&self, id: u64) -> Option<u64> {
        if id < self.behind || id > self.newest() {
            return None;
        }
        Some(self.first + self.slots.partition_point(|slot| slot.id <= id) as u64)
    }
}

/// A position in a [`Ring`], which follows it.
#[derive(Debug)]
pub struct Reader<T> {
    ring: Ring<T>,
    end: watch::Receiver<Option<u64>>,
    /// The index of the next item.
    next: u64,
}

impl<T: Clone> Reader<T> {
    /// Waits for the next items and returns those that wait, within these limits. Nothing is lost if it is dropped before.
    pub async fn next(&mut self, most: Limits) -> Batch<T> {
        loop {
            if let Some(batch) = self.take(most) {
                return batch;
            }
            if self.end.changed().await.is_err() {
                std::future::pending::<()>().await; // the reader itself keeps the ring
            }
        }
    }

    /// What waits, if anything does.
    fn take(&mut self, most: Limits) -> Option<Batch<T>> {
        self.end.mark_unchanged();
        let next = self.next;
        let (batch, next) = self.ring.read(|kept| {
            if next < kept.first {
                return Some((Batch::Missed(Some(kept.first - next)), kept.first));
            }
            let mut waiting = kept.slots.range(usize::try_from(next - kept.first).ok()?..);
            let first = waiting.next()?;
            let Some(item) = &first.item else { return Some((Batch::Missed(None), next + 1)) };
            let (mut items, mut bytes) = (vec![item.clone()], first.size);
            for slot in waiting {
                bytes += slot.size;
                let Some(item) = slot.item.as_ref().filter(|_| items.len() < most.items && bytes <= most.bytes) else {
                    break;
                };
                items.push(item.clone());
            }
            let count = items.len() as u64;
            Some((Batch::Items(items), next + count))
        })?;
        self.next = next;
        Some(batch)
    }
}
