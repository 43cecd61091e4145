//! What one client has still to see of the feed.

use std::sync::Arc;
use std::time::Duration;

use hub::connections::AT_ONCE;
use hub::{Batch, Reader};
use service::Error;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::change::Change;
use super::earlier::Earlier;
use super::feed::Feed;
use super::position::Position;

/// The pause after the broker did not answer.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Reads the changes behind a position, each once: earlier ones from the stream, and later ones from the feed.
#[derive(Debug)]
pub(super) struct Reading {
    feed: Feed,
    earlier_readers: Arc<Semaphore>,
    source: Source,
    /// Everything up to this sequence was returned, or is not for this client.
    after: u64,
}

#[derive(Debug)]
enum Source {
    Earlier(Earlier),
    Feed(Reader<Arc<Change>>),
}

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    Changes(Vec<Arc<Change>>),
    /// Something is gone that can't be read any more: the client must ask for what there is now.
    Reset,
}

impl Reading {
    /// Reads what comes from now on.
    pub(super) fn from_now(feed: Feed, earlier_readers: Arc<Semaphore>) -> Self {
        let (source, after) = (Source::Feed(feed.changes.reader()), feed.changes.newest());
        Self { feed, earlier_readers, source, after }
    }

    /// Reads what follows a position; `None` if some of that is gone.
    ///
    /// # Errors
    ///
    /// When the broker does not answer.
    pub(super) async fn behind(
        position: Position,
        feed: Feed,
        earlier_readers: Arc<Semaphore>,
    ) -> Result<Option<Self>, Error> {
        if position.epoch != feed.epoch() {
            return Ok(None);
        }
        let after = position.sequence;
        let Some(source) = source(&feed, after).await? else { return Ok(None) };
        Ok(Some(Self { feed, earlier_readers, source, after }))
    }

    /// Where the client is.
    pub(super) fn position(&self) -> Position {
        Position { epoch: self.feed.epoch(), sequence: self.after }
    }

    /// Waits for what comes next. Nothing is lost if it is dropped before.
    pub(super) async fn next(&mut self) -> Next {
        loop {
            match self.try_next().await {
                Ok(Some(next)) => return next,
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!("earlier events can't be read at the moment: {error:#}");
                    sleep(TRY_AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn try_next(&mut self) -> Result<Option<Next>, Error> {
        let changes = match &mut self.source {
            Source::Earlier(earlier) => {
                let _place = self.earlier_readers.acquire().await?;
                let changes = earlier.next().await?;
                // The feed has the rest; also when nothing more is stored before it begins.
                let read = earlier.read;
                if read >= self.feed.changes.oldest() || changes.is_empty() && read == self.after {
                    let begin = read.max(self.feed.changes.oldest());
                    self.source = at_feed(&self.feed, begin);
                }
                self.after = self.after.max(read);
                changes
            }
            Source::Feed(reader) => match reader.next(AT_ONCE).await {
                Batch::Items(changes) => {
                    let after = self.after;
                    self.after = changes.last().map_or(after, |change| change.sequence().max(after));
                    changes.into_iter().filter(|change| change.sequence() > after).collect()
                }
                // Too slow for the feed: the stream has what it missed.
                Batch::Missed(Some(_)) => match source(&self.feed, self.after).await? {
                    Some(source) => {
                        self.source = source;
                        return Ok(None);
                    }
                    None => return Ok(Some(self.reset())),
                },
                Batch::Missed(None) => return Ok(Some(self.reset())),
            },
        };
        Ok((!changes.is_empty()).then_some(Next::Changes(changes)))
    }

    fn reset(&mut self) -> Next {
        let reader = self.feed.changes.reader();
        (self.after, self.source) = (self.feed.changes.newest(), Source::Feed(reader));
        Next::Reset
    }
}

/// Where what follows a sequence is read; `None` if some of that is gone.
async fn source(feed: &Feed, after: u64) -> Result<Option<Source>, Error> {
    if after >= feed.changes.oldest() {
        return Ok(Some(at_feed(feed, after)));
    }
    Ok(Earlier::behind(feed, after).await?.map(Source::Earlier))
}

/// Reads the feed behind a sequence that is not older than the feed; perhaps the feed is not that far yet.
fn at_feed(feed: &Feed, after: u64) -> Source {
    Source::Feed(feed.changes.reader_after(after).unwrap_or_else(|| feed.changes.reader()))
}
