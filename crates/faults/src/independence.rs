//! After the faults: a record that can't be handled, and the others that must not wait for it.
//!
//! One copy of a ticket is locked in the orders service's database, so every attempt to change it fails. Meanwhile other
//! tickets change, and their copies must follow at once.

use std::time::Duration;

use events::TicketId;
use futures_util::future::join_all;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use serde_json::json;
use store::Store;
use testkit::{Api, session_of, until};
use tokio::time::{Instant, sleep};

use crate::deployment::Deployment;
use crate::invariant::{Invariant, Violation};

/// How many other tickets change: some for each instance.
const OTHERS: usize = 8;

/// How soon their copies must follow: five times what it takes at most on a machine that is not loaded.
const FOLLOW_WITHIN: Duration = Duration::from_millis(2500);

/// Checks [`Invariant::Independent`], once everything has settled.
pub(crate) async fn check(deployment: &Deployment, orders: &Store) -> Option<Violation> {
    for instance in &deployment.instances {
        let instance = instance.lock().await;
        until("every instance is ready", || instance.program.is_ready()).await;
    }
    let copies = orders.collection::<Document>("tickets");
    let tickets = Api { address: deployment.addresses().await["tickets"][0] };
    let session = session_of("independent@test.com");
    let sell = async || {
        let ticket = json!({ "title": "concert", "price": 1 });
        let id = tickets.send("POST", "/api/tickets", &session, &ticket).await.expect(201)["id"].clone();
        id.as_str().unwrap().parse::<TicketId>().unwrap()
    };
    let raise = async |ticket: &TicketId| {
        let path = format!("/api/tickets/{ticket}");
        tickets.send("PUT", &path, &session, &json!({ "title": "concert", "price": 2 })).await.expect(200);
    };
    let locked = sell().await;
    let others: Vec<_> = join_all((0..OTHERS).map(|_| sell())).await;
    for ticket in others.iter().chain([&locked]) {
        until("the ticket is copied", || has(&copies, ticket, 0)).await;
    }

    let mut lock = orders.database().client().start_session().await.unwrap();
    lock.start_transaction().await.unwrap();
    let changed = doc! { "$set": { "locked": true } };
    copies.update_one(doc! { "_id": locked.to_string() }, changed).session(&mut lock).await.unwrap();
    raise(&locked).await;
    join_all(others.iter().map(&raise)).await;
    let deadline = Instant::now() + FOLLOW_WITHIN;
    let mut late = None;
    for ticket in others {
        while late.is_none() && !has(&copies, &ticket, 1).await {
            sleep(Duration::from_millis(10)).await;
            late = (Instant::now() > deadline).then_some(ticket);
        }
    }
    lock.abort_transaction().await.unwrap();
    until("the locked copy follows", || has(&copies, &locked, 1)).await;
    let late = late?.to_string();
    let text = format!("the copy of {late} did not follow while the copy of {locked} was locked");
    Some(Violation::new(Invariant::Independent, &[&late, &locked.to_string()], text))
}

async fn has(copies: &Collection<Document>, ticket: &TicketId, version: i64) -> bool {
    let it = doc! { "_id": ticket.to_string(), "version": version };
    copies.count_documents(it).await.is_ok_and(|count| count == 1)
}
