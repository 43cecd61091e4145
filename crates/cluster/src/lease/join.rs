//! A node that joins the cluster at a NATS server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use async_nats::jetstream::kv::{CreateErrorKind, Operation, UpdateErrorKind};
use bus::Name;
use futures_util::StreamExt;
use hub::NatsTransport;
use service::{Error, Scope, Service};
use telemetry::WarnOnce;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::buckets::{Buckets, Entry, LEADER, key, node_of, open};
use super::hold::{Hold, free};
use super::view::View;
use crate::cluster::Cluster;
use crate::exchange::Exchange;
use crate::machine::Member;
use crate::node::Node;
use crate::wall_clock::milliseconds;

/// The pause after a failure that passes by itself.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// By how much the nodes differ that see the entry of the leader go, so that they do not all ask at once.
const JITTER: Duration = Duration::from_millis(100);

/// How often a node looks for entries that were not renewed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Joins the cluster of a name at a NATS server, and leaves it at the stop; its handle is the [`Cluster`].
#[derive(Clone, Debug)]
pub struct JoinNats {
    /// The connection, which carries the messages of the hubs too.
    pub transport: NatsTransport,
    /// The name of the cluster, which all nodes have.
    pub cluster: Name,
    /// The name of this node.
    pub node: Node,
    /// How long a node is believed that says nothing. It must be the same at all of them.
    pub lease: Duration,
}

impl Service for JoinNats {
    type Handle = Cluster;

    async fn run(self, scope: Scope<Cluster>) -> Result<(), Error> {
        let stopping = scope.stopping();
        let member = Member { node: self.node.clone(), incarnation: milliseconds() };
        let view = View::new(member.clone(), self.lease);
        let cluster = Cluster {
            node: self.node.clone(),
            members: view.members(),
            leader: view.leader(),
            exchange: Exchange::Nats(self.transport.clone()),
        };
        let buckets = stopping.or_stop(self.opened()).await?;
        let node = Participant { join: self, member, view: Mutex::new(view) };
        let own = stopping.or_stop(node.arrive(&buckets)).await??;
        scope.ready(cluster);
        let parts = async { tokio::join!(node.beat(&buckets, own), node.look(&buckets), node.elect(&buckets)) };
        tokio::select! {
            () = stopping.asked() => {}
            ((), (), ()) = parts => {}
        }
        node.leave(&buckets).await;
        Ok(())
    }
}

impl JoinNats {
    /// Opens the buckets once the server is there.
    async fn opened(&self) -> Buckets {
        let mut once = WarnOnce::default();
        loop {
            match open(self.transport.bus(), &self.cluster, self.lease).await {
                Ok(buckets) => return buckets,
                Err(error) => once.warn(&format_args!("{error:#}; trying again")),
            }
            sleep(TRY_AGAIN_AFTER).await;
        }
    }
}

/// One life of the node.
struct Participant {
    join: JoinNats,
    member: Member,
    view: Mutex<View>,
}

impl Participant {
    fn view<R>(&self, act: impl FnOnce(&mut View) -> R) -> R {
        act(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lease(&self) -> Duration {
        self.join.lease
    }

    /// Writes the node's entry for the first time; its revision. What its former life has left expires.
    ///
    /// # Errors
    ///
    /// When another process has this name.
    async fn arrive(&self, buckets: &Buckets) -> Result<u64, Error> {
        let (entry, given_up) = (Entry::of(&self.member, None), Instant::now() + self.lease() * 2);
        loop {
            match buckets.alive.create(key(&self.member.node), entry.bytes()).await {
                Ok(revision) => return Ok(revision),
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                    if Instant::now() >= given_up {
                        bail!(
                            "another process is the node {} of the cluster {}: set another IDENTITY",
                            self.member.node,
                            self.join.cluster
                        );
                    }
                }
                Err(error) => tracing::debug!("failed to join: {error}"),
            }
            sleep(TRY_AGAIN_AFTER).await;
        }
    }

    /// Renews the node's entry.
    async fn beat(&self, buckets: &Buckets, mut revision: u64) {
        let (entry, name) = (Entry::of(&self.member, None), key(&self.member.node));
        let mut beats = interval(self.lease() / 3);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            let limit = self.lease() / 4;
            let renewed = timeout(limit, buckets.alive.update(&name, entry.bytes(), revision)).await;
            match renewed {
                Ok(Ok(next)) => revision = next,
                Ok(Err(error)) if error.kind() == UpdateErrorKind::WrongLastRevision => {
                    // It has expired, or an answer was lost.
                    let found = timeout(limit, buckets.alive.entry(name.as_str())).await;
                    if let Ok(Ok(found)) = found {
                        revision = found.map_or(0, |found| found.revision);
                        beats.reset_immediately();
                    }
                }
                Ok(Err(error)) => {
                    tracing::debug!("failed to renew the entry of this node: {error}");
                    // Somebody may have deleted the bucket.
                    timeout(limit, open(self.join.transport.bus(), &self.join.cluster, self.lease())).await.ok();
                    revision = 0;
                }
                Err(_) => tracing::debug!("the entry of this node was not renewed within {limit:?}"),
            }
        }
    }

    /// Follows the entries of all nodes.
    async fn look(&self, buckets: &Buckets) {
        loop {
            if let Err(error) = self.follow(buckets).await {
                tracing::debug!("failed to follow the cluster: {error:#}");
            }
            self.view(View::forget);
            sleep(TRY_AGAIN_AFTER).await;
        }
    }

    async fn follow(&self, buckets: &Buckets) -> Result<(), Error> {
        let watch = timeout(self.lease(), buckets.alive.watch_with_history(">")).await;
        let mut watch = watch.context("the server does not answer")??;
        let mut looks = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                next = watch.next() => {
                    let Some(next) = next else { return Ok(()) };
                    let next = next?;
                    let entry = Entry::read(&next.value).filter(|_| next.operation == Operation::Put);
                    if next.key == LEADER {
                        self.view(|view| view.sees_holder(entry));
                    } else if let Some(entry) = entry {
                        self.view(|view| view.sees(entry));
                    } else if let Some(node) = node_of(&next.key) {
                        self.view(|view| view.misses(&node));
                    }
                }
                _ = looks.tick() => self.view(View::forget),
            }
        }
    }

    /// Leads whenever nobody else does.
    async fn elect(&self, buckets: &Buckets) {
        loop {
            // Or for a lease, since news may be lost.
            timeout(self.lease(), self.view(|view| view.is_vacant()).wait_for(|is_vacant| *is_vacant)).await.ok();
            sleep(JITTER.mul_f64(rand::random())).await;
            match Hold::take(buckets, &self.member, self.lease()).await {
                Ok(Some(hold)) => self.lead(hold).await,
                Ok(None) => sleep(JITTER).await, // the news of the holder is on its way
                Err(error) => {
                    tracing::debug!("failed to take the lease: {error:#}");
                    sleep(TRY_AGAIN_AFTER).await;
                }
            }
        }
    }

    /// Leads until the term ends.
    async fn lead(&self, mut hold: Hold) {
        self.view(|view| view.leads(Some((hold.epoch(), hold.until))));
        let mut pause = self.lease() / 3;
        loop {
            sleep_until(hold.until.min(Instant::now() + pause)).await;
            pause = match hold.renew().await {
                Ok(true) => {
                    self.view(|view| view.leads(Some((hold.epoch(), hold.until))));
                    self.lease() / 3
                }
                Ok(false) => break,
                Err(error) => {
                    tracing::debug!("failed to renew the lease: {error:#}");
                    TRY_AGAIN_AFTER
                }
            };
        }
        self.view(|view| view.leads(None));
        hold.release().await;
    }

    /// Frees the node's entries, so that the others need not wait.
    async fn leave(&self, buckets: &Buckets) {
        self.view(|view| view.leads(None));
        free(buckets, &self.member, self.lease()).await;
        timeout(self.lease() / 4, buckets.alive.delete(key(&self.member.node))).await.ok();
    }
}
