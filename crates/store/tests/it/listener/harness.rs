//! A listener with an effect, on a database and a broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bus::{Bus, DeadLetter, Verdict};
use bus::{Limits, Listen, Listener, Rejection};
use events::{OrderId, TicketCreated, TicketUpdated};
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use service::{Error, Running, launch};
use store::{Outbox, Relay, Store, Tx};
use testkit::{Broker, Client, Database, Stored, settled, stored, until};

use crate::{Opened, open, outbox, update};
use testkit::{all_of_it, listen_to};

/// What a seller does with an event, given how often it was called before.
pub(crate) type Does = fn(u32) -> Result<(), Rejection>;

/// Counts how often each ticket is sold, and records an update for each sale.
pub(crate) struct Seller {
    pub(crate) does: Does,
    pub(crate) called: Arc<AtomicU32>,
    pub(crate) limits: Limits,
}

impl Default for Seller {
    fn default() -> Self {
        Self { does: |_| Ok(()), called: Arc::default(), limits: Limits::default() }
    }
}

struct Selling {
    does: Does,
    called: Arc<AtomicU32>,
    sales: Collection<Document>,
    updated: Outbox<TicketUpdated>,
}

impl Listener for Selling {
    type Event = TicketCreated;
    type Effects = Store;

    const QUEUE_GROUP: &'static str = "tickets";

    async fn on_message(&self, event: &TicketCreated, tx: &mut Tx) -> Result<(), Rejection> {
        // Not an insert, whose unique key would prevent a second sale.
        let sold = doc! { "$inc": { "sold": 1 } };
        self.sales.update_one(doc! { "_id": event.id.to_string() }, sold).upsert(true).session(&mut *tx).await?;
        self.updated.record(tx, &update(event, 1)).await?;
        (self.does)(self.called.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) async fn listen(store: &Store, bus: &Bus, seller: Seller) -> Result<Running<()>, Error> {
    let Seller { does, called, limits } = seller;
    let selling = Selling { does, called, sales: store.collection("sales"), updated: outbox(store) };
    let mut running = launch("listener", Listen { limits, ..Listen::new(store, bus, selling) }).start();
    running.ready().await?;
    Ok(running)
}

pub(crate) async fn relay(store: &Store, bus: &Bus) -> Running<()> {
    let mut running = launch("relay", Relay::new(store, bus)).start();
    running.ready().await.unwrap();
    running
}

pub(crate) struct World<'a> {
    opened: Opened,
    pub(crate) client: Client,
    broker: &'a Broker,
}

impl<'a> World<'a> {
    pub(crate) async fn new(database: &Database, broker: &'a Broker) -> Self {
        Self::on(database.uri(), broker).await
    }

    pub(crate) async fn on(uri: &str, broker: &'a Broker) -> Self {
        Self { opened: open(uri).await, client: broker.connect("a").await, broker }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.opened.store
    }

    pub(crate) async fn try_listen(&self, seller: Seller) -> Result<Running<()>, Error> {
        listen(self.store(), &self.client.bus, seller).await
    }

    pub(crate) async fn listen(&self, seller: Seller) -> Running<()> {
        self.try_listen(seller).await.unwrap()
    }

    pub(crate) async fn relay(&self) -> Running<()> {
        relay(self.store(), &self.client.bus).await
    }

    /// Waits until this many tickets are sold, and returns how often each was.
    pub(crate) async fn sold(&self, count: u64) -> Vec<i32> {
        let sales = self.store().collection::<Document>("sales");
        until("sold", || async { sales.count_documents(doc! {}).await.is_ok_and(|sold| sold >= count) }).await;
        let mut found = sales.find(doc! {}).await.unwrap();
        let mut sold = Vec::new();
        while found.advance().await.unwrap() {
            sold.push(found.deserialize_current().unwrap().get_i32("sold").unwrap());
        }
        sold
    }

    /// Waits until this many updates are in the stream.
    pub(crate) async fn announced(&self, count: usize) -> Vec<Stored<TicketUpdated>> {
        until("published", || async { stored::<TicketUpdated>(self.broker).await.len() >= count }).await;
        stored::<TicketUpdated>(self.broker).await
    }

    /// Waits until the group has settled all its events.
    pub(crate) async fn settled(&self) {
        settled(self.broker, "tickets:ticket-created").await;
    }

    pub(crate) async fn next_dead_letter(&self) -> DeadLetter {
        let source = bus::Source::DeadLetters;
        let consumer = bus::Consumer { source, ..all_of_it() };
        let mut dead = listen_to(&self.client, consumer, |_| Verdict::Ack).await;
        let letter = DeadLetter::read(&*dead.next().await).unwrap();
        dead.close().await;
        letter
    }

    pub(crate) async fn close(self) {
        self.client.close().await;
        self.opened.close().await;
    }
}

/// The order that events wait for.
pub(crate) const AWAITED: OrderId = OrderId::from_bytes([7; 12]);

/// Writes a record as a handler of an HTTP request does.
pub(crate) async fn write(store: &Store, order: OrderId, version: u64) {
    let orders = store.collection::<Document>("orders");
    let work = async move |tx: &mut Tx| {
        let record = doc! { "version": i64::try_from(version).unwrap() };
        let it = doc! { "_id": order.to_string() };
        orders.update_one(it, doc! { "$set": record }).upsert(true).session(&mut *tx).await?;
        tx.wrote(order, version);
        Ok::<_, mongodb::error::Error>(())
    };
    store.transaction(work).await.unwrap();
}

pub(crate) const SOON: Duration = Duration::from_millis(300);
