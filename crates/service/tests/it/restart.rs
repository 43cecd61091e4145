//! A child that fails is started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use service::{Error, Restart, Running, Scope, Service, Slot, State, launch};
use tokio::sync::{mpsc, oneshot};

use crate::components::{Component, Orderly, Record};

const IMMEDIATELY: Duration = Duration::ZERO;

/// Hands out its number; fails on request.
struct Numbered {
    number: u32,
    fails: mpsc::UnboundedSender<oneshot::Sender<()>>,
    record: Record,
}

impl Service for Numbered {
    type Handle = u32;

    async fn run(self, scope: Scope<u32>) -> Result<(), Error> {
        if self.number == 0 {
            anyhow::bail!("not yet");
        }
        self.record.note(format!("{} starts", self.number));
        let (fail, failing) = oneshot::channel();
        self.fails.send(fail)?;
        scope.ready(self.number);
        let requested = scope.stopping().or(failing).await.is_some();
        self.record.note(format!("{} {}", self.number, if requested { "fails" } else { "stops" }));
        if requested { anyhow::bail!("failed on request") } else { Ok(()) }
    }
}

/// A root with `before`, a numbered child that is restarted, and `after`.
struct Supervising {
    first: u32,
    restart: Restart,
    fails: mpsc::UnboundedSender<oneshot::Sender<()>>,
    record: Record,
}

impl Service for Supervising {
    type Handle = Slot<u32>;

    async fn run(self, scope: Scope<Slot<u32>>) -> Result<(), Error> {
        let Self { first, restart, fails, record } = self;
        scope.start("before", Orderly { name: "before", record: record.clone() }).await?;
        let (next, noted) = (Arc::new(AtomicU32::new(first)), record.clone());
        let make = move || {
            let number = next.fetch_add(1, Ordering::Relaxed);
            Numbered { number, fails: fails.clone(), record: noted.clone() }
        };
        let slot = scope.child("child").restart(restart).start(make).await?;
        scope.start("after", Orderly { name: "after", record }).await?;
        scope.ready(slot);
        scope.stopping().await;
        Ok(())
    }
}

type Started = mpsc::UnboundedReceiver<oneshot::Sender<()>>;

fn supervising(first: u32, restart: Restart) -> (Running<Slot<u32>>, Started, Record) {
    let (fails, started) = mpsc::unbounded_channel();
    let record = Record::default();
    (launch("root", Supervising { first, restart, fails, record: record.clone() }).start(), started, record)
}

#[tokio::test]
async fn a_child_that_failed_is_started_again_in_its_place_and_its_slot_has_the_new_handle() {
    let (mut root, mut started, record) = supervising(1, Restart::always().backoff(IMMEDIATELY, IMMEDIATELY));
    let slot = root.ready().await.unwrap();
    assert_eq!(slot.get(), Ok(1));
    let fail = started.recv().await.unwrap();
    fail.send(()).unwrap();
    let _running = started.recv().await.unwrap();
    root.tree().wait_for(|rows| rows.iter().any(|row| row.restarts == 1 && row.state == State::Ready)).await;
    assert_eq!(slot.wait().await, Ok(2));
    let untouched = root.tree().statuses().into_iter().filter(|row| row.restarts == 0).count();
    assert_eq!(untouched, 3, "root, before and after");
    root.stop().await.result.unwrap();
    let stopped = ["after stops", "2 stops", "before stops"];
    assert_eq!(record.notes()[record.notes().len() - 3..], stopped, "where it was started the first time");
    assert!(slot.get().is_err());
    assert_eq!(slot.wait().await.unwrap_err().to_string(), "root/child is not ready");
}

#[tokio::test]
async fn a_child_that_cannot_start_yet_is_started_again_until_it_can() {
    let (mut root, _started, _) = supervising(0, Restart::always().backoff(IMMEDIATELY, IMMEDIATELY));
    assert_eq!(root.ready().await.unwrap().get(), Ok(1));
    root.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_child_that_is_restarted_once_ready_fails_at_its_first_start_and_not_later() {
    let restart = Restart::always().backoff(IMMEDIATELY, IMMEDIATELY).once_ready();
    let (mut root, _started, _) = supervising(0, restart);
    let error = root.ready().await.unwrap_err();
    assert_eq!(format!("{error:#}"), "root/child: not yet");

    let (mut root, mut started, _) = supervising(1, restart);
    let slot = root.ready().await.unwrap();
    started.recv().await.unwrap().send(()).unwrap();
    let _running = started.recv().await.unwrap();
    assert_eq!(slot.wait().await, Ok(2));
    root.stop().await.result.unwrap();
}

#[tokio::test]
async fn one_failure_more_than_allowed_is_the_parents_failure() {
    let restart = Restart::at_most(2, Duration::from_secs(60)).backoff(IMMEDIATELY, IMMEDIATELY);
    let (mut root, mut started, _) = supervising(1, restart);
    root.ready().await.unwrap();
    for _ in 0..3 {
        started.recv().await.unwrap().send(()).unwrap();
    }
    let error = root.ended().await.result.unwrap_err();
    assert_eq!(format!("{error:#}"), "failed again after 2 restarts within 60s: root/child: failed on request");
}

#[tokio::test(start_paused = true)]
async fn failures_far_apart_never_add_up() {
    let restart = Restart::at_most(1, Duration::from_secs(60)).backoff(IMMEDIATELY, IMMEDIATELY);
    let (mut root, mut started, _) = supervising(1, restart);
    root.ready().await.unwrap();
    for _ in 0..10 {
        let fail = started.recv().await.unwrap();
        tokio::time::sleep(Duration::from_secs(61)).await;
        fail.send(()).unwrap();
    }
    let _running = started.recv().await.unwrap();
    root.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_child_that_waits_to_be_started_again_is_stopped_immediately() {
    let (mut root, mut started, _) = supervising(1, Restart::always().backoff(Duration::MAX, Duration::MAX));
    let slot = root.ready().await.unwrap();
    started.recv().await.unwrap().send(()).unwrap();
    root.tree().wait_for(|rows| rows.iter().any(|row| row.state == State::Restarting)).await;
    assert!(slot.get().is_err());
    assert_eq!(root.tree().not_ready(&[]).len(), 1);
    root.stop().await.result.unwrap();
}

#[tokio::test]
async fn a_restarted_child_shows_in_its_one_row_that_it_waits_and_is_ready_again() {
    let root = Component(async |scope: Scope<()>| {
        let make = || {
            Component(async |scope: Scope<()>| {
                scope.ready(());
                scope.waits_for("nats", "connection refused");
                scope.tree().wait_for(|rows| rows[1].state == State::Waiting).await;
                scope.goes_on();
                scope.stopping().await;
                Ok(())
            })
        };
        scope.child("child").restart(Restart::always()).start(make).await?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    });
    let mut root = launch("root", root).start();
    root.ready().await.unwrap();
    let rows = root.tree().wait_for(|rows| rows.iter().all(|row| row.state == State::Ready)).await;
    assert_eq!(rows.iter().map(|row| row.path.as_str()).collect::<Vec<_>>(), ["root", "root/child"]);
    assert_eq!(root.stop().await.exit(), service::Exit::Clean);
}
