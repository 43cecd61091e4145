//! The versions of a ticket, in a real database.

use common::events::{Price, TicketId};
use mongodb::error::Error;
use serde_json::json;
use service::launch;
use store::{Connection, Stale, Store, Versioned, new_id};
use testkit::Database;

use super::{Ticket, Tickets, Title};

fn title(text: &str) -> Title {
    Title::parse(Some(&json!(text))).unwrap()
}

fn price(cents: u32) -> Price {
    Price::from_cents(cents).unwrap()
}

async fn insert(store: &Store, tickets: &Tickets, ticket: Ticket) {
    let tickets = tickets.clone();
    store.transaction(async move |tx| tickets.insert(tx, &ticket).await).await.unwrap();
}

async fn save(store: &Store, tickets: &Tickets, ticket: &Ticket) -> Result<(), Stale> {
    let (tickets, ticket) = (tickets.clone(), ticket.clone());
    store.transaction(async move |tx| Ok::<_, Error>(tickets.save(tx, &ticket).await?)).await.unwrap()
}

async fn find(tickets: &Tickets, id: TicketId) -> Ticket {
    tickets.find(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn implements_optimistic_concurrency_control_and_increments_the_version_number_on_multiple_saves() {
    let database = Database::new();
    let mut running = launch("store", Connection { uri: database.uri().parse().unwrap() }).start();
    let store = running.ready().await.unwrap();
    let tickets = Tickets::open(&store).await.unwrap();
    let seller = new_id();
    let (ticket, created) = Ticket::new(title("concert"), price(500), seller);
    assert_eq!((ticket.version(), created.version), (0, 0));
    insert(&store, &tickets, ticket).await;

    let (first, second) = (find(&tickets, created.id).await, find(&tickets, created.id).await);
    let (first, announced) = first.edit(seller, title("concert"), price(1000)).unwrap();
    let (second, _) = second.edit(seller, title("concert"), price(1500)).unwrap();
    assert_eq!(save(&store, &tickets, &first).await, Ok(()));
    assert_eq!(save(&store, &tickets, &second).await, Err(Stale));
    assert_eq!((first.version(), announced.version), (1, 1));

    let (again, _) = find(&tickets, created.id).await.edit(seller, title("concert"), price(1500)).unwrap();
    assert_eq!(save(&store, &tickets, &again).await, Ok(()));
    assert_eq!(find(&tickets, created.id).await.version(), 2);
    running.stop().await.result.unwrap();
}
