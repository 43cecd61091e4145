//! Two hundred people, one ticket, two processes of the orders service.

use events::Price;
use events::{OrderCreated, TicketCreated};
use futures_util::future::join_all;
use mongodb::bson::doc;
use serde_json::json;
use testkit::{Api, Broker, Database, ServiceProgram, course_environment, message, new_id, session_of, stored, until};
use tokio::sync::Barrier;

const PEOPLE: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_who_reserve_one_ticket_at_once_through_two_processes_one_succeeds() {
    rush(5).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long form"]
async fn of_two_hundred_who_reserve_one_ticket_at_once_through_two_processes_one_succeeds_each_of_fifty_times() {
    rush(50).await;
}

async fn rush(rounds: usize) {
    let (broker, database) = (Broker::start().await, Database::new());
    let folder = tempfile::tempdir().unwrap();
    let start = |id: &str| {
        let environment = course_environment(database.uri(), broker.url(), id);
        ServiceProgram::start("orders", &environment, &folder.path().join(id), None)
    };
    let programs = [start("orders-1"), start("orders-2")];
    let apis = programs.each_ref().map(|program| Api { address: program.address });
    let seller = broker.connect("tickets-1").await;
    let copies = database.collection("tickets").await;
    for api in apis {
        until("it answers", || async {
            let answer = api.try_send("GET", "/api/orders", &session_of("a@b.com"), &json!({})).await;
            answer.is_some_and(|answer| answer.status == 200)
        })
        .await;
    }
    for round in 0..rounds {
        let (id, user_id) = (new_id(), new_id());
        let (title, price) = (format!("concert {round}"), Price::from_cents(2000).unwrap());
        let ticket = TicketCreated { id, version: 0, title, price, user_id };
        seller.publish(serde_json::to_string(&ticket).unwrap()).await;
        let it = doc! { "_id": id.to_string() };
        until("the copy", || async { copies.count_documents(it.clone()).await.unwrap() == 1 }).await;
        let barrier = Barrier::new(PEOPLE);
        let body = json!({ "ticketId": id });
        let answers = join_all((0..PEOPLE).map(async |number| {
            let (api, person) = (apis[number % 2], session_of("test@test.com"));
            barrier.wait().await;
            api.send("POST", "/api/orders", &person, &body).await
        }));
        let (won, lost): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(|answer| answer.status == 201);
        assert_eq!((won.len(), lost.len()), (1, PEOPLE - 1));
        lost.iter().for_each(|answer| answer.is_error(400, &message("Ticket is already reserved")));
    }
    until("announced", || async { stored::<OrderCreated>(&broker).await.len() >= rounds }).await;
    assert_eq!(stored::<OrderCreated>(&broker).await.len(), rounds);
    seller.close().await;
    drop(programs);
    broker.stop().await;
}
