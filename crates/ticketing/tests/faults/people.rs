//! Those who sell and buy meanwhile, and what they were told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events::OrderId;
use events::{Event, PaymentCreated};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use testkit::{Answer, Api, new_id, session_of};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// How long an order holds its ticket.
pub(crate) const WINDOW: Duration = Duration::from_secs(2);

/// How long somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(3);

const SELLERS: u64 = 3;
const BUYERS: u64 = 12;

/// How many of the newest tickets the buyers fight for.
const WANTED: usize = 4;

/// What somebody was told; what nobody was told may have happened or not.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    SignedUp { email: String },
    Sold { ticket: String },
    Changed { ticket: String, price: u64 },
    Reserved { order: String, ticket: String },
    Cancelled { order: String },
    Paid { order: String },
}

/// What was told when.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: OffsetDateTime,
    pub(crate) told: Told,
}

/// Where everything is, and what was said so far.
#[derive(Clone, Debug)]
pub(crate) struct Town {
    pub(crate) auth: Vec<SocketAddr>,
    pub(crate) tickets: Vec<SocketAddr>,
    pub(crate) orders: Vec<SocketAddr>,
    pub(crate) broker: async_nats::jetstream::Context,
    pub(crate) until: Instant,
    for_sale: Arc<Mutex<Vec<String>>>,
    diary: Arc<Mutex<Vec<Line>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Town {
    pub(crate) fn new(
        [auth, tickets, orders]: [Vec<SocketAddr>; 3],
        broker: async_nats::jetstream::Context,
        until: Instant,
    ) -> Self {
        Self { auth, tickets, orders, broker, until, for_sale: Arc::default(), diary: Arc::default() }
    }

    /// Lets them live until the time is over; tells what they were told.
    pub(crate) async fn live(self, seed: u64) -> Vec<Line> {
        let mut people = JoinSet::new();
        for number in 0..SELLERS + BUYERS + 1 {
            let random = StdRng::seed_from_u64(seed.wrapping_mul(1000) + number);
            let town = self.clone();
            match number {
                0..SELLERS => people.spawn(async move { town.sell(random, number).await }),
                BUYERS.. if number == SELLERS + BUYERS => people.spawn(async move { town.sign_up(random).await }),
                _ => people.spawn(async move { town.buy(random, number).await }),
            };
        }
        people.join_all().await;
        std::mem::take(&mut lock(&self.diary))
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    fn note(&self, told: Told) {
        lock(&self.diary).push(Line { at: OffsetDateTime::now_utc(), told });
    }

    async fn pause(&self, random: &mut StdRng, longest: u64) {
        sleep(Duration::from_millis(random.random_range(0..longest))).await;
    }

    async fn sign_up(self, mut random: StdRng) {
        for number in 0.. {
            if !self.goes_on() {
                return;
            }
            let email = format!("person-{number}@test.com");
            let body = json!({ "email": email, "password": "password" });
            if status(&ask(&mut random, &self.auth, "POST", "/api/users/signup", "", &body).await) == 201 {
                self.note(Told::SignedUp { email });
            }
            self.pause(&mut random, 1000).await;
        }
    }

    async fn sell(self, mut random: StdRng, number: u64) {
        let person = session_of(&format!("seller-{number}@test.com"));
        let mut price = number * 100_000;
        let body = |price: &mut u64| {
            *price += 1; // each is another, so that it can be told apart
            json!({ "title": "concert", "price": *price })
        };
        while self.goes_on() {
            let answer = ask(&mut random, &self.tickets, "POST", "/api/tickets", &person, &body(&mut price)).await;
            if status(&answer) == 201 {
                let ticket = id_of(answer);
                self.note(Told::Sold { ticket: ticket.clone() });
                lock(&self.for_sale).push(ticket.clone());
                for _ in 0..random.random_range(0..4) {
                    self.pause(&mut random, 300).await;
                    let (path, body) = (format!("/api/tickets/{ticket}"), body(&mut price));
                    if status(&ask(&mut random, &self.tickets, "PUT", &path, &person, &body).await) == 200 {
                        self.note(Told::Changed { ticket: ticket.clone(), price });
                    }
                }
            }
            self.pause(&mut random, 500).await;
        }
    }

    async fn buy(self, mut random: StdRng, number: u64) {
        let person = session_of(&format!("buyer-{number}@test.com"));
        while self.goes_on() {
            let wanted = {
                let for_sale = lock(&self.for_sale);
                for_sale[for_sale.len().saturating_sub(WANTED)..].choose(&mut random).cloned()
            };
            if let Some(ticket) = wanted {
                let body = json!({ "ticketId": ticket });
                let answer = ask(&mut random, &self.orders, "POST", "/api/orders", &person, &body).await;
                if status(&answer) == 201 {
                    let order = id_of(answer);
                    self.note(Told::Reserved { order: order.clone(), ticket });
                    self.pause(&mut random, 300).await;
                    self.end(&mut random, &person, order).await;
                }
            }
            self.pause(&mut random, 100).await;
        }
    }

    /// Gives the order up, or pays, or forgets it.
    async fn end(&self, random: &mut StdRng, person: &str, order: String) {
        match random.random_range(0..10) {
            0..8 => {
                let path = format!("/api/orders/{order}");
                if status(&ask(random, &self.orders, "DELETE", &path, person, &Value::Null).await) == 204 {
                    self.note(Told::Cancelled { order });
                }
            }
            8 => self.pay(order).await,
            _ => {}
        }
    }

    /// Tells that it was paid, as the payments service will.
    async fn pay(&self, order: String) {
        let order_id: OrderId = order.parse().unwrap();
        let payment = PaymentCreated { id: new_id(), order_id, stripe_id: "charge".to_owned() };
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Event-Id", payment.id.to_string());
        headers.insert("Nats-Msg-Id", payment.id.to_string());
        let payload = serde_json::to_vec(&payment).unwrap();
        let subject = PaymentCreated::SUBJECT.as_str();
        let publish = async { self.broker.publish_with_headers(subject, headers, payload.into()).await?.await };
        if timeout(PATIENCE, publish).await.is_ok_and(|published| published.is_ok()) {
            self.note(Told::Paid { order });
        }
    }
}

async fn ask(
    random: &mut StdRng,
    instances: &[SocketAddr],
    method: &str,
    path: &str,
    person: &str,
    body: &Value,
) -> Option<Answer> {
    let api = Api { address: *instances.choose(random).unwrap() };
    timeout(PATIENCE, api.try_send(method, path, person, body)).await.ok().flatten()
}

/// 0 when there was no answer.
fn status(answer: &Option<Answer>) -> u16 {
    answer.as_ref().map_or(0, |answer| answer.status)
}

fn id_of(answer: Option<Answer>) -> String {
    answer.unwrap().json()["id"].as_str().unwrap().to_owned()
}
