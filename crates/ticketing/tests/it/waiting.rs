//! Events that wait for an earlier one, in the orders service's own program.

use std::os::unix::process::ExitStatusExt;

use bus::crash::WAITING_POINTS;
use events::{Price, TicketCreated, TicketUpdated};
use futures_util::{StreamExt, stream};
use mongodb::bson::doc;
use serde_json::Value;
use tempfile::TempDir;
use testkit::{Broker, Client, Database, ServiceProgram, course_environment, new_id, settled, until};

use crate::process::run;

/// The orders service, and somebody who publishes events of tickets.
struct Orders {
    broker: Broker,
    client: Client,
    database: Database,
    program: ServiceProgram,
    folder: TempDir,
}

impl Orders {
    async fn start(environment: &[(&str, &str)], failpoint: Option<&str>) -> Self {
        let (broker, database) = (Broker::start().await, Database::new());
        let folder = tempfile::tempdir().unwrap();
        let client = broker.connect("seller").await;
        let course = course_environment(database.uri(), broker.url(), "orders-1");
        let environment = [&course[..], environment].concat();
        let program = ServiceProgram::start("orders", &environment, folder.path(), failpoint);
        until("ready", || program.is_ready()).await;
        Self { broker, client, database, program, folder }
    }

    async fn waiting(&self) -> u64 {
        self.database.collection("waiting").await.count_documents(doc! {}).await.unwrap()
    }

    async fn has_copy(&self, event: &TicketUpdated) -> bool {
        let it = doc! { "_id": event.id.to_string(), "version": i64::try_from(event.version).unwrap() };
        self.database.collection("tickets").await.count_documents(it).await.unwrap() == 1
    }

    async fn publish<E: events::Event>(&self, event: &E) {
        self.client.publish_to(E::SUBJECT, serde_json::to_string(event).unwrap()).await;
    }

    fn bus(&self, arguments: &[&str]) -> String {
        let output = run(&[&["bus"], arguments, &["--nats-url", self.broker.url()]].concat(), self.folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn close(self) {
        drop(self.program);
        self.client.close().await;
        self.broker.stop().await;
    }
}

fn ticket_and_change() -> (TicketCreated, TicketUpdated) {
    let (id, user_id, price) = (new_id(), new_id(), Price::from_cents(2000).unwrap());
    let created = TicketCreated { id, version: 0, title: "concert".to_owned(), price, user_id };
    let updated = TicketUpdated { id, version: 1, title: "concert".to_owned(), price, user_id, order_id: None };
    (created, updated)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_waits_and_a_late_ticket_brings_its_followers() {
    let orders = Orders::start(&[], None).await;
    let (created, updated) = ticket_and_change();
    orders.publish(&updated).await;
    let row = || {
        let ls: Value = serde_json::from_str(&orders.bus(&["ls", "--json"])).unwrap();
        let consumers = ls["consumers"].as_array().unwrap().clone();
        consumers
            .into_iter()
            .find(|row| row["group"] == "orders-service" && row["subject"] == "ticket:updated")
            .unwrap()
    };
    until("ls shows it", || async { row()["waiting"] == 1 }).await;
    assert!(row()["waitingSince"].is_string() && row()["inFlight"] == 0, "{}", row());
    let audit = orders.bus(&["audit", "--mongo-uri", orders.database.uri()]);
    assert!(audit.contains(": 1 ticket:updated of orders-service wait for earlier events, since 20"), "{audit}");
    let metrics = orders.program.admin.get("/metrics", "").await.body;
    let gauge = r#"listener_waiting_events{group="orders-service",subject="ticket:updated"} 1"#;
    assert!(metrics.contains(gauge) && metrics.contains("listener_waiting_oldest_seconds"), "{metrics}");
    let log = orders.program.log();
    assert!(log.contains("events wait for earlier ones") && log.contains(r#""waiting":1"#), "{log}");

    orders.publish(&created).await;
    until("its follower is handled", || orders.has_copy(&updated)).await;
    until("nothing waits", || async { orders.waiting().await == 0 }).await;
    until("ls shows nothing", || async { row()["waiting"] == 0 }).await;
    orders.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_an_event_is_stored_or_removed_it_is_neither_lost_nor_handled_twice() {
    for point in WAITING_POINTS {
        let mut orders = Orders::start(&[], Some(point)).await;
        let (created, updated) = ticket_and_change();
        orders.publish(&updated).await;
        if point == WAITING_POINTS[1] {
            until("stored", || async { orders.waiting().await == 1 }).await;
            orders.publish(&created).await;
        }
        assert_eq!(orders.program.ended().await.signal(), Some(9), "{point} is not reached");
        assert_eq!(orders.waiting().await, 1);
        orders.program.start_again();
        if point == WAITING_POINTS[0] {
            orders.publish(&created).await;
        }
        until("its follower is handled", || orders.has_copy(&updated)).await;
        until("nothing waits", || async { orders.waiting().await == 0 }).await;
        settled(&orders.broker, "orders-service:ticket-updated").await;
        let inbox = orders.database.collection("inbox").await;
        assert_eq!(inbox.count_documents(doc! {}).await.unwrap(), 2);
        orders.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_has_waited_for_too_long_is_a_dead_letter_and_no_longer_stored() {
    let orders = Orders::start(&[("LISTENER_WAIT_SECONDS", "4")], None).await;
    let (_, updated) = ticket_and_change();
    orders.publish(&updated).await;
    until("stored", || async { orders.waiting().await == 1 }).await;
    until("no longer stored", || async { orders.waiting().await == 0 }).await;
    let letter: Value = serde_json::from_str(&orders.bus(&["dlq", "ls", "--json"])).unwrap();
    let reason = format!("version 0 of ticket/{} did not arrive within 4s", updated.id);
    assert_eq!(letter["reason"], reason, "{letter}");
    orders.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_in_its_budget_however_many_events_wait() {
    const EVENTS: usize = 3000;
    let mut orders = Orders::start(&[], None).await;
    let changes = (0..EVENTS).map(|_| ticket_and_change().1);
    stream::iter(changes).for_each_concurrent(200, async |change| orders.publish(&change).await).await;
    until("the first of them are stored, and the others in flight", || async { orders.waiting().await > 0 }).await;
    assert_eq!(orders.program.terminate().await, Some(0), "{}", orders.program.log());
    orders.program.start_again();
    until("more are stored", || async { orders.waiting().await > 500 }).await;
    assert_eq!(orders.program.terminate().await, Some(0), "{}", orders.program.log());
    orders.close().await;
}
