//! Members that are asked to stop at the same moment. Time is tokio's paused clock.

use std::sync::Arc;
use std::time::Duration;

use service::{Error, Exit, Members, Outcome, Running, Scope, Service, Stopped, launch};
use tokio::sync::Barrier;
use tokio::time::Instant;

use crate::components::{Component, Orderly, Record};

/// Once it is asked to stop, it ends only when all others of the barrier are asked too.
struct EndsWithTheOthers {
    name: &'static str,
    record: Record,
    all_asked: Arc<Barrier>,
}

impl Service for EndsWithTheOthers {
    type Handle = String;

    async fn run(self, scope: Scope<String>) -> Result<(), Error> {
        self.record.note(format!("{} starts", self.name));
        scope.ready(self.name.to_owned());
        scope.stopping().await;
        self.all_asked.wait().await;
        self.record.note("a member stops");
        Ok(())
    }
}

fn never_stops() -> impl Service<Handle = ()> {
    Component(async |scope: Scope<()>| {
        scope.ready(());
        std::future::pending().await
    })
}

/// A root with `before`, a group of these members, and `after`.
fn group<R>(record: &Record, members: impl FnOnce(Members) -> R + Send + 'static) -> Running<()>
where
    R: Future<Output = Result<(), Error>> + Send + 'static,
{
    let record = record.clone();
    let root = Component(async move |scope: Scope<()>| {
        scope.start("before", Orderly { name: "before", record: record.clone() }).await?;
        scope.together("group", members).await?;
        scope.start("after", Orderly { name: "after", record }).await?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    });
    launch("root", root).stop_within(Duration::from_secs(4)).start()
}

fn aborted(outcome: &Outcome) -> Vec<&str> {
    outcome.aborted.iter().map(|path| path.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn members_start_in_order_and_are_all_asked_to_stop_at_the_same_moment_in_the_place_of_their_group() {
    let record = Record::default();
    let (noted, all_asked) = (record.clone(), Arc::new(Barrier::new(3)));
    let mut root = group(&record, async move |members: Members| {
        for name in ["a", "b", "c"] {
            let member = EndsWithTheOthers { name, record: noted.clone(), all_asked: Arc::clone(&all_asked) };
            assert_eq!(members.start(name, member).await?, name);
        }
        Ok(())
    });
    root.ready().await.unwrap();
    assert_eq!(record.notes(), ["before starts", "a starts", "b starts", "c starts", "after starts"]);
    let tree = root.tree().clone();
    let outcome = root.stop().await;
    assert_eq!(outcome.exit(), Exit::Clean, "{outcome:?}");
    let stops = ["after stops", "a member stops", "a member stops", "a member stops", "before stops"];
    assert_eq!(record.notes()[5..], stops);
    let paths: Vec<_> = tree.statuses().iter().map(|row| row.path.to_string()).collect();
    let expected = ["root", "root/before", "root/group", "root/group/a", "root/group/b", "root/group/c", "root/after"];
    assert_eq!(paths, expected);
}

#[tokio::test(start_paused = true)]
async fn the_handle_of_a_group_is_what_its_closure_returns() {
    let root = Component(async |scope: Scope<()>| {
        let all_asked = Arc::new(Barrier::new(1));
        let name = scope
            .together("group", async move |members: Members| {
                members.start("a", EndsWithTheOthers { name: "a", record: Record::default(), all_asked }).await
            })
            .await?;
        assert_eq!(name, "a");
        scope.ready(());
        Ok(())
    });
    let mut root = launch("root", root).start();
    root.ready().await.unwrap();
    root.ended().await.result.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_member_that_fails_ends_all_members_and_fails_the_parent_with_its_path() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = group(&record, async move |members: Members| {
        members.start("a", Orderly { name: "a", record: noted.clone() }).await?;
        let fails = Component(async |scope: Scope<()>| {
            scope.ready(());
            tokio::time::sleep(Duration::from_secs(1)).await;
            anyhow::bail!("broken")
        });
        members.start("b", fails).await?;
        members.start("c", Orderly { name: "c", record: noted }).await
    });
    root.ready().await.unwrap();
    let outcome = root.ended().await;
    assert_eq!(outcome.result.unwrap_err().to_string(), "root/group/b: broken");
    let mut stops = record.notes()[4..].to_vec();
    stops[..2].sort_unstable(); // members stop in any order
    assert_eq!(stops, ["a stops", "c stops", "after stops", "before stops"]);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_cannot_start_stops_those_before_it_and_is_the_failure_of_the_start() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = group(&record, async move |members: Members| {
        members.start("a", Orderly { name: "a", record: noted }).await?;
        members.start("b", Component(async |_| anyhow::bail!("port taken"))).await
    });
    assert_eq!(root.ready().await.unwrap_err().to_string(), "root/group/b: port taken");
    assert_eq!(record.notes(), ["before starts", "a starts", "a stops", "before stops"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_a_member_is_starting_ends_all_of_them_cleanly() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = group(&record, async move |members: Members| {
        members.start("a", Orderly { name: "a", record: noted }).await?;
        let starting = Component(async |scope: Scope<()>| {
            scope.stopping().await;
            Ok(())
        });
        members.child("b").wait_until_ready().start(starting).await
    });
    root.tree().wait_for(|rows| rows.iter().any(|row| row.path.as_str() == "root/group/b")).await;
    root.request_stop();
    assert!(root.ready().await.unwrap_err().is::<Stopped>());
    assert_eq!(root.stop().await.exit(), Exit::Clean);
    assert_eq!(record.notes(), ["before starts", "a starts", "a stops", "before stops"]);
}

#[tokio::test(start_paused = true)]
async fn members_that_do_not_stop_in_time_are_aborted_and_named_under_the_one_deadline_of_the_group() {
    let record = Record::default();
    let noted = record.clone();
    let mut root = group(&record, async move |members: Members| {
        members.start("stuck", never_stops()).await?;
        members.start("orderly", Orderly { name: "orderly", record: noted }).await?;
        members.start("stuck-too", never_stops()).await
    });
    root.ready().await.unwrap();
    let asked = Instant::now();
    let outcome = root.stop().await;
    assert_eq!(outcome.exit(), Exit::Aborted);
    let mut named = aborted(&outcome);
    named.sort_unstable();
    assert_eq!(named, ["root/group/stuck", "root/group/stuck-too"]);
    assert_eq!(record.notes()[3..], ["after stops", "orderly stops", "before stops"]);
    assert!(asked.elapsed() <= Duration::from_secs(4), "{:?} on the paused clock", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_group_may_have_less_time_to_stop_than_its_parent() {
    let root = Component(async |scope: Scope<()>| {
        let group = scope.child("group").stop_within(Duration::from_millis(300));
        group.together(async |members: Members| members.start("stuck", never_stops()).await).await?;
        scope.ready(());
        scope.stopping().await;
        Ok(())
    });
    let mut root = launch("root", root).start();
    root.ready().await.unwrap();
    let asked = Instant::now();
    assert_eq!(aborted(&root.stop().await), ["root/group/stuck"]);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?} on the paused clock", asked.elapsed());
}
