//! Records whose events can't be handled, and the events of others beside them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use bus::{Bus, Listen, Listener, Rejection};
use events::{
    Event, ExpirationComplete, OrderCreated, OrderId, OrderStatus, OrderedTicket, PaymentCreated, Price, TicketId,
    TicketUpdated, UserId,
};
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use service::launch;
use store::{Connection, Store, Tx, new_id};
use testkit::{Broker, Mongod};
use time::OffsetDateTime;
use tokio::time::sleep;

use crate::shop::Shop;
use crate::summary;

/// How many events of other records are measured.
const OTHERS: usize = 200;

/// How many records can't be handled meanwhile.
const BLOCKED: usize = 10;

/// Fails for the records of this user, and notes when the others are handled.
struct Picky {
    failing: UserId,
    handled: Arc<Mutex<HashMap<TicketId, Instant>>>,
}

impl Listener for Picky {
    type Event = TicketUpdated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = "bench";

    async fn on_message(&self, event: &TicketUpdated, _: &mut Tx) -> Result<(), Rejection> {
        if event.user_id == self.failing {
            return Err(anyhow!("it fails").into());
        }
        self.handled.lock().unwrap().insert(event.id, Instant::now());
        Ok(())
    }
}

pub(crate) async fn run() {
    println!("blocked: {BLOCKED} records can't be handled, and {OTHERS} events of others of the same listener");
    failing().await;
    let shop = Shop::open(1, &[]).await;
    let client = shop.broker.connect("bench").await;
    orders(&shop, &client.bus).await;
    tickets(&shop, &client.bus).await;
    client.close().await;
    shop.close().await;
}

/// A handler that fails, again and again.
async fn failing() {
    let (broker, mongod) = (Broker::start().await, Mongod::start().await);
    let mut connection = launch("store", Connection { uri: mongod.uri("bench").parse().unwrap() }).start();
    let store = connection.ready().await.unwrap();
    let client = broker.connect("bench").await;
    let (failing, handled) = (new_id(), Arc::new(Mutex::new(HashMap::new())));
    let picky = Picky { failing, handled: Arc::clone(&handled) };
    let mut listener = launch("listener", Listen::new(&store, &client.bus, picky)).start();
    listener.ready().await.unwrap();
    let measure = async || {
        let mut times = Vec::new();
        for _ in 0..OTHERS {
            let event = change(new_id());
            let began = Instant::now();
            publish(&client.bus, &event).await;
            let ended = loop {
                if let Some(ended) = handled.lock().unwrap().get(&event.id) {
                    break *ended;
                }
                sleep(Duration::from_micros(200)).await;
            };
            times.push(ended - began);
            sleep(Duration::from_millis(10)).await;
        }
        times
    };
    let alone = measure().await;
    for _ in 0..BLOCKED {
        publish(&client.bus, &change(failing)).await;
    }
    print("a handler that fails", alone, measure().await);
    listener.stop().await.result.unwrap();
    drop(store);
    client.close().await;
    connection.stop().await.result.unwrap();
    broker.stop().await;
    mongod.stop().await;
}

/// Payments and ends of orders that do not exist.
async fn orders(shop: &Shop, bus: &Bus) {
    let orders = shop.collection_of("orders", "orders").await;
    let measure = async || {
        let mut times = Vec::new();
        for _ in 0..OTHERS {
            let id: OrderId = new_id();
            let (user, ticket) = (new_id::<events::kind::User>(), new_id::<events::kind::Ticket>());
            let order = doc! {
                "_id": id.to_string(), "userId": user.to_string(), "status": "created", "version": 0_i64,
                "expiresAt": mongodb::bson::DateTime::MAX, "ticketId": ticket.to_string(),
            };
            orders.insert_one(order).await.unwrap();
            let began = Instant::now();
            publish(bus, &paid(id)).await;
            has(&orders, doc! { "_id": id.to_string(), "status": "complete" }).await;
            times.push(began.elapsed());
        }
        times
    };
    let alone = measure().await;
    for _ in 0..BLOCKED {
        publish(bus, &paid(new_id())).await;
        publish(bus, &ExpirationComplete { order_id: new_id() }).await;
    }
    print("a payment of no order", alone, measure().await);
}

/// Orders of a ticket that another order holds.
async fn tickets(shop: &Shop, bus: &Bus) {
    let tickets = shop.collection_of("tickets", "tickets").await;
    let measure = async || {
        let mut times = Vec::new();
        for _ in 0..OTHERS {
            let ticket: TicketId = shop.sell().await.parse().unwrap();
            let order = reserving(ticket);
            let began = Instant::now();
            publish(bus, &order).await;
            has(&tickets, doc! { "_id": ticket.to_string(), "orderId": order.id.to_string() }).await;
            times.push(began.elapsed());
        }
        times
    };
    let alone = measure().await;
    for _ in 0..BLOCKED {
        let ticket: TicketId = shop.sell().await.parse().unwrap();
        publish(bus, &reserving(ticket)).await;
        publish(bus, &reserving(ticket)).await;
    }
    print("an order of a held ticket", alone, measure().await);
}

fn print(what: &str, alone: Vec<Duration>, beside: Vec<Duration>) {
    println!("  {what:<26} alone   {}", summary(alone));
    println!("  {:<26} beside  {}", "", summary(beside));
}

async fn has(records: &Collection<Document>, what: Document) {
    let began = Instant::now();
    while records.find_one(what.clone()).await.unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "not in time: {what}");
        sleep(Duration::from_micros(500)).await;
    }
}

async fn publish<E: Event>(bus: &Bus, event: &E) {
    bus.publish(E::SUBJECT, serde_json::to_vec(event).unwrap().into()).await.unwrap();
}

fn change(user_id: UserId) -> TicketUpdated {
    let price = Price::from_cents(2000).unwrap();
    TicketUpdated { id: new_id(), version: 1, title: "concert".to_owned(), price, user_id, order_id: None }
}

fn paid(order_id: OrderId) -> PaymentCreated {
    PaymentCreated { id: new_id(), order_id, stripe_id: "ch_1".to_owned() }
}

fn reserving(ticket: TicketId) -> OrderCreated {
    OrderCreated {
        id: new_id(),
        version: 0,
        status: OrderStatus::Created,
        user_id: new_id(),
        expires_at: OffsetDateTime::now_utc() + Duration::from_secs(900),
        ticket: OrderedTicket { id: ticket, price: Price::from_cents(2000).unwrap() },
    }
}
