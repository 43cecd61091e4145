//! The workload: concurrent clients that sign up, sell, reserve, cancel and pay, and record what is acknowledged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events::OrderId;
use events::{Event, PaymentCreated};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use store::new_id;
use testkit::{Answer, Api, session_of};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::history::{Entry, History, Operation};
use crate::services;

/// How long a client waits for an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

const SELLERS: u64 = 3;
const BUYERS: u64 = 12;

/// The buyers compete for this number of tickets, the newest ones.
const CONTENDED: usize = 4;

/// What the clients share: the addresses of the services, the broker, and the history.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// The addresses of each service's instances, by the name of the service.
    addresses: Arc<BTreeMap<&'static str, Vec<SocketAddr>>>,
    broker: async_nats::jetstream::Context,
    until: Instant,
    for_sale: Arc<Mutex<Vec<String>>>,
    history: History,
}

/// A client: who it is, and its source of random numbers.
struct Client {
    session: String,
    random: StdRng,
}

impl Client {
    async fn pause(&mut self, most_milliseconds: u64) {
        sleep(Duration::from_millis(self.random.random_range(0..most_milliseconds))).await;
    }
}

impl Workload {
    pub(crate) fn new(
        addresses: BTreeMap<&'static str, Vec<SocketAddr>>,
        broker: async_nats::jetstream::Context,
        until: Instant,
    ) -> Self {
        let addresses = Arc::new(addresses);
        Self { addresses, broker, until, for_sale: Arc::default(), history: History::default() }
    }

    /// Runs all clients until the time is over; returns the history.
    pub(crate) async fn run(self, seed: u64) -> Vec<Entry> {
        let mut clients = JoinSet::new();
        for number in 0..SELLERS + BUYERS + 1 {
            let random = StdRng::seed_from_u64(seed.wrapping_mul(1000) + number);
            let client = |session| Client { session, random };
            let workload = self.clone();
            if number < SELLERS {
                let client = client(session_of(&format!("seller-{number}@test.com")));
                clients.spawn(async move { workload.sell(client, number).await });
            } else if number < SELLERS + BUYERS {
                let client = client(session_of(&format!("buyer-{number}@test.com")));
                clients.spawn(async move { workload.buy(client).await });
            } else {
                let client = client(String::new());
                clients.spawn(async move { workload.sign_up(client).await });
            }
        }
        clients.join_all().await;
        self.history.entries()
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    async fn sign_up(self, mut client: Client) {
        for number in 0.. {
            if !self.goes_on() {
                return;
            }
            let email = format!("person-{number}@test.com");
            let body = json!({ "email": email, "password": "password" });
            if self.request(&mut client, "POST", "/api/users/signup", &body, 201).await.is_some() {
                self.history.record(Operation::SignedUp { email });
            }
            client.pause(1000).await;
        }
    }

    async fn sell(self, mut client: Client, number: u64) {
        let mut price = number * 100_000;
        let body = |price: &mut u64| {
            *price += 1; // every price is unique, so that the checker can find the change
            json!({ "title": "concert", "price": *price })
        };
        while self.goes_on() {
            let answer = self.request(&mut client, "POST", "/api/tickets", &body(&mut price), 201).await;
            if let Some(ticket) = answer.map(id_of) {
                self.history.record(Operation::TicketCreated { ticket: ticket.clone() });
                self.for_sale.lock().unwrap_or_else(PoisonError::into_inner).push(ticket.clone());
                for _ in 0..client.random.random_range(0..4) {
                    client.pause(300).await;
                    let (path, body) = (format!("/api/tickets/{ticket}"), body(&mut price));
                    if self.request(&mut client, "PUT", &path, &body, 200).await.is_some() {
                        self.history.record(Operation::PriceChanged { ticket: ticket.clone(), price });
                    }
                }
            }
            client.pause(500).await;
        }
    }

    async fn buy(self, mut client: Client) {
        while self.goes_on() {
            if let Some(ticket) = self.contended_ticket(&mut client) {
                let body = json!({ "ticketId": ticket });
                let answer = self.request(&mut client, "POST", "/api/orders", &body, 201).await;
                if let Some(order) = answer.map(id_of) {
                    self.history.record(Operation::OrderCreated { order: order.clone(), ticket });
                    client.pause(300).await;
                    self.finish(&mut client, order).await;
                }
            }
            client.pause(100).await;
        }
    }

    fn contended_ticket(&self, client: &mut Client) -> Option<String> {
        let for_sale = self.for_sale.lock().unwrap_or_else(PoisonError::into_inner);
        for_sale[for_sale.len().saturating_sub(CONTENDED)..].choose(&mut client.random).cloned()
    }

    /// Cancels the order, cancels and then pays it, pays it, or lets it expire.
    async fn finish(&self, client: &mut Client, order: String) {
        let choice = client.random.random_range(0..10);
        match choice {
            0..8 => {
                let path = format!("/api/orders/{order}");
                if self.request(client, "DELETE", &path, &Value::Null, 204).await.is_some() {
                    self.history.record(Operation::OrderCancelled { order: order.clone() });
                    if choice == 7 {
                        self.pay(order).await; // too late
                    }
                }
            }
            8 => self.pay(order).await,
            _ => {}
        }
    }

    /// Publishes the event of a payment, as the payments service does.
    async fn pay(&self, order: String) {
        let order_id: OrderId = order.parse().unwrap();
        let payment = PaymentCreated { id: new_id(), order_id, stripe_id: "charge".to_owned() };
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Event-Id", payment.id.to_string());
        headers.insert("Nats-Msg-Id", payment.id.to_string());
        let payload = serde_json::to_vec(&payment).unwrap();
        let subject = PaymentCreated::SUBJECT.as_str();
        let publish = async { self.broker.publish_with_headers(subject, headers, payload.into()).await?.await };
        if timeout(REQUEST_TIMEOUT, publish).await.is_ok_and(|published| published.is_ok()) {
            self.history.record(Operation::OrderPaid { order, payment: payment.id.to_string() });
        }
    }

    /// Sends a request to any instance of the service that serves the path; the answer, if it has the expected status.
    async fn request(
        &self,
        client: &mut Client,
        method: &str,
        path: &str,
        body: &Value,
        expected: u16,
    ) -> Option<Answer> {
        let service = services::serving(path).unwrap_or_else(|| panic!("no service serves {path}"));
        let address = *self.addresses[service.name].choose(&mut client.random).unwrap();
        let api = Api { address };
        let answer = timeout(REQUEST_TIMEOUT, api.try_send(method, path, &client.session, body)).await;
        let answer = answer.ok().flatten();
        answer.filter(|answer| answer.status == expected)
    }
}

fn id_of(answer: Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}
