//! A service that ends unasked is never only logged, unless its parent allows it.

use service::{Error, Exit, OnExit, Running, Scope, Service, State, launch};

use crate::components::{Component, Orderly, Record};

/// A root with an orderly child, then a child `child` with the given policy.
struct WithOrderly<S> {
    child: S,
    on_exit: OnExit,
    record: Record,
}

impl<S: Service<Handle = ()>> Service for WithOrderly<S> {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        scope.start("orderly", Orderly { name: "orderly", record: self.record.clone() }).await?;
        scope.child("child").on_exit(self.on_exit).start(self.child).await?;
        scope.ready(());
        scope.stopping().await;
        self.record.note("root drains");
        Ok(())
    }
}

fn with_orderly<S: Service<Handle = ()>>(child: S, on_exit: OnExit) -> (Running<()>, Record) {
    let record = Record::default();
    (launch("root", WithOrderly { child, on_exit, record: record.clone() }).start(), record)
}

async fn escalates<S: Service<Handle = ()>>(child: S, message: &str) {
    let (mut root, record) = with_orderly(child, OnExit::Escalate);
    let outcome = root.ended().await;
    assert_eq!(outcome.exit(), Exit::Failed);
    assert_eq!(format!("{:#}", outcome.result.unwrap_err()), message);
    assert_eq!(record.notes(), ["orderly starts", "root drains", "orderly stops"]);
}

#[tokio::test]
async fn a_childs_error_stops_its_parent_and_fails_the_root_with_its_path() {
    let child = Component(async |scope: Scope<()>| {
        scope.ready(());
        Err(anyhow::anyhow!("no such file").context("reading the list"))
    });
    escalates(child, "root/child: reading the list: no such file").await;
}

#[tokio::test]
async fn a_childs_panic_is_a_failure() {
    let child = Component(async |scope: Scope<()>| {
        scope.ready(());
        panic!("index out of bounds")
    });
    escalates(child, "root/child: panicked: index out of bounds").await;
}

#[tokio::test]
async fn a_childs_early_end_is_a_failure() {
    let child = Component(async |scope: Scope<()>| {
        scope.ready(());
        Ok(())
    });
    escalates(child, "root/child: ended without being asked to").await;
}

#[tokio::test]
async fn an_end_before_ready_fails_the_start() {
    let (mut root, _) = with_orderly(Component(async |_| Ok(())), OnExit::Escalate);
    let error = root.ready().await.unwrap_err();
    assert_eq!(error.to_string(), "root/child: ended before it was ready");
}

#[tokio::test]
async fn a_tasks_error_or_panic_is_its_services_failure() {
    let child = Component(async |scope: Scope<()>| {
        scope.spawn("task", async { anyhow::bail!("lost") });
        scope.ready(());
        scope.stopping().await;
        Ok(())
    });
    escalates(child, "root/child/task: lost").await;
    let child = Component(async |scope: Scope<()>| {
        scope.spawn("task", async { panic!("a bug") });
        scope.ready(());
        scope.stopping().await;
        Ok(())
    });
    escalates(child, "root/child/task: panicked: a bug").await;
}

#[tokio::test]
async fn a_failure_three_levels_down_keeps_the_path_of_the_service_that_failed() {
    let child = Component(async |scope: Scope<()>| {
        let inner = Component(async |scope: Scope<()>| {
            scope.ready(());
            tokio::task::yield_now().await;
            anyhow::bail!("broken")
        });
        scope.start("inner", inner).await?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    });
    escalates(child, "root/child/inner: broken").await;
}

#[tokio::test]
async fn an_allowed_child_may_end_or_fail_while_its_parent_goes_on() {
    let fails = Component(async |scope: Scope<()>| {
        scope.ready(());
        anyhow::bail!("not needed")
    });
    let (mut root, record) = with_orderly(fails, OnExit::Allow);
    root.ready().await.unwrap();
    let statuses = root.tree().wait_for(|rows| rows[2].state == State::Failed).await;
    assert_eq!(statuses[0].state, State::Ready);
    assert_eq!(statuses[2].error.as_deref(), Some("root/child: not needed"));
    root.stop().await.result.unwrap();
    assert_eq!(record.notes(), ["orderly starts", "root drains", "orderly stops"]);
}

#[tokio::test]
async fn an_error_while_draining_is_a_failure_too() {
    let child = Component(async |scope: Scope<()>| {
        scope.ready(());
        scope.stopping().await;
        anyhow::bail!("could not flush")
    });
    let (mut root, _) = with_orderly(child, OnExit::Escalate);
    root.ready().await.unwrap();
    let outcome = root.stop().await;
    assert_eq!(outcome.result.unwrap_err().to_string(), "root/child: could not flush");
}
