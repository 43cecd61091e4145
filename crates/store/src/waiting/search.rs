//! The search for records that have arrived, and for the stored events that follow them.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::Bus;
use events::RecordKey;
use mongodb::error::Result;
use time::OffsetDateTime;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until};

use super::found::{self, MAX_FOLLOWERS, Page, Summary, waiting_counts};
use super::versions;
use crate::Store;
use crate::commits::{Commits, Passing};
use crate::error::plain;
use crate::handle::RETRY_AFTER;

/// The shortest time between two turns.
const MIN_TURN: Duration = Duration::from_millis(5);

/// The pause between two pages of the sweep, and how many rows a page has: of 25,000 events that wait, each is looked at
/// once in a hundred seconds.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const PAGE: usize = 250;

/// Of how many records the followers are looked for with one question to the database.
const RECORDS_AT_ONCE: usize = 100;

/// How many events of a page are tried although the record that they wait for has not come. What an event waits for may
/// become unnecessary in another way than by its record: an order that waits for its ticket is cancelled itself.
const TRIED_ANYWAY: usize = 5;

/// The pause after a page with events that are to be tried.
const SWEEP_SOON: Duration = Duration::from_millis(20);

/// How often what waits is counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// How often it is logged that events wait.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// The search of one process, for all its listeners.
pub(super) struct Search<'a> {
    store: &'a Store,
    bus: &'a Bus,
    /// How long an event may wait.
    limit: Duration,
    /// The last row of the page before, if the sweep is not at its end.
    after: Option<String>,
    /// What was reported to wait, by group and subject.
    reported: HashSet<(String, String)>,
    logged: Option<Instant>,
}

impl<'a> Search<'a> {
    pub(super) fn new(store: &'a Store, bus: &'a Bus, limit: Duration) -> Self {
        Self { store, bus, limit, after: None, reported: HashSet::new(), logged: None }
    }

    pub(super) async fn run(mut self) -> Infallible {
        let (mut sweep, mut count) = (every(SWEEP_EVERY), every(COUNT_EVERY));
        let (mut has_changed, mut next_turn) = (false, Instant::now());
        loop {
            let due = if has_changed { Some(next_turn) } else { self.commits().records.due() };
            let is_due = async {
                match due {
                    Some(due) => sleep_until(due.max(next_turn)).await,
                    None => std::future::pending().await,
                }
            };
            let searched = tokio::select! {
                () = self.commits().changed.notified() => {
                    has_changed = true;
                    Ok(())
                }
                () = is_due => {
                    (has_changed, next_turn) = (false, Instant::now() + MIN_TURN);
                    self.turn().await
                }
                _ = sweep.tick() => self.sweep(&mut sweep).await,
                _ = count.tick() => self.count().await,
            };
            if let Err(error) = searched {
                tracing::debug!("failed to search for events that wait: {}", plain(&error));
                sleep(RETRY_AFTER).await;
            }
        }
    }

    fn commits(&self) -> &'a Commits {
        self.store.commits()
    }

    /// Wakes the events whose record another process has written, and passes on the followers of written records. What
    /// fails is done in a later turn.
    async fn turn(&self) -> Result<()> {
        let commits = self.commits();
        let stored = commits.take_stored();
        let asked: HashSet<_> = commits.records.take_due().into_iter().chain(stored.iter().copied()).collect();
        if !asked.is_empty() {
            let asked: Vec<_> = asked.into_iter().collect();
            let found = versions::versions(self.store, &asked).await;
            let found = found.inspect_err(|_| commits.look_again(stored.iter().copied()))?;
            for (record, version) in found {
                commits.records.wrote(record, version);
                if stored.contains(&record) {
                    commits.look_for_followers([(record, version)]);
                }
            }
        }
        let mut written: Vec<_> = commits.take_written().into_iter().collect();
        written.sort_unstable_by_key(|(record, _)| record.to_string());
        for some in written.chunks(RECORDS_AT_ONCE) {
            let followed = self.follow(some).await;
            followed.inspect_err(|_| commits.look_for_followers(written.iter().copied()))?;
        }
        Ok(())
    }

    /// Passes on the followers of these records, in the order of their names. If they are too many, the rest is looked for
    /// when some have been tried.
    async fn follow(&self, written: &[(RecordKey, u64)]) -> Result<()> {
        let commits = self.commits();
        let listening = commits.listening();
        let groups: HashSet<_> = listening.iter().map(|(group, _)| group.as_str()).collect();
        for group in groups {
            let ours = listening.iter().filter(|(of, _)| of == group);
            let subjects: Vec<_> = ours.map(|(_, subject)| subject.as_str()).collect();
            let followers = found::followers(self.store, group, &subjects, written).await?;
            let Some(last) = followers.last().map(|last| last.record) else { continue };
            let are_all = followers.len() < MAX_FOLLOWERS;
            let chain = found::chain(self.store, group, &subjects, &followers).await?;
            if !are_all {
                let rest = written.iter().skip_while(|(record, _)| *record != last);
                commits.look_for_followers(rest.copied());
            }
            let keys = followers.into_iter().chain(chain).map(|one| one.key);
            if self.pass(keys.collect()).await?.contains(&Passing::NoRoom) {
                commits.look_for_followers(written.iter().copied());
            }
        }
        Ok(())
    }

    /// Passes the events with these keys to their listeners, unless they are on their way.
    async fn pass(&self, mut keys: Vec<String>) -> Result<Vec<Passing>> {
        let commits = self.commits();
        keys.retain(|key| !commits.is_returning(key));
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let events = found::events(self.store, &keys).await?.into_iter();
        Ok(events.map(|(key, event)| commits.pass(key, event)).collect())
    }

    /// Looks at the next page of rows.
    async fn sweep(&mut self, sweep: &mut Interval) -> Result<()> {
        let commits = self.commits();
        let times_stored = commits.times_stored();
        let is_used = found::is_used(self.store).await?;
        if is_used || commits.times_stored() == times_stored {
            commits.is_used.store(is_used, Ordering::Relaxed);
        }
        let listening = commits.listening();
        if !is_used || listening.is_empty() {
            self.after = None;
            return Ok(());
        }
        let Page { rows, last } = found::page(self.store, &listening, self.after.as_deref(), PAGE).await?;
        self.after = last;
        let records: Vec<_> = rows.iter().map(|row| row.record).collect();
        let versions = versions::versions(self.store, &records).await?;
        let version = |row: &Summary| versions.get(&row.record).copied();
        let (due, not_due): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.is_due(version(row), self.limit));
        let keys = |rows: &[&Summary]| rows.iter().map(|row| row.key.clone()).collect();
        // If there is no room, they are found at the next sweep.
        if self.pass(keys(&due)).await?.contains(&Passing::Passed) {
            sweep.reset_after(SWEEP_SOON);
        }
        let mut not_due: Vec<_> = not_due.into_iter().filter(|row| row.may_be_tried()).collect();
        let first = rand::random_range(0..not_due.len().max(1));
        not_due.rotate_left(first);
        not_due.truncate(TRIED_ANYWAY);
        self.pass(keys(&not_due)).await?;
        Ok(())
    }

    /// Counts what waits: for the metrics, the client registry and the log.
    async fn count(&mut self) -> Result<()> {
        if !self.commits().is_used.load(Ordering::Relaxed) && self.reported.is_empty() {
            return Ok(());
        }
        let counts = waiting_counts(self.store).await?;
        let now = OffsetDateTime::now_utc();
        let gone = std::mem::take(&mut self.reported);
        for (group, subject) in gone {
            gauges(&group, &subject, 0.0, 0.0);
        }
        let logs = self.logged.is_none_or(|logged| logged.elapsed() >= LOG_EVERY);
        for counted in &counts {
            let (group, subject) = (counted.group.as_str(), counted.subject.as_str());
            let age = (now - counted.oldest).as_seconds_f64().max(0.0);
            gauges(group, subject, counted.count as f64, age);
            self.reported.insert((group.to_owned(), subject.to_owned()));
            if logs {
                let oldest_seconds = age.round();
                tracing::warn!(group, subject, waiting = counted.count, oldest_seconds, "events wait for earlier ones");
                self.logged = Some(Instant::now());
            }
        }
        let waiting = counts.into_iter().map(|one| (one.group, one.subject, one.count, one.oldest));
        self.bus.report_waiting(waiting);
        Ok(())
    }
}

fn gauges(group: &str, subject: &str, count: f64, age: f64) {
    let labels = [("group", group.to_owned()), ("subject", subject.to_owned())];
    metrics::gauge!("listener_waiting_events", &labels).set(count);
    metrics::gauge!("listener_waiting_oldest_seconds", &labels).set(age);
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
