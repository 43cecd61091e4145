//! Two groups on one subject, the one with a handler that can be broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{anyhow, ensure};
use bus::{Limits, Listen, Listener, Rejection};
use events::Price;
use events::TicketCreated;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use serde_json::Value;
use service::{Running, launch};
use store::{Connection, Store, Tx};
use testkit::{Broker, Client, Database, new_id, settled, until};

use crate::program::{bus, json_lines};

/// How often an event may fail before it is a dead letter.
pub(crate) const ATTEMPTS: usize = 2;

/// Counts how often each title was applied.
#[derive(Clone)]
struct Effects {
    counts: Collection<Document>,
    is_broken: Arc<AtomicBool>,
}

impl Effects {
    async fn count(&self, event: &TicketCreated, tx: &mut Tx) -> Result<(), Rejection> {
        let once_more = doc! { "$inc": { "times": 1 } };
        self.counts.update_one(doc! { "_id": &event.title }, once_more).upsert(true).session(tx).await?;
        let is_poison = event.title == "poison" && self.is_broken.load(Ordering::Relaxed);
        if is_poison { Err(anyhow!("no seat of that name").into()) } else { Ok(()) }
    }
}

struct Seats(Effects);

impl Listener for Seats {
    type Event = TicketCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = "seats-service";

    async fn on_message(&self, event: &TicketCreated, tx: &mut Tx) -> Result<(), Rejection> {
        self.0.count(event, tx).await
    }
}

struct Prices(Effects);

impl Listener for Prices {
    type Event = TicketCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = "prices-service";

    async fn on_message(&self, event: &TicketCreated, tx: &mut Tx) -> Result<(), Rejection> {
        self.0.count(event, tx).await
    }
}

/// Both groups listen. The handler of the seats is broken at first.
pub(crate) struct Shop {
    pub(crate) broker: Broker,
    pub(crate) client: Client,
    running: Running<Store>,
    listeners: Vec<Running<()>>,
    seats: Effects,
    prices: Effects,
    database: Database,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let (database, broker) = (Database::new(), Broker::start().await);
        let client = broker.connect("shop").await;
        let mut running = launch("store", Connection { uri: database.uri().parse().unwrap() }).start();
        let store = running.ready().await.unwrap();
        let effects = |name, is_broken| {
            let is_broken = Arc::new(AtomicBool::new(is_broken));
            Effects { counts: store.collection(name), is_broken }
        };
        let (seats, prices) = (effects("seats", true), effects("prices", false));
        let limits = Limits { attempts: ATTEMPTS.try_into().unwrap(), ..Limits::default() };
        let seats_listener = Listen { limits, ..Listen::new(&store, &client.bus, Seats(seats.clone())) };
        let prices_listener = Listen { limits, ..Listen::new(&store, &client.bus, Prices(prices.clone())) };
        let mut listeners = vec![launch("seats", seats_listener).start(), launch("prices", prices_listener).start()];
        for listener in &mut listeners {
            listener.ready().await.unwrap();
        }
        Self { broker, client, running, listeners, seats, prices, database }
    }

    /// Gives its database an outbox, and returns the URI.
    pub(crate) async fn with_outbox(&self) -> &str {
        let outbox = self.database.collection("outbox").await;
        outbox.insert_one(doc! { "subject": "of a newer service" }).await.unwrap();
        self.database.uri()
    }

    pub(crate) async fn sell(&self, titles: &[&str]) {
        for title in titles {
            self.client.publish(serde_json::to_string(&ticket(title)).unwrap()).await;
        }
    }

    /// Waits until both groups have settled all events, and checks which titles were applied, once each.
    pub(crate) async fn has_seats_and_prices(&self, seats: &[&str], prices: &[&str]) {
        for group in ["seats-service", "prices-service"] {
            settled(&self.broker, &format!("{group}:ticket-created")).await;
        }
        for (effects, titles) in [(&self.seats, seats), (&self.prices, prices)] {
            once_each(effects, titles).await.unwrap();
        }
    }

    pub(crate) fn fix_seats(&self) {
        self.seats.is_broken.store(false, Ordering::Relaxed);
    }

    /// Waits for the dead letter with this number, and returns it as `dlq ls` prints it.
    pub(crate) async fn letter(&self, number: u64) -> Value {
        let listed = async || json_lines(&bus(&self.broker, &["dlq", "ls", "--json"]).await.succeeded());
        until("a dead letter", async || listed().await.iter().any(|letter| letter["number"] == number)).await;
        listed().await.into_iter().find(|letter| letter["number"] == number).unwrap()
    }

    pub(crate) async fn stop_listening(&mut self) {
        for listener in self.listeners.drain(..) {
            listener.stop().await.result.unwrap();
        }
    }

    pub(crate) async fn close(mut self) {
        self.stop_listening().await;
        drop((self.seats, self.prices));
        self.running.stop().await.result.unwrap();
        self.client.close().await;
        self.broker.stop().await;
        drop(self.database);
    }
}

async fn once_each(effects: &Effects, titles: &[&str]) -> Result<(), service::Error> {
    let mut found = effects.counts.find(doc! {}).sort(doc! { "_id": 1 }).await?;
    let mut seen = Vec::new();
    while found.advance().await? {
        let count = found.deserialize_current()?;
        ensure!(count.get_i32("times")? == 1, "not once: {count}");
        seen.push(count.get_str("_id")?.to_owned());
    }
    ensure!(seen == titles, "{seen:?} and not {titles:?}");
    Ok(())
}

pub(crate) fn ticket(title: &str) -> TicketCreated {
    let (id, user_id) = (new_id(), new_id());
    TicketCreated { id, version: 0, title: title.to_owned(), price: Price::from_cents(2000).unwrap(), user_id }
}
