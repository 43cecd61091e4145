//! Children that live for a part of their parent's life.

use anyhow::anyhow;
use service::{OnExit, Scope, launch};
use tokio::sync::oneshot;

use crate::components::{Component, Orderly, Record};

#[tokio::test]
async fn a_child_runs_until_a_future_is_over_and_its_name_may_be_used_again() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            for _ in 0..2 {
                let (ends, ended) = oneshot::channel::<()>();
                let started = noted.clone();
                let child = Component(async move |scope: Scope<()>| {
                    scope.start("grandchild", Orderly { name: "grandchild", record: started }).await?;
                    scope.ready(());
                    ends.send(()).unwrap();
                    scope.stopping().await;
                    Ok(())
                });
                let until = async { ended.await.unwrap() };
                scope.child("child").run_until(child, until).await?;
                noted.note("child is gone");
            }
            scope.ready(());
            scope.stopping().await;
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    root.stop().await.result.unwrap();
    let once = ["grandchild starts", "grandchild stops", "child is gone"];
    assert_eq!(record.notes(), [once, once].concat());
}

#[tokio::test]
async fn a_child_is_stopped_with_its_parent_although_its_future_is_not_over() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            scope.ready(());
            let child = Orderly { name: "child", record: noted.clone() };
            let ended = scope.child("child").run_until(child, std::future::pending()).await;
            noted.note("root drains");
            ended
        }),
    )
    .start();
    root.ready().await.unwrap();
    while record.notes().is_empty() {
        tokio::task::yield_now().await;
    }
    root.stop().await.result.unwrap();
    assert_eq!(record.notes(), ["child starts", "root drains", "child stops"]);
}

#[tokio::test]
async fn the_end_of_such_a_child_means_what_that_of_any_child_means() {
    for (on_exit, goes_on) in [(OnExit::Allow, true), (OnExit::Escalate, false)] {
        let mut root = launch(
            "root",
            Component(async move |scope: Scope<()>| {
                let child = Component(async |scope: Scope<()>| {
                    scope.ready(());
                    Err(anyhow!("no more"))
                });
                let child = scope.child("child").on_exit(on_exit).run_until(child, std::future::pending());
                child.await?;
                scope.ready(());
                scope.stopping().await;
                Ok(())
            }),
        )
        .start();
        match root.ready().await {
            Ok(()) => {
                assert!(goes_on);
                root.stop().await.result.unwrap();
            }
            Err(error) => {
                assert!(!goes_on);
                assert_eq!(error.to_string(), "root/child: no more");
            }
        }
    }
}

#[tokio::test]
async fn a_future_that_is_over_at_once_stops_a_child_that_has_not_begun() {
    let mut root = launch(
        "root",
        Component(async |scope: Scope<()>| {
            let child = Orderly { name: "child", record: Record::default() };
            scope.child("child").run_until(child, async {}).await?;
            scope.ready(());
            scope.stopping().await;
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    let outcome = root.stop().await;
    outcome.result.unwrap();
    assert!(outcome.aborted.is_empty());
}
