//! Events that wait for what never comes, beside others.

use std::time::{Duration, Instant};

use events::{Price, Subject, TicketCreated, TicketId, TicketUpdated, UserId};
use futures_util::{StreamExt, stream};
use mongodb::bson::doc;
use testkit::until_in;
use tokio::time::sleep;

use crate::shop::Shop;
use crate::{cpu_seconds, memory, summary};

const WAITING: u64 = 25_000;

/// How many events wait for the ticket that arrives in the end.
const FOLLOWERS: u64 = 20;

/// How long an event may wait, in seconds.
const LIMIT: &str = "120";

const PATIENCE: Duration = Duration::from_secs(400);

pub(crate) async fn run() {
    println!("waiting: {WAITING} events of the orders service wait for tickets that were never created");
    let mut shop = Shop::open(1, &[("LISTENER_WAIT_SECONDS", LIMIT)]).await;
    let client = shop.broker.connect("bench").await;
    let late = TicketId::from_bytes([9; 12]);
    let others = (0..WAITING - FOLLOWERS).map(|number| change(TicketId::from_bytes(bytes(number)), 1));
    let followers = (1..=FOLLOWERS).map(|version| change(late, version));
    let all = followers.chain(others).map(|event| serde_json::to_vec(&event).unwrap());
    let sent = stream::iter(all).map(|payload| client.bus.publish(Subject::TicketUpdated, payload.into()));
    sent.buffered(500).for_each(async |published| _ = published.unwrap()).await;
    let began = Instant::now();
    let stored = shop.collection_of("orders", "waiting").await;
    let count = async || stored.count_documents(doc! {}).await.unwrap();
    until_in(PATIENCE, "all are stored", || async { count().await == WAITING }).await;
    println!("  all are stored after {:.1} s", began.elapsed().as_secs_f64());

    let orders = shop.orders[0].id();
    let (used, began) = (cpu_seconds(orders), Instant::now());
    sleep(Duration::from_secs(10)).await;
    let core = (cpu_seconds(orders) - used) / began.elapsed().as_secs_f64() * 100.0;
    println!("  at rest the orders service uses {core:.1} % of a core, and {:.1} MiB", memory(orders).0);
    let mut times = Vec::new();
    for _ in 0..200 {
        let ticket = shop.sell().await;
        shop.copied(&ticket, 0).await;
        let version = shop.change(&ticket, 1).await;
        times.push(shop.copied(&ticket, version).await);
    }
    println!("  a change of another ticket reaches the copy: {}", summary(times));

    let price = Price::from_cents(2000).unwrap();
    let user_id = UserId::from_bytes([1; 12]);
    let created = TicketCreated { id: late, version: 0, title: "concert".to_owned(), price, user_id };
    client.bus.publish(Subject::TicketCreated, serde_json::to_vec(&created).unwrap().into()).await.unwrap();
    let took = shop.copied(&late.to_string(), FOLLOWERS).await;
    println!("  a ticket arrives: its {FOLLOWERS} followers are handled after {:.0} ms", took.as_secs_f64() * 1000.0);

    let began = Instant::now();
    let code = shop.orders[0].terminate().await;
    println!("  the orders service stops within {:.2} s, exit code {code:?}", began.elapsed().as_secs_f64());
    shop.orders[0].start_again();
    let letters = shop.broker.outsider().await;
    let dead = async || letters.get_stream("ticketing-dead-letters").await.unwrap().cached_info().state.messages;
    let expected = WAITING - FOLLOWERS;
    until_in(PATIENCE, "all are dead letters", || async { dead().await == expected && count().await == 0 }).await;
    println!("  {expected} are dead letters at the limit of {LIMIT} s, and none is stored");
    client.close().await;
    shop.close().await;
}

fn bytes(number: u64) -> [u8; 12] {
    let mut bytes = [8; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn change(id: TicketId, version: u64) -> TicketUpdated {
    let (price, user_id) = (Price::from_cents(2000).unwrap(), UserId::from_bytes([1; 12]));
    TicketUpdated { id, version, title: "concert".to_owned(), price, user_id, order_id: None }
}
