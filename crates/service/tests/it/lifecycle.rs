//! Starting, being ready, and stopping, in order.

use std::time::Duration;

use service::{Error, Failure, Reason, Scope, Service, State, Stopped, launch};

use crate::components::{Component, Orderly, Record};

#[tokio::test]
async fn children_start_in_program_order_and_stop_in_reverse_after_their_parent_has_drained() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            for name in ["a", "b", "c"] {
                scope.start(name, Orderly { name, record: noted.clone() }).await?;
            }
            scope.ready(());
            scope.stopping().await;
            noted.note("root drains");
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    root.stop().await.result.unwrap();
    let expected = ["a starts", "b starts", "c starts", "root drains", "c stops", "b stops", "a stops"];
    assert_eq!(record.notes(), expected);
}

/// Notes the farewells it is sent, while it runs.
struct Hub {
    record: Record,
}

impl Service for Hub {
    type Handle = tokio::sync::mpsc::Sender<String>;

    async fn run(self, scope: Scope<Self::Handle>) -> Result<(), Error> {
        let (farewells, mut received) = tokio::sync::mpsc::channel(1);
        scope.ready(farewells);
        let stopping = scope.stopping();
        while let Some(farewell) = stopping.or(received.recv()).await.flatten() {
            self.record.note(farewell);
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_child_may_be_used_until_its_parent_has_returned() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            let hub = scope.start("hub", Hub { record: noted.clone() }).await?;
            scope.ready(());
            scope.stopping().await;
            hub.send("farewell".to_owned()).await?;
            while noted.notes().is_empty() {
                tokio::task::yield_now().await;
            }
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    root.stop().await.result.unwrap();
    assert_eq!(record.notes(), ["farewell"]);
}

#[tokio::test]
async fn a_failed_start_stops_what_was_started_before_it_and_names_the_service_that_failed() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            scope.start("a", Orderly { name: "a", record: noted.clone() }).await?;
            scope.start("b", Orderly { name: "b", record: noted.clone() }).await?;
            scope.start("c", Component(async |_| Err(anyhow::anyhow!("port taken")))).await?;
            noted.note("not reached");
            Ok(())
        }),
    )
    .start();
    let error = root.ready().await.unwrap_err();
    assert_eq!(error.to_string(), "root/c: port taken");
    assert_eq!(record.notes(), ["a starts", "b starts", "b stops", "a stops"]);
}

#[tokio::test]
async fn a_child_that_is_never_ready_fails_the_start_within_its_limit() {
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            let forever = Component(async |scope: Scope<()>| {
                scope.stopping().await;
                Ok(())
            });
            scope.child("slow").ready_within(Duration::from_millis(20)).start(forever).await
        }),
    )
    .start();
    let error = root.ready().await.unwrap_err();
    let failure = error.downcast_ref::<Failure>().unwrap();
    assert_eq!(failure.path.as_str(), "root/slow");
    assert!(matches!(failure.reason, Reason::NotReady(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_waited_for_may_take_any_time_to_become_ready() {
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            let late = Component(async |scope: Scope<()>| {
                tokio::time::sleep(Duration::from_secs(60 * 60)).await;
                scope.ready(());
                scope.stopping().await;
                Ok(())
            });
            scope.child("late").wait_until_ready().start(late).await?;
            scope.ready(());
            scope.stopping().await;
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    root.stop().await.result.unwrap();
}

#[tokio::test]
async fn or_stop_yields_the_value_or_ends_the_service_cleanly() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            let stopping = scope.stopping();
            noted.note(stopping.or_stop(async { "a value" }).await?);
            scope.ready(());
            stopping.or_stop(std::future::pending::<()>()).await?;
            unreachable!("the future never resolves")
        }),
    )
    .start();
    root.ready().await.unwrap();
    assert_eq!(root.stop().await.exit(), service::Exit::Clean);
    assert_eq!(record.notes(), ["a value"]);
}

#[tokio::test]
async fn a_stop_while_a_child_is_starting_ends_both_cleanly() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            scope.start("a", Orderly { name: "a", record: noted.clone() }).await?;
            let starting = Component(async move |scope: Scope<()>| {
                noted.note("b starts");
                scope.stopping().await;
                noted.note("b gives up");
                Ok(())
            });
            scope.start("b", starting).await?;
            unreachable!("b is never ready")
        }),
    )
    .start();
    root.tree().wait_for(|statuses| statuses.len() == 3).await;
    root.request_stop();
    assert!(root.ready().await.unwrap_err().is::<Stopped>());
    root.stop().await.result.unwrap();
    assert_eq!(record.notes(), ["a starts", "b starts", "b gives up", "a stops"]);
}

#[tokio::test]
async fn the_tree_shows_every_service_with_its_path_and_state() {
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            let child = Component(async |scope: Scope<()>| {
                scope.start("grandchild", Orderly { name: "grandchild", record: Record::default() }).await?;
                scope.ready(());
                scope.stopping().await;
                Ok(())
            });
            scope.start("child", child).await?;
            scope.ready(());
            scope.stopping().await;
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    let rows =
        |statuses: &[service::Status]| statuses.iter().map(|row| (row.path.to_string(), row.state)).collect::<Vec<_>>();
    let paths = ["root", "root/child", "root/child/grandchild"];
    let with = |state: State| paths.map(|path| (path.to_owned(), state)).to_vec();
    assert_eq!(rows(&root.tree().statuses()), with(State::Ready));
    let json = serde_json::to_value(root.tree().statuses()).unwrap();
    assert_eq!(json[2]["path"], "root/child/grandchild");
    assert_eq!(json[2]["state"], "ready");
    let tree = root.tree().clone();
    root.stop().await.result.unwrap();
    assert_eq!(rows(&tree.statuses()), with(State::Stopped));
}

#[tokio::test]
async fn two_live_children_of_one_name_are_refused_and_a_name_is_free_again_afterwards() {
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            let once = || {
                Component(async |scope: Scope<()>| {
                    scope.ready(());
                    Ok(())
                })
            };
            for _ in 0..3 {
                scope.child("one-shot").on_exit(service::OnExit::Allow).start(once()).await?;
                scope.tree().wait_for(|statuses| statuses[1].state == State::Stopped).await;
            }
            scope.start("a", Orderly { name: "a", record: Record::default() }).await?;
            scope.start("a", Orderly { name: "a", record: Record::default() }).await
        }),
    )
    .start();
    let error = root.ready().await.unwrap_err();
    assert_eq!(error.to_string(), "root/a: a service with this name is already running");
}

#[tokio::test]
async fn tasks_end_with_the_body_and_finished_waits_for_them() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = launch(
        "root",
        Component(async move |scope: Scope<()>| {
            let stopping = scope.stopping();
            scope.spawn("work", async move {
                stopping.await;
                noted.note("work is done");
                Ok(())
            });
            scope.ready(());
            scope.finished().await;
            scope.spawn("endless", std::future::pending());
            Ok(())
        }),
    )
    .start();
    root.ready().await.unwrap();
    let outcome = root.stop().await;
    assert_eq!(outcome.exit(), service::Exit::Clean);
    assert_eq!(record.notes(), ["work is done"]);
}
