//! Holding the entry of the leader: taking it, renewing it, and releasing it.

use std::time::Duration;

use anyhow::{Context, bail};
use async_nats::jetstream::kv::{CreateErrorKind, Operation, UpdateErrorKind};
use service::Error;
use tokio::time::{Instant, timeout};

use super::buckets::{Buckets, Entry, LEADER, TERM};
use crate::epoch::Epoch;
use crate::machine::{Member, term};
use crate::wall_clock::milliseconds;

/// The entry of the leader, while this node holds it.
#[derive(Debug)]
pub(super) struct Hold {
    buckets: Buckets,
    entry: Entry,
    lease: Duration,
    revision: u64,
    /// When the term ends if it is not renewed.
    pub(super) until: Instant,
}

/// How long an answer of the server may take.
fn limit(lease: Duration) -> Duration {
    lease / 4
}

impl Hold {
    /// Takes the entry, if nobody holds it, and begins a term. `None` if somebody does.
    pub(super) async fn take(buckets: &Buckets, me: &Member, lease: Duration) -> Result<Option<Self>, Error> {
        let entry = Entry::of(me, None);
        let sent = Instant::now();
        let created = timeout(limit(lease), buckets.alive.create(LEADER, entry.bytes())).await;
        let revision = match created.context("the server does not answer")? {
            Ok(revision) => revision,
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                free(buckets, me, lease).await; // a renewal may have arrived after the end of its term
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let mut hold = Self { buckets: buckets.clone(), entry, lease, revision, until: sent + term(lease) };
        match hold.begin().await {
            Ok(()) => Ok(Some(hold)),
            Err(error) => {
                hold.release().await;
                Err(error)
            }
        }
    }

    /// The epoch of the term.
    pub(super) fn epoch(&self) -> Epoch {
        self.entry.epoch.unwrap_or_default()
    }

    /// Begins the next term: takes its number, and shows it.
    async fn begin(&mut self) -> Result<(), Error> {
        let number = timeout(limit(self.lease), next_epoch(&self.buckets));
        self.entry.epoch = Some(number.await.context("the server does not answer")??);
        if !self.renew().await? {
            bail!("somebody else has taken the lease");
        }
        Ok(())
    }

    /// Renews the lease. `false` if it is lost: the term has ended, or another node holds the entry.
    ///
    /// # Errors
    ///
    /// When the server does not answer; the term lasts until it ends.
    pub(super) async fn renew(&mut self) -> Result<bool, Error> {
        let sent = Instant::now();
        if sent >= self.until {
            return Ok(false); // a term that has ended never lasts again
        }
        let update = self.buckets.alive.update(LEADER, self.entry.bytes(), self.revision);
        match timeout(limit(self.lease), update).await.context("the server does not answer")? {
            Ok(revision) => {
                self.revision = revision;
                let lasts = Instant::now() < self.until;
                if lasts {
                    self.until = sent + term(self.lease);
                }
                Ok(lasts)
            }
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => {
                // Perhaps by a renewal whose answer was lost.
                let ours = timeout(limit(self.lease), own(&self.buckets, &self.entry.member())).await;
                match ours.context("the server does not answer")?? {
                    Some(revision) => {
                        self.revision = revision;
                        bail!("the answer to the last renewal was lost");
                    }
                    None => Ok(false),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Frees the entry, if it is still this node's, so that another node can lead at once.
    pub(super) async fn release(self) {
        free(&self.buckets, &self.entry.member(), self.lease).await;
    }
}

/// Frees the entry, if this life of the node holds it. If that fails, it is done before the next attempt to lead, or by the end of
/// the lease.
pub(super) async fn free(buckets: &Buckets, me: &Member, lease: Duration) {
    let free = async {
        if let Some(revision) = own(buckets, me).await? {
            buckets.alive.delete_expect_revision(LEADER, Some(revision)).await?;
        }
        Ok::<_, Error>(())
    };
    timeout(limit(lease), free).await.ok();
}

/// The revision of the entry, if this life of the node holds it.
async fn own(buckets: &Buckets, me: &Member) -> Result<Option<u64>, Error> {
    let found = buckets.alive.entry(LEADER).await?.filter(|found| found.operation == Operation::Put);
    let is_ours = |value: &[u8]| Entry::read(value).is_some_and(|entry| entry.member() == *me);
    Ok(found.filter(|found| is_ours(&found.value)).map(|found| found.revision))
}

/// Takes the number of the next term, which nobody else gets.
async fn next_epoch(buckets: &Buckets) -> Result<Epoch, Error> {
    let found = buckets.terms.entry(TERM).await?;
    let newest = found.as_ref().and_then(|found| serde_json::from_slice::<Epoch>(&found.value).ok());
    let next = newest.map_or_else(|| Epoch(milliseconds()), Epoch::next);
    let value = serde_json::to_vec(&next)?.into();
    match found {
        Some(found) => buckets.terms.update(TERM, value, found.revision).await?,
        None => buckets.terms.create(TERM, value).await?,
    };
    Ok(next)
}
