//! The service with a database and a broker of its own, and the services whose events it consumes.

use std::net::SocketAddr;
use std::ops::Deref;

use common::events::Price;
use common::events::{Event, OrderCancelled, TicketCreated, TicketUpdated};
use orders::PROGRAM;
use serde_json::{Value, json};
use service::{Running, launch};
use testkit::{Answer, Api, Broker, Client, Database, course_environment, new_id, session_of, settings, stored, until};

pub(crate) const PATH: &str = "/api/orders";

pub(crate) struct App {
    running: Running<Option<SocketAddr>>,
    pub(crate) api: Api,
}

impl App {
    pub(crate) async fn on(mongo_uri: &str, nats_url: &str, client_id: &str, window: &str) -> Self {
        let course = course_environment(mongo_uri, nats_url, client_id);
        let own = [("HTTP__BIND", "127.0.0.1:0"), ("ORDER_WINDOW_SECONDS", window)];
        let settings = settings((orders::DECLARATION.sections)(), &[&course[..], &own].concat());
        let mut running = launch("orders", PROGRAM).settings(settings).start();
        let address = running.ready().await.unwrap().unwrap();
        Self { running, api: Api { address } }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }

    pub(crate) async fn reserve(&self, buyer: &str, ticket: &TicketCreated) -> Answer {
        self.send("POST", PATH, buyer, &json!({ "ticketId": ticket.id })).await
    }

    /// Orders a ticket, and returns the id of the order.
    pub(crate) async fn order(&self, buyer: &str, ticket: &TicketCreated) -> String {
        self.reserve(buyer, ticket).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn show(&self, buyer: &str, id: &str) -> Answer {
        self.get(&format!("{PATH}/{id}"), buyer).await
    }

    pub(crate) async fn cancel(&self, buyer: &str, id: &str) -> Answer {
        self.request("DELETE", &format!("{PATH}/{id}"), &format!("cookie: {buyer}\r\n"), b"").await
    }

    /// Waits until an order has this status.
    pub(crate) async fn is(&self, buyer: &str, id: &str, status: &str) {
        until(status, || async { self.show(buyer, id).await.json()["status"] == status }).await;
    }
}

impl Deref for App {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// The service with its servers, for one test.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) database: Database,
    pub(crate) broker: Broker,
    neighbours: Client,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with_window("900").await
    }

    /// A service whose orders reserve their ticket for this number of seconds.
    pub(crate) async fn with_window(seconds: &str) -> Self {
        let (database, broker) = (Database::new(), Broker::start().await);
        let app = App::on(database.uri(), broker.url(), "orders-1", seconds).await;
        let neighbours = broker.connect("tickets-1").await;
        Self { app, database, broker, neighbours }
    }

    /// Publishes an event of another service.
    pub(crate) async fn publish<E: Event>(&self, event: &E) {
        self.neighbours.publish_to(E::SUBJECT, serde_json::to_string(event).unwrap()).await;
    }

    /// A ticket that is in the projection.
    pub(crate) async fn ticket(&self, title: &str) -> TicketCreated {
        let event = ticket(title);
        self.publish(&event).await;
        let tickets = self.database.collection("tickets").await;
        let it = mongodb::bson::doc! { "_id": event.id.to_string() };
        until("the copy", || async { tickets.count_documents(it.clone()).await.unwrap() == 1 }).await;
        event
    }

    /// Changes title and price of a new ticket, and waits until its copy has them.
    pub(crate) async fn change(&self, ticket: &TicketCreated, title: &str, cents: u32) {
        let price = Price::from_cents(cents).unwrap();
        self.publish(&TicketUpdated { price, ..updated(ticket, 1, title) }).await;
        until("the change", || async { self.copy(ticket).await["version"] == 1 }).await;
    }

    /// Gives an order the form in which versions stored it that showed its ticket as it was at the moment.
    pub(crate) async fn as_an_older_version_stored_it(&self, order: &str) {
        let orders = self.database.collection("orders").await;
        let it = mongodb::bson::doc! { "_id": order };
        let changed = orders.update_one(it, mongodb::bson::doc! { "$unset": { "ticket": "" } }).await.unwrap();
        assert_eq!(changed.modified_count, 1);
    }

    /// The copy of a ticket.
    pub(crate) async fn copy(&self, ticket: &TicketCreated) -> Value {
        let it = mongodb::bson::doc! { "_id": ticket.id.to_string() };
        let found = self.database.collection("tickets").await.find_one(it).await.unwrap();
        serde_json::to_value(found).unwrap()
    }

    /// The cancellations in the stream, once there are this many.
    pub(crate) async fn cancellations(&self, count: usize) -> Vec<OrderCancelled> {
        until("published", || async { stored::<OrderCancelled>(&self.broker).await.len() >= count }).await;
        stored::<OrderCancelled>(&self.broker).await.into_iter().map(|one| one.event).collect()
    }

    pub(crate) async fn stop(self) {
        self.neighbours.close().await;
        self.app.stop().await;
        self.broker.stop().await;
    }
}

pub(crate) fn ticket(title: &str) -> TicketCreated {
    let price = Price::from_cents(2000).unwrap();
    TicketCreated { id: new_id(), version: 0, title: title.to_owned(), price, user_id: new_id() }
}

/// A change of the ticket.
pub(crate) fn updated(ticket: &TicketCreated, version: u64, title: &str) -> TicketUpdated {
    let TicketCreated { id, price, user_id, .. } = ticket.clone();
    TicketUpdated { id, version, title: title.to_owned(), price, user_id, order_id: None }
}

/// Signs a new user in, and returns the cookie.
pub(crate) fn signin() -> String {
    session_of("test@test.com")
}
