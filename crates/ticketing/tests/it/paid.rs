//! Payments and orders together, with a test bank: however an order is paid, cancelled and out of time, in whatever order and
//! how often, and wherever the payments program is killed, money and order agree in the end.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::crash::{PAYMENT_POINTS, POINTS};
use events::{
    CancelledTicket, Event, ExpirationComplete, OrderCancelled, OrderCreated, OrderId, OrderStatus, OrderedTicket,
    PaymentCreated, PaymentRefunded, Price, TicketCreated,
};
use futures_util::{StreamExt, stream};
use mongodb::bson::doc;
use payments::{Books, Provider};
use serde_json::{Value, json};
use service::{Running, launch};
use store::{Connection, Store};
use testkit::{
    Api, Broker, Client, Database, LIMIT, Mongod, ServiceProgram, course_environment, new_id, session_for, settings,
    stored, until, until_in,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{sleep, timeout};

const BANK_KEY: &str = "sk_test_bank";

/// A bank with books of its own.
struct Bank {
    running: Running<Option<SocketAddr>>,
    api: Api,
    url: String,
    books: Database,
}

impl Bank {
    async fn start() -> Self {
        let books = Database::new();
        let own = [("MONGO_URI", books.uri()), ("BANK__BIND", "127.0.0.1:0"), ("BANK__FAULTS", "true")];
        let mut running =
            launch("bank", bank::PROGRAM).settings(settings((bank::DECLARATION.sections)(), &own)).start();
        let address = running.ready().await.unwrap().unwrap();
        Self { running, api: Api { address }, url: format!("http://{address}"), books }
    }

    /// The cents that were charged and not refunded.
    async fn balance(&self) -> Value {
        let answer =
            self.api.request("GET", "/v1/balance", &format!("authorization: Bearer {BANK_KEY}\r\n"), b"").await;
        answer.expect(200)["available"][0]["amount"].clone()
    }

    async fn count(&self, collection: &str) -> u64 {
        self.books.collection(collection).await.count_documents(doc! {}).await.unwrap()
    }

    async fn stop(self) {
        self.running.stop().await.result.unwrap();
    }
}

/// The differences between the payments in a database and what the bank has charged.
async fn differences(payments: &Database, bank: &Bank) -> Vec<String> {
    let mut running: Running<Store> = launch("store", Connection { uri: payments.uri().parse().unwrap() }).start();
    let store = running.ready().await.unwrap();
    let provider = Provider::connect(&bank.url.parse().unwrap(), &BANK_KEY.to_owned().into()).await.unwrap();
    let since = OffsetDateTime::now_utc() - Duration::from_secs(60 * 60);
    let (books, mut found) = (Books::of(&store), Vec::new());
    let audit = books.audit(&provider, since, false, |finding| {
        found.push(format!("{finding:?}"));
        Ok(())
    });
    audit.await.unwrap();
    drop((books, store));
    running.stop().await.result.unwrap();
    found
}

async fn publish<E: Event>(client: &Client, event: &E) {
    client.publish_to(E::SUBJECT, serde_json::to_string(event).unwrap()).await;
}

/// A buyer with an order at services that run.
struct Buyer<'a> {
    session: String,
    orders: Api,
    payments: Api,
    neighbours: &'a Client,
    order: String,
    /// When the order's time ends.
    end: OffsetDateTime,
    /// Whether a payment was answered with 201.
    has_paid: AtomicBool,
}

impl Buyer<'_> {
    /// Pays as a person does, who looks at the payment while it is being checked.
    async fn pay(&self) {
        let body = json!({ "token": "tok_visa", "orderId": self.order });
        until("an answer", || async {
            let answer = self.payments.send("POST", "/api/payments", &self.session, &body).await;
            self.has_paid.fetch_or(answer.status == 201, Ordering::Relaxed);
            answer.status == 201 || answer.status == 400 && !answer.body.contains("checked")
        })
        .await;
    }

    async fn cancel(&self) {
        let answer =
            self.orders.send("DELETE", &format!("/api/orders/{}", self.order), &self.session, &json!({})).await;
        assert!(matches!(answer.status, 204 | 400), "{answer:?}");
    }

    /// Waits for the end of the order's time, at which it expires.
    async fn expire(&self) {
        sleep((self.end - OffsetDateTime::now_utc()).try_into().unwrap_or_default()).await;
        publish(self.neighbours, &ExpirationComplete { order_id: self.order.parse().unwrap() }).await;
    }

    async fn act(&self, action: usize) {
        match action {
            0 => self.pay().await,
            1 => self.cancel().await,
            _ => self.expire().await,
        }
    }

    /// How the order and its payment stand.
    async fn ends(&self) -> (Value, Value) {
        let order = self.orders.get(&format!("/api/orders/{}", self.order), &self.session).await;
        let payment = self.payments.get(&format!("/api/payments/{}", self.order), &self.session).await;
        (order.expect(200)["status"].clone(), payment.json()["status"].clone())
    }
}

/// How long the buyer pauses between two actions.
const PAUSES: [u64; 3] = [0, 8, 150];

/// Every order of the three actions.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

#[tokio::test(flavor = "multi_thread")]
async fn paying_cancelling_and_expiring_in_every_order_and_each_twice_end_paid_or_with_the_money_back() {
    let (broker, bank) = (Broker::start().await, Bank::start().await);
    let (of_orders, of_payments) = (Database::new(), Database::new());
    let free = ("HTTP__BIND", "127.0.0.1:0");
    let course = course_environment(of_orders.uri(), broker.url(), "orders-1");
    let own = [free, ("ORDER_WINDOW_SECONDS", "4")];
    let of = settings((orders::DECLARATION.sections)(), &[&course[..], &own].concat());
    let mut orders = launch("orders", orders::PROGRAM).settings(of).start();
    let course = course_environment(of_payments.uri(), broker.url(), "payments-1");
    let own = [free, ("STRIPE_KEY", BANK_KEY), ("STRIPE_URL", &bank.url)];
    let of = settings((payments::DECLARATION.sections)(), &[&course[..], &own].concat());
    let mut payments = launch("payments", payments::PROGRAM).settings(of).start();
    let [orders_api, payments_api] =
        [orders.ready().await.unwrap(), payments.ready().await.unwrap()].map(|it| Api { address: it.unwrap() });
    let neighbours = broker.connect("tickets-1").await;

    let ways = ORDERS.iter().flat_map(|way| PAUSES.map(|pause| (way, pause)));
    let ways: Vec<_> = ways.flat_map(|(way, pause)| [(way, pause, false), (way, pause, true)]).collect();
    let ends: Vec<_> = stream::iter(&ways)
        .map(|(way, pause, is_late)| {
            let neighbours = &neighbours;
            async move {
                let user = new_id::<events::kind::User>();
                let price = Price::from_cents(2000).unwrap();
                let ticket =
                    TicketCreated { id: new_id(), version: 0, title: "concert".to_owned(), price, user_id: user };
                publish(neighbours, &ticket).await;
                let session = session_for(&user.to_string());
                let body = json!({ "ticketId": ticket.id });
                let order = async || orders_api.send("POST", "/api/orders", &session, &body).await;
                until("ordered", async || order().await.status == 201).await;
                let order = orders_api.get("/api/orders", &session).await.json()[0].clone();
                let end = OffsetDateTime::parse(order["expiresAt"].as_str().unwrap(), &Rfc3339).unwrap();
                let order = order["id"].as_str().unwrap().to_owned();
                let path = format!("/api/payments/{order}");
                let (payments, orders) = (payments_api, orders_api);
                let has_paid = AtomicBool::new(false);
                let buyer = Buyer { session, orders, payments, neighbours, order, end, has_paid };
                // Until the order is known, a payment is refused.
                let probe = json!({ "token": "tok_nonsense", "orderId": buyer.order });
                until("known", || async {
                    buyer.payments.send("POST", "/api/payments", &buyer.session, &probe).await.status != 404
                })
                .await;
                assert_eq!(buyer.payments.get(&path, &buyer.session).await.status, 200);
                // Each twice: right away, or after all others.
                let twice: Vec<_> = way.iter().flat_map(|action| [*action, *action]).collect();
                let again: Vec<_> = way.iter().chain(way.iter()).copied().collect();
                for action in if *is_late { again } else { twice } {
                    buyer.act(action).await;
                    sleep(Duration::from_millis(*pause)).await;
                }
                let end = async || buyer.ends().await;
                until_in(2 * LIMIT, "the end", async || {
                    let (order, payment) = end().await;
                    order == "complete" && payment == "paid"
                        || order == "cancelled" && (payment == "declined" || payment == "refunded")
                })
                .await;
                (end().await, buyer.has_paid.into_inner())
            }
        })
        .buffer_unordered(12)
        .collect()
        .await;

    let count =
        |order: &str, payment: &str| ends.iter().filter(|(end, _)| *end == (json!(order), json!(payment))).count();
    let (paid, refunded) = (count("complete", "paid"), count("cancelled", "refunded"));
    println!("{paid} paid, {refunded} refunded, of {}", ways.len());
    assert!(ends.iter().any(|(_, has_paid)| *has_paid), "whoever pays first is in time: {ends:?}");
    for ((_, payment), has_paid) in &ends {
        assert!(!has_paid || payment != "declined", "a payment that was answered with 201 is not kept: {ends:?}");
    }
    assert_eq!(bank.balance().await, json!(2000 * paid));
    assert_eq!(bank.count("refunds").await, u64::try_from(refunded).unwrap());
    assert_eq!(differences(&of_payments, &bank).await, Vec::<String>::new());
    let dead = broker.outsider().await.get_stream("ticketing-dead-letters").await.unwrap();
    assert_eq!(dead.get_info().await.unwrap().state.messages, 0);
    payments.stop().await.result.unwrap();
    orders.stop().await.result.unwrap();
    neighbours.close().await;
    bank.stop().await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payments_program_that_is_killed_anywhere_charges_once_and_refunds_once() {
    let charging = POINTS.into_iter().chain(PAYMENT_POINTS).filter(|point| *point != "refund-made");
    let refunding = ["refund-made", "transaction-begun", "transaction-before-commit", "transaction-committed"];
    let places = charging.map(|point| (point, false)).chain(refunding.map(|point| (point, true)));
    let scenarios = stream::iter(places).map(|(point, is_refunding)| async move {
        let limit = timeout(4 * LIMIT, killed_at(point, is_refunding));
        limit.await.unwrap_or_else(|_| panic!("payments killed at {point}: the scenario does not end"));
        println!("payments killed at {point}{}", if is_refunding { " while it refunds" } else { "" });
    });
    scenarios.buffer_unordered(4).collect::<Vec<()>>().await;
}

/// An order is paid, and then cancelled; the program is killed at the point, while it charges or while it refunds.
async fn killed_at(point: &'static str, is_refunding: bool) {
    let (broker, bank, database) = (Broker::start().await, Bank::start().await, Database::new());
    let folder = tempfile::tempdir().unwrap();
    let course = course_environment(database.uri(), broker.url(), "payments-1");
    let own = [("STRIPE_KEY", BANK_KEY), ("STRIPE_URL", bank.url.as_str())];
    let environment = [&course[..], &own].concat();
    let at_first = (!is_refunding).then_some(point);
    let mut program = ServiceProgram::start("payments", &environment, folder.path(), at_first);
    let neighbours = broker.connect("orders-1").await;
    let created = order();
    publish(&neighbours, &created).await;
    let (id, session) = (created.id, session_for(&created.user_id.to_string()));
    let api = Api { address: program.address };

    let pay = paid(api, &session, id);
    if is_refunding {
        pay.await;
        program.kill();
        program.start_again_until(point);
        publish(&neighbours, &cancelled(&created)).await;
        dies_and_is_started_again(&mut program).await;
    } else {
        tokio::join!(pay, dies_and_is_started_again(&mut program));
        publish(&neighbours, &cancelled(&created)).await;
    }
    until_in(2 * LIMIT, "refunded", || async { status(api, &session, id).await == "refunded" }).await;
    until("reported", || async {
        let (paid, refunded) = (stored::<PaymentCreated>(&broker).await, stored::<PaymentRefunded>(&broker).await);
        assert!(paid.len() <= 1 && refunded.len() <= 1, "killed at {point}");
        paid.len() + refunded.len() == 2
    })
    .await;
    assert_eq!((bank.count("charges").await, bank.count("refunds").await), (1, 1), "killed at {point}");
    assert_eq!(bank.balance().await, 0, "killed at {point}");
    assert_eq!(differences(&database, &bank).await, Vec::<String>::new(), "killed at {point}");
    drop(program);
    neighbours.close().await;
    bank.stop().await;
    broker.stop().await;
}

fn cancelled(order: &OrderCreated) -> OrderCancelled {
    OrderCancelled { id: order.id, version: 1, ticket: CancelledTicket { id: order.ticket.id } }
}

async fn dies_and_is_started_again(program: &mut ServiceProgram) {
    let status = program.ended().await;
    assert_eq!(status.signal(), Some(9), "{}", program.log());
    program.start_again();
}

/// What the buyer sees of the payment; null while nobody answers.
async fn status(api: Api, session: &str, order: OrderId) -> Value {
    let request = format!("GET /api/payments/{order} HTTP/1.0\r\ncookie: {session}\r\n\r\n");
    let answer = api.try_raw(request.as_bytes()).await;
    answer.map(|answer| answer.json()["status"].clone()).unwrap_or_default()
}

/// Pays until it is paid: after a failure, and while it is not being checked.
async fn paid(api: Api, session: &str, order: OrderId) {
    let body = json!({ "token": "tok_visa", "orderId": order });
    until_in(2 * LIMIT, "paid", || async {
        match status(api, session, order).await.as_str() {
            Some("paid") => return true,
            Some("checking") => {}
            _ => drop(api.try_send("POST", "/api/payments", session, &body).await),
        }
        false
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_lost_between_begin_and_settle_delays_a_payment_and_no_more() {
    let (broker, bank, mut members) = (Broker::start().await, Bank::start().await, Mongod::replica_set().await);
    let uri = members[0].uri("payments");
    let course = course_environment(&uri, broker.url(), "payments-1");
    let own = [("STRIPE_KEY", BANK_KEY), ("STRIPE_URL", bank.url.as_str()), ("HTTP__BIND", "127.0.0.1:0")];
    let of = settings((payments::DECLARATION.sections)(), &[&course[..], &own].concat());
    let mut running = launch("payments", payments::PROGRAM).settings(of).start();
    let api = Api { address: running.ready().await.unwrap().unwrap() };
    let neighbours = broker.connect("orders-1").await;
    for step in ["/payment_methods", "/confirm"] {
        let order = order();
        publish(&neighbours, &order).await;
        let session = session_for(&order.user_id.to_string());
        let body = json!({ "token": "tok_visa", "orderId": order.id });
        let delay = json!({ "fault": "delay", "path": step, "milliseconds": 1_000 });
        bank.api.post("/-/faults", &delay).await.expect(201);
        let is_begun = async || status(api, &session, order.id).await == "checking";
        let pay = async || api.try_send("POST", "/api/payments", &session, &body).await;
        let (first, killed) = tokio::join!(
            async {
                // A payment of an order that has not arrived is refused.
                loop {
                    match pay().await {
                        Some(answer) if answer.status == 404 => sleep(Duration::from_millis(20)).await,
                        answer => return answer,
                    }
                }
            },
            async {
                until("begun", async || is_begun().await).await;
                kill_primary(&mut members).await
            }
        );
        println!("the primary is killed while {step} runs: {:?}", first.map(|answer| answer.status));
        members[killed].restart().await;
        paid(api, &session, order.id).await;
    }
    until("reported", || async { stored::<PaymentCreated>(&broker).await.len() == 2 }).await;
    assert_eq!((bank.count("charges").await, bank.balance().await), (2, json!(4000)));
    running.stop().await.result.unwrap();
    neighbours.close().await;
    for member in members {
        member.stop().await;
    }
    bank.stop().await;
    broker.stop().await;
}

/// Kills the primary, and returns its place.
async fn kill_primary(members: &mut [Mongod]) -> usize {
    for (place, member) in members.iter_mut().enumerate() {
        if member.is_primary().await {
            member.kill().await;
            return place;
        }
    }
    panic!("no member is the primary");
}

/// An order of $20 that can be paid for a quarter of an hour.
fn order() -> OrderCreated {
    let ticket = OrderedTicket { id: new_id(), price: Price::from_cents(2000).unwrap() };
    let expires_at = OffsetDateTime::now_utc() + Duration::from_secs(900);
    OrderCreated { id: new_id(), version: 0, status: OrderStatus::Created, user_id: new_id(), expires_at, ticket }
}
