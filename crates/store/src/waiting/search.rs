//! The search for records that have arrived, and for the stored events that follow them.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::Bus;
use events::RecordKey;
use mongodb::error::Result;
use time::OffsetDateTime;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until};

use super::rows::{self, Summary, waiting_counts};
use super::versions;
use crate::Store;
use crate::commits::Commits;
use crate::error::plain;
use crate::handle::RETRY_AFTER;

/// The shortest time between two questions to the database about records.
const MIN_TURN: Duration = Duration::from_millis(5);

/// The pause between two pages of the sweep, and how many rows a page has: of 25,000 events that wait, each is looked at
/// once in a hundred seconds.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
const PAGE: usize = 250;

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
        let mut next_turn = Instant::now();
        loop {
            let due = self.commits().records.due().map(|due| due.max(next_turn));
            let is_due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let searched = tokio::select! {
                () = self.commits().changed.notified() => self.turn(false).await,
                () = is_due => {
                    next_turn = Instant::now() + MIN_TURN;
                    self.turn(true).await
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

    /// Wakes the events whose record another process has written, and passes on the followers of written records.
    async fn turn(&self, asks_for_others: bool) -> Result<()> {
        let commits = self.commits();
        let stored = commits.take_stored();
        let mut records = if asks_for_others { commits.records.take_due() } else { Vec::new() };
        records.extend(&stored);
        let mut written = commits.take_written();
        if !records.is_empty() {
            for (record, version) in versions::versions(self.store, &records).await? {
                commits.records.wrote(record, version);
                if stored.contains(&record) {
                    written.insert(record, version);
                }
            }
        }
        if !written.is_empty() {
            self.follow(written).await?;
        }
        Ok(())
    }

    /// Passes on the followers of these records.
    async fn follow(&self, written: HashMap<RecordKey, u64>) -> Result<()> {
        let commits = self.commits();
        let found = rows::followers(self.store, &commits.groups(), &written).await?;
        let mut are_all_passed = found.are_all;
        for (key, event) in found.events {
            are_all_passed &= commits.pass(key, event);
        }
        if !are_all_passed {
            commits.follow_later(written);
        }
        Ok(())
    }

    /// Looks at the next page of rows.
    async fn sweep(&mut self, sweep: &mut Interval) -> Result<()> {
        let commits = self.commits();
        let is_used = rows::is_used(self.store).await?;
        commits.is_used.store(is_used, Ordering::Relaxed);
        if !is_used {
            self.after = None;
            return Ok(());
        }
        let page = rows::page(self.store, &commits.groups(), self.after.as_deref(), PAGE).await?;
        let records: Vec<_> = page.iter().filter_map(Summary::record).collect();
        let found = versions::versions(self.store, &records).await?;
        let version = |row: &Summary| row.record().and_then(|record| found.get(&record).copied());
        let due = page.iter().filter(|row| row.is_due(version(row), self.limit));
        let due: Vec<_> = due.map(|row| row.key.clone()).filter(|key| !commits.is_returning(key)).collect();
        self.after = page.last().filter(|_| page.len() == PAGE).map(|row| row.key.clone());
        if !due.is_empty() {
            for (key, event) in rows::events(self.store, &due).await? {
                commits.pass(key, event); // if there is no room, it is found at the next sweep
            }
            sweep.reset_after(SWEEP_SOON);
        }
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
