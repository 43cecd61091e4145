//! The services' own programs, each killed (-9) at each place between a request and the ack of the last event it causes.
//!
//! After a restart nothing is lost, and nothing has happened twice.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use bus::crash::POINTS;
use events::{Event, ExpirationComplete, OrderCancelled, OrderCreated, OrderStatus, TicketCreated, TicketUpdated};
use futures_util::{StreamExt, stream};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use testkit::{
    Answer, Api, Broker, Database, LIMIT, ServiceProgram, course_environment, programs, session_of, settled, stored,
    until,
};
use tokio::time::{sleep, timeout};

/// Where the expiration service can die, which has neither database nor outbox.
const EXPIRATION: [&str; 3] = ["listener-received", "listener-before-ack", "subscription-acked"];

/// How many scenarios run concurrently.
const CONCURRENCY: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_between_request_and_ack_nothing_is_lost_and_nothing_happens_twice() {
    for name in ["tickets", "orders", "expiration"] {
        let program = programs().join(name);
        // The variable that arms a failpoint.
        let found = Command::new("grep").args(["-q", "FAILPOINTS"]).arg(&program).status().unwrap();
        assert!(found.success(), "first cargo test --workspace --no-run: {} is without failpoints", program.display());
    }
    let with_database = ["tickets", "orders"].into_iter().flat_map(|service| POINTS.map(|point| (service, point)));
    let places: Vec<_> = with_database.chain(EXPIRATION.map(|point| ("expiration", point))).collect();
    let scenarios = stream::iter(places).map(|(service, point)| async move {
        let limit = timeout(4 * LIMIT, scenario(service, point));
        limit.await.unwrap_or_else(|_| panic!("{service} killed at {point}: the scenario does not end"));
        println!("{service} killed at {point}: nothing lost, nothing twice");
    });
    scenarios.buffer_unordered(CONCURRENCY).collect::<Vec<()>>().await;
}

/// A ticket is sold, reserved, and free again when the time is over; one service dies on the way.
async fn scenario(victim: &'static str, point: &'static str) {
    let broker = Broker::start().await;
    let databases = [Database::new(), Database::new()];
    let folder = tempfile::tempdir().unwrap();
    let start = |name: &'static str, uri: &str| {
        let course = course_environment(uri, broker.url(), name);
        let own = [("ORDER_WINDOW_SECONDS", "1")];
        let environment: Vec<_> = match name {
            "orders" => course.iter().chain(&own).copied().collect(),
            "expiration" => course[2..].to_vec(),
            _ => course.to_vec(),
        };
        ServiceProgram::start(name, &environment, &folder.path().join(name), (name == victim).then_some(point))
    };
    let mut programs =
        [start("tickets", databases[0].uri()), start("orders", databases[1].uri()), start("expiration", "")];
    let [tickets, orders] = [0, 1].map(|place| Api { address: programs[place].address });
    let dying = programs.iter_mut().find(|program| program.name == victim).unwrap();
    let person = session_of("test@test.com");
    let act = async {
        let sold = persist(&tickets, "/api/tickets", &person, &json!({ "title": "concert", "price": 20 })).await;
        let ticket = sold.expect(201)["id"].clone();
        // Not received yet, or reserved by the request whose answer was lost: both are over in a moment.
        persist(&orders, "/api/orders", &person, &json!({ "ticketId": ticket })).await.expect(201);
    };
    tokio::join!(act, dies_and_is_started_again(dying));
    agree(&databases, &broker).await;
    drop(programs);
    broker.stop().await;
}

/// Waits until the program has killed itself at its failpoint, then starts it again without one.
async fn dies_and_is_started_again(program: &mut ServiceProgram) {
    let status = program.ended().await;
    assert_eq!(status.signal(), Some(9), "{} did not reach its failpoint", program.name);
    program.start_again();
}

/// Sends it until it is done.
async fn persist(api: &Api, path: &str, person: &str, body: &Value) -> Answer {
    loop {
        match api.try_send("POST", path, person, body).await {
            Some(answer) if answer.status == 201 => return answer,
            Some(Answer { status: 400 | 404 | 500.., .. }) | None => sleep(Duration::from_millis(50)).await,
            Some(answer) => panic!("{answer:?}"),
        }
    }
}

/// Waits until everything is over, and sees that owners, copies and the stream tell the same.
async fn agree([of_tickets, of_orders]: &[Database; 2], broker: &Broker) {
    let (tickets, orders) = (of_tickets.collection("tickets").await, of_orders.collection("orders").await);
    let copies = of_orders.collection("tickets").await;
    let open = doc! { "status": { "$ne": "cancelled" } };
    until("every order over", || async { orders.count_documents(open.clone()).await.unwrap() == 0 }).await;
    let orders_made: usize = orders.count_documents(doc! {}).await.unwrap().try_into().unwrap();
    let sold: usize = tickets.count_documents(doc! {}).await.unwrap().try_into().unwrap();
    until("all cancelled", || async { stored::<OrderCancelled>(broker).await.len() >= orders_made }).await;
    for consumer in ["tickets-service:order-created", "tickets-service:order-cancelled"] {
        settled(broker, consumer).await;
    }
    let locked = doc! { "orderId": { "$exists": true } };
    assert_eq!(tickets.count_documents(locked).await.unwrap(), 0, "a ticket is locked without a live order");
    until("the copies equal", || async { versions(&tickets).await == versions(&copies).await }).await;
    for database in [of_tickets, of_orders] {
        let rows = database.collection("outbox").await;
        let pending = doc! { "pending": { "$exists": true } };
        until("nothing pending", || async { rows.count_documents(pending.clone()).await.unwrap() == 0 }).await;
    }

    assert_eq!(ids(&stored::<TicketCreated>(broker).await).len(), sold);
    // Each change of a ticket was published once: two for each order, or none if its end was received first.
    let updated = stored::<TicketUpdated>(broker).await;
    let changes: i64 = versions(&tickets).await.values().sum();
    assert_eq!((updated.len(), ids(&updated).len()), (usize::try_from(changes).unwrap(), updated.len()));
    assert!(updated.len().is_multiple_of(2) && updated.len() <= 2 * orders_made, "{updated:?}");
    let created = stored::<OrderCreated>(broker).await;
    assert!(created.iter().all(|one| one.event.status == OrderStatus::Created));
    assert_eq!((created.len(), ids(&created).len()), (orders_made, orders_made));
    let cancelled = stored::<OrderCancelled>(broker).await;
    assert_eq!((cancelled.len(), ids(&cancelled).len()), (orders_made, orders_made));
    assert!(ids(&stored::<ExpirationComplete>(broker).await).len() <= orders_made);
}

fn ids<E: Event>(stored: &[testkit::Stored<E>]) -> std::collections::BTreeSet<&str> {
    stored.iter().map(|one| one.event_id.as_str()).collect()
}

async fn versions(tickets: &mongodb::Collection<Document>) -> BTreeMap<String, i64> {
    let found: Vec<_> = tickets.find(doc! {}).await.unwrap().collect().await;
    let found = found.into_iter().map(Result::unwrap);
    found.map(|it| (it.get_str("_id").unwrap().to_owned(), it.get_i64("version").unwrap())).collect()
}
