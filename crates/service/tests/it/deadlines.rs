//! The one deadline that all services of a tree share for their stop. Time is tokio's paused clock.

use std::time::Duration;

use service::{Exit, Scope, launch};
use tokio::time::{Instant, sleep};

use crate::components::{Component, Orderly, Record};

fn never_stops() -> impl service::Service<Handle = ()> {
    Component(async |scope: Scope<()>| {
        scope.ready(());
        std::future::pending().await
    })
}

#[tokio::test(start_paused = true)]
async fn a_service_that_overruns_is_aborted_and_named_and_the_others_still_stop_in_order() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            scope.start("a", Orderly { name: "a", record: noted.clone() }).await?;
            scope.start("stuck", never_stops()).await?;
            scope.start("b", Orderly { name: "b", record: noted.clone() }).await?;
            scope.ready(());
            scope.stopping().await;
            Ok(())
        }),
    )
    .stop_within(Duration::from_secs(4))
    .start();
    root.ready().await.unwrap();
    let asked = Instant::now();
    let outcome = root.stop().await;
    assert_eq!(outcome.exit(), Exit::Aborted);
    assert_eq!(outcome.aborted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["root/stuck"]);
    assert_eq!(record.notes(), ["a starts", "b starts", "b stops", "a stops"]);
    assert!(asked.elapsed() <= Duration::from_secs(4), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_slow_service_has_its_time_and_ends_cleanly() {
    let slow = Component(async |scope: Scope<()>| {
        scope.ready(());
        scope.stopping().await;
        sleep(Duration::from_secs(2)).await;
        Ok(())
    });
    let mut root = launch("root", slow).stop_within(Duration::from_secs(3)).start();
    root.ready().await.unwrap();
    assert_eq!(root.stop().await.exit(), Exit::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_childs_own_limit_is_shorter_than_the_shared_one() {
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            scope.child("stuck").stop_within(Duration::from_millis(300)).start(never_stops()).await?;
            scope.ready(());
            scope.stopping().await;
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    let asked = Instant::now();
    assert_eq!(root.stop().await.exit(), Exit::Aborted);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_overruns_leaves_time_for_its_children() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            scope.start("a", Orderly { name: "a", record: noted }).await?;
            scope.ready(());
            std::future::pending().await
        }),
    )
    .stop_within(Duration::from_secs(4))
    .start();
    root.ready().await.unwrap();
    let outcome = root.stop().await;
    assert_eq!(outcome.aborted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["root"]);
    assert_eq!(record.notes(), ["a starts", "a stops"]);
}

#[tokio::test(start_paused = true)]
async fn while_a_stop_lasts_the_innermost_services_that_were_asked_are_those_it_waits_for() {
    let parent = Component(async |scope: Scope<()>| {
        scope.start("not-asked-yet", never_stops()).await?;
        let middle = Component(async |scope: Scope<()>| {
            scope.start("stuck", never_stops()).await?;
            scope.ready(());
            scope.stopping().await;
            Ok(())
        });
        scope.start("middle", middle).await?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    });
    let mut root = launch("root", parent).stop_within(Duration::from_secs(4)).start();
    root.ready().await.unwrap();
    assert_eq!(root.tree().stopping(), []);
    root.request_stop();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(root.tree().stopping().iter().map(ToString::to_string).collect::<Vec<_>>(), ["root/middle/stuck"]);
    root.stop().await.result.unwrap();
}
