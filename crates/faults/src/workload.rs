//! The workload: concurrent clients that sign up, sell, reserve, cancel and pay, and record what is acknowledged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use testkit::{Answer, Api, session_of};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::history::{Entry, History, Operation};
use crate::services;

/// How long a client waits for an answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

const SELLERS: u64 = 3;
const BUYERS: u64 = 12;

/// They reserve tickets of their own, for which nobody competes, and pay for them.
const PAYERS: u64 = 5;

/// How often a buyer tries to pay for an order, with another card after one that is declined.
const CARDS: u64 = 4;

/// How often a buyer looks what became of a payment.
const LOOKS: u64 = 10;

/// The buyers compete for this number of tickets, the newest ones.
const CONTENDED: usize = 4;

/// What the clients share: the addresses of the services, and the history.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// The addresses of each service's instances, by the name of the service.
    addresses: Arc<BTreeMap<&'static str, Vec<SocketAddr>>>,
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

    /// The same person in another tab.
    fn another(&mut self) -> Self {
        Self { session: self.session.clone(), random: StdRng::seed_from_u64(self.random.random()) }
    }
}

impl Workload {
    pub(crate) fn new(addresses: BTreeMap<&'static str, Vec<SocketAddr>>, until: Instant) -> Self {
        Self { addresses: Arc::new(addresses), until, for_sale: Arc::default(), history: History::default() }
    }

    /// Runs all clients until the time is over; returns the history.
    pub(crate) async fn run(self, seed: u64) -> Vec<Entry> {
        let mut clients = JoinSet::new();
        for number in 0..SELLERS + BUYERS + 1 + PAYERS {
            let random = StdRng::seed_from_u64(seed.wrapping_mul(1000) + number);
            let client = |session| Client { session, random };
            let workload = self.clone();
            if number < SELLERS {
                let client = client(session_of(&format!("seller-{number}@test.com")));
                clients.spawn(async move { workload.sell(client, number).await });
            } else if number < SELLERS + BUYERS {
                let client = client(session_of(&format!("buyer-{number}@test.com")));
                clients.spawn(async move { workload.buy(client).await });
            } else if number == SELLERS + BUYERS {
                let client = client(String::new());
                clients.spawn(async move { workload.sign_up(client).await });
            } else {
                let client = client(session_of(&format!("payer-{number}@test.com")));
                let number = number - BUYERS - 1; // sellers have the numbers below
                clients.spawn(async move { workload.buy_own(client, number).await });
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

    /// Cancels the order, pays it, or lets it expire.
    async fn finish(&self, client: &mut Client, order: String) {
        match client.random.random_range(0..10) {
            0..8 => self.cancel(client, &order).await,
            8 => self.pay(client, &order).await,
            _ => {}
        }
    }

    async fn cancel(&self, client: &mut Client, order: &str) {
        let path = format!("/api/orders/{order}");
        if self.request(client, "DELETE", &path, &Value::Null, 204).await.is_some() {
            self.history.record(Operation::OrderCancelled { order: order.to_owned() });
        }
    }

    /// Sells tickets to oneself and pays for them, and often changes one's mind at nearly the same time.
    async fn buy_own(self, mut client: Client, number: u64) {
        let mut price = number * 100_000;
        while self.goes_on() {
            price += 1;
            let body = json!({ "title": "concert", "price": price });
            if let Some(ticket) = self.request(&mut client, "POST", "/api/tickets", &body, 201).await.map(id_of) {
                self.history.record(Operation::TicketCreated { ticket: ticket.clone() });
                if let Some(order) = self.reserve_own(&mut client, ticket).await {
                    let mut other_tab = client.another();
                    match client.random.random_range(0..5) {
                        0..2 => self.pay(&mut client, &order).await,
                        _ => {
                            let cancel = async {
                                other_tab.pause(400).await;
                                self.cancel(&mut other_tab, &order).await;
                            };
                            tokio::join!(self.pay(&mut client, &order), cancel);
                        }
                    }
                }
            }
            client.pause(200).await;
        }
    }

    /// Reserves a ticket that may not have been copied yet.
    async fn reserve_own(&self, client: &mut Client, ticket: String) -> Option<String> {
        while self.goes_on() {
            let body = json!({ "ticketId": ticket });
            if let Some(order) = self.request(client, "POST", "/api/orders", &body, 201).await.map(id_of) {
                self.history.record(Operation::OrderCreated { order: order.clone(), ticket });
                return Some(order);
            }
            client.pause(200).await;
        }
        None
    }

    /// Pays as a person does: without a clear answer they look what became of it, and take another card if it was declined.
    async fn pay(&self, client: &mut Client, order: &str) {
        for _ in 0..CARDS {
            let body = json!({ "token": card(&mut client.random), "orderId": order });
            let is_paid = self.request(client, "POST", "/api/payments", &body, 201).await.is_some();
            if is_paid || self.look(client, order).await.is_some_and(|status| status == "paid") {
                self.history.record(Operation::OrderPaid { order: order.to_owned() });
                return;
            }
            client.pause(200).await;
        }
    }

    /// What became of a payment, once it is known. `None` if nothing has begun, for example because the order has not been
    /// copied yet, or if the buyer has lost patience.
    async fn look(&self, client: &mut Client, order: &str) -> Option<String> {
        let path = format!("/api/payments/{order}");
        for _ in 0..LOOKS {
            let answer = self.answer(client, "GET", &path, &Value::Null).await;
            match answer {
                Some(answer) if answer.status == 404 => return None,
                Some(answer) if answer.status == 200 && answer.json()["status"] != "checking" => {
                    return answer.json()["status"].as_str().map(str::to_owned);
                }
                _ => client.pause(500).await,
            }
        }
        None
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
        self.answer(client, method, path, body).await.filter(|answer| answer.status == expected)
    }

    async fn answer(&self, client: &mut Client, method: &str, path: &str, body: &Value) -> Option<Answer> {
        let service = services::serving(path).unwrap_or_else(|| panic!("no service serves {path}"));
        let address = *self.addresses[service.name].choose(&mut client.random).unwrap();
        let api = Api { address };
        timeout(REQUEST_TIMEOUT, api.try_send(method, path, &client.session, body)).await.ok().flatten()
    }
}

/// A test card: most of them work.
fn card(random: &mut StdRng) -> &'static str {
    match random.random_range(0..10) {
        0..6 => "tok_visa",
        6..8 => "tok_chargeDeclined",
        8 => "tok_pendingRefund",
        _ => "tok_refundFail",
    }
}

fn id_of(answer: Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}
