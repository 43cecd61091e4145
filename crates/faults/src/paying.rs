//! After the faults: orders that are paid and cancelled at nearly the same time, and answers of the bank that are lost.
//!
//! The faults of a run seldom meet one of the few moments in which a payment can go wrong. Here many payments pass them.

use std::ops::RangeInclusive;
use std::time::Duration;

use bus::crash::PAYMENT_POINTS;
use futures_util::future::join_all;
use mongodb::bson::{Document, doc};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use store::Store;
use testkit::{Answer, Api, session_of, until};
use tokio::time::{Instant, sleep};

use crate::deployment::Deployment;
use crate::faulty_bank::{self, BankFault, BankFaultKind};
use crate::proxy::Network;
use crate::services::{ORDER_WINDOW, PAYMENTS};

/// How many orders are paid and cancelled at nearly the same time, and how often.
const AT_ONCE: usize = 8;
const ROUNDS: usize = 3;

/// When a cancellation is asked for, as a part of the time that a payment takes.
const CANCELLED_AT: RangeInclusive<f64> = 0.2..=1.3;

/// The latency between the payments service and its database, which makes its transactions long enough to meet.
const LATENCY: Duration = Duration::from_millis(5);

/// How long an instance has to die where it is to die; to begin with, it has to start.
const CRASHES_WITHIN: Duration = Duration::from_secs(15);

/// How many payments lose the answer of the bank, in each way.
const LOST: u32 = 6;

/// A buyer, who sells to themselves.
#[derive(Debug)]
struct Buyer {
    tickets: Api,
    orders: Api,
    payments: Api,
    session: String,
}

/// Pays for many orders. What became of them is checked with everything else.
pub(crate) async fn race(deployment: &Deployment, payments: &Store, seed: u64) {
    let addresses = deployment.addresses().await;
    let api = |service: &str, number: usize| Api { address: addresses[service][number % addresses[service].len()] };
    let buyer = |number: usize| Buyer {
        tickets: api("tickets", number),
        orders: api("orders", number),
        payments: api(PAYMENTS, number),
        session: session_of(&format!("racer-{number}@test.com")),
    };
    let bank = deployment.bank().await;
    let order_fault =
        async |kind, path, times| assert!(faulty_bank::order(bank, BankFault { kind, path, times }).await);

    let mut random = StdRng::seed_from_u64(seed);
    let (first, crash) = (buyer(0), crash(deployment, PAYMENT_POINTS.choose(&mut random).unwrap()));
    tokio::select! {
        () = crash => {}
        _ = join_all((0..AT_ONCE).map(|_| first.keep_paying())) => {}
    }
    set_latency(deployment, Network::Delayed(LATENCY)).await;
    let mut takes = Duration::from_millis(300);
    for _ in 0..ROUNDS {
        let races = (0..AT_ONCE).map(|number| {
            let (buyer, pause) = (buyer(number), takes.mul_f64(random.random_range(CANCELLED_AT)));
            async move { buyer.pay_and_cancel(pause).await }
        });
        let took = join_all(races).await;
        takes = took.iter().sum::<Duration>() / AT_ONCE as u32;
    }
    set_latency(deployment, Network::Fine).await;

    // Refunds that fail later, and whose answers are lost until then. Others must not meet these faults.
    no_refund_is_due(payments).await;
    order_fault(BankFaultKind::Delay(500), "/confirm", LOST).await;
    order_fault(BankFaultKind::CutAfter, "/refunds", LOST).await;
    order_fault(BankFaultKind::TooManyRequests, "/refunds", 2 * LOST).await;
    join_all((0..LOST as usize).map(|number| {
        let buyer = buyer(number);
        async move { buyer.cancel_while_paying("tok_refundFail").await }
    }))
    .await;

    // Cards that are declined without the buyer's learning it.
    order_fault(BankFaultKind::CutAfter, "/confirm", LOST).await;
    join_all((0..LOST as usize).map(|number| {
        let buyer = buyer(number);
        async move {
            let order = buyer.order().await;
            buyer.pay(&order, "tok_chargeDeclined").await;
        }
    }))
    .await;
}

/// Lets the first instance of the payments service die between what the bank has done and what is saved of it.
async fn crash(deployment: &Deployment, point: &str) {
    for instance in &deployment.instances {
        let mut instance = instance.lock().await;
        if instance.service == PAYMENTS {
            instance.die_at(point, CRASHES_WITHIN).await;
            instance.program.start_again();
            until("the instance is ready", || instance.program.is_ready()).await;
            return;
        }
    }
}

/// Waits until every refund has been made. If that takes too long, the checker will say so.
async fn no_refund_is_due(payments: &Store) {
    let payments = payments.collection::<Document>("payments");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20)
        && payments.count_documents(doc! { "state": "refundDue" }).await.is_ok_and(|count| count > 0)
    {
        sleep(Duration::from_millis(50)).await;
    }
}

async fn set_latency(deployment: &Deployment, network: Network) {
    for instance in &deployment.instances {
        let instance = instance.lock().await;
        if instance.service == PAYMENTS {
            instance.to_database.set(network);
        }
    }
}

impl Buyer {
    async fn send(&self, api: Api, method: &str, path: &str, body: &Value) -> Answer {
        api.send(method, path, &self.session, body).await
    }

    /// A ticket is sold and reserved.
    async fn order(&self) -> String {
        let ticket = json!({ "title": "concert", "price": 20 });
        let ticket = self.send(self.tickets, "POST", "/api/tickets", &ticket).await.expect(201)["id"].clone();
        let body = json!({ "ticketId": ticket });
        loop {
            let answer = self.send(self.orders, "POST", "/api/orders", &body).await;
            if answer.status == 201 {
                return answer.json()["id"].as_str().unwrap().to_owned();
            }
            sleep(Duration::from_millis(20)).await; // the ticket has not been copied yet
        }
    }

    /// Pays, once the order has been copied.
    async fn pay(&self, order: &str, token: &str) -> u16 {
        let body = json!({ "token": token, "orderId": order });
        loop {
            let status = self.send(self.payments, "POST", "/api/payments", &body).await.status;
            if status != 404 {
                return status;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn cancel(&self, order: &str) {
        self.send(self.orders, "DELETE", &format!("/api/orders/{order}"), &Value::Null).await;
    }

    /// The answer is how long the payment took.
    async fn pay_and_cancel(&self, pause: Duration) -> Duration {
        let order = self.order().await;
        let cancel = async {
            sleep(pause).await;
            self.cancel(&order).await;
        };
        let pay = async {
            let began = Instant::now();
            self.pay(&order, "tok_visa").await;
            began.elapsed()
        };
        tokio::join!(pay, cancel).0
    }

    /// Pays, and cancels some orders at nearly the same time, although the service may be away.
    async fn keep_paying(&self) {
        for number in 0.. {
            let order = self.order().await;
            let pay = async {
                let (began, body) = (Instant::now(), json!({ "token": "tok_visa", "orderId": order }));
                while began.elapsed() < ORDER_WINDOW {
                    let answer = self.payments.try_send("POST", "/api/payments", &self.session, &body).await;
                    if answer.is_some_and(|answer| answer.status != 404) {
                        return;
                    }
                    sleep(Duration::from_millis(50)).await; // the order has not been copied, or the service is away
                }
            };
            let cancel = async {
                sleep(Duration::from_millis(100 * (number % 8))).await;
                self.cancel(&order).await;
            };
            tokio::join!(pay, cancel);
        }
    }

    /// Cancels while the bank confirms the payment.
    async fn cancel_while_paying(&self, token: &str) {
        let order = self.order().await;
        let cancel = async {
            let path = format!("/api/payments/{order}");
            let began = Instant::now();
            while began.elapsed() < ORDER_WINDOW && self.payments.get(&path, &self.session).await.status != 200 {
                sleep(Duration::from_millis(20)).await;
            }
            self.cancel(&order).await;
        };
        tokio::join!(self.pay(&order, token), cancel);
    }
}
