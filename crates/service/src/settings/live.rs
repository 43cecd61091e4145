//! Reading a section that may change at any time.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::generation::Generation;
use super::section::Section;

/// The current values of one section.
pub struct Live<T> {
    generations: watch::Receiver<Arc<Generation>>,
    /// The values that `changed` returned last.
    seen: Arc<T>,
}

impl<T: Section> Live<T> {
    pub(super) fn new(generations: watch::Receiver<Arc<Generation>>) -> Self {
        let seen = of(&generations.borrow());
        Self { generations, seen }
    }

    /// The current values. They do not change while the caller keeps them.
    pub fn get(&self) -> Arc<T> {
        of(&self.generations.borrow())
    }

    /// Waits until the section differs from what this returned last, at first from what it was when this view was made,
    /// and returns its values. A change between two calls is not missed.
    pub async fn changed(&mut self) -> Arc<T> {
        loop {
            let now = of(&self.generations.borrow_and_update());
            if !Arc::ptr_eq(&self.seen, &now) {
                self.seen = Arc::clone(&now);
                return now;
            }
            if self.generations.changed().await.is_err() {
                std::future::pending::<()>().await; // the settings are dropped, so it can't change any more
            }
        }
    }

    /// A timer whose period follows the section; a change reschedules the tick that is being waited for.
    pub fn every(&self, period: impl Fn(&T) -> Duration + Send + 'static) -> Every {
        let (live, last) = (self.clone(), Instant::now());
        let ticks = stream::unfold((live, period, last), async |(mut live, period, last)| {
            loop {
                let next = last.checked_add(period(&live.get()));
                tokio::select! {
                    () = until(next) => return Some(((), (live, period, Instant::now()))),
                    _ = live.changed() => {}
                }
            }
        });
        Every { ticks: Box::pin(ticks) }
    }
}

fn of<T: Section>(generation: &Generation) -> Arc<T> {
    let values: Arc<dyn Any + Send + Sync> =
        generation.sections.get(T::NAME).cloned().expect("the view was made of an existing section");
    values.downcast().expect("a section keeps its type")
}

// Written out, since a derive would demand `T: Clone`.
impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { generations: self.generations.clone(), seen: Arc::clone(&self.seen) }
    }
}

impl<T: Section> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.get()).finish()
    }
}

/// A timer whose period is a setting: [`Live::every`] makes it.
pub struct Every {
    /// What is waited for stays while nobody waits, so a tick that is waited for again and again costs little.
    ticks: BoxStream<'static, ()>,
}

impl Every {
    /// Waits for the next tick, one period after the last. A late tick does not make the next ones early.
    pub async fn tick(&mut self) {
        self.ticks.next().await;
    }

    /// All ticks, as a stream that never ends.
    pub fn ticks(self) -> BoxStream<'static, ()> {
        self.ticks
    }
}

impl fmt::Debug for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Every").finish_non_exhaustive()
    }
}

/// Waits for a moment; one beyond the range of the clock never comes.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
