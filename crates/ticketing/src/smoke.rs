//! `--smoke`: selling and buying once, with a look at every event.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bus::{Bus, Connection, Consumer, Delivery, Membership, Source, Start, Subscription, Verdict};
use common::Program;
use events::Subject;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use service::{Error, Scope, Service, Stopping};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use operator::console::say;

use crate::application::{Addresses, Application};
use crate::client::Client;
use crate::kept::Kept;
use crate::options::Run;

/// The longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// The second order's window, in seconds.
const SHORT: u32 = 2;

/// Goes through it, on servers and data of its own.
pub(crate) struct Smoke {
    pub(crate) run: Run,
    pub(crate) programs: &'static [Program],
    pub(crate) environment: BTreeMap<String, String>,
}

impl Service for Smoke {
    type Handle = ();

    async fn run(self, scope: Scope<()>) -> Result<(), Error> {
        let Self { mut run, programs, environment } = self;
        run.free_ports = true;
        (run.nats_url, run.mongo_uri) = (None, None); // never on somebody's data
        run.order_window_seconds = None; // the settings file says it
        let data = tempfile::tempdir()?;
        let folder = data.path().to_owned();
        scope.start("data", Kept(data)).await?;
        let file = folder.join("settings.toml");
        fs::write(&file, "")?;
        let mut steps = Steps { began: Instant::now() };
        let application = Application { programs, run: run.clone(), environment, folder, settings: Some(file.clone()) };
        let addresses = scope.child("application").wait_until_ready().start(application).await?;
        let connection = Connection::new(addresses.servers.nats.clone(), run.nats_cluster_id, "smoke".parse()?);
        let bus = scope.start("nats", connection).await?;
        let (received, events) = mpsc::unbounded_channel();
        for subject in Subject::ALL {
            scope.start(&subject.to_string(), listen(&bus, subject, received.clone())).await?;
        }
        steps.done("everything is there")?;
        scope.ready(());
        let scenario = Scenario { addresses, events, early: VecDeque::new(), steps, file };
        match scope.stopping().or(scenario.play()).await {
            Some(played) => played,
            None => bail!("stopped before the end"),
        }
    }
}

/// Subscribes to every event of a subject.
fn listen(bus: &Bus, subject: Subject, received: mpsc::UnboundedSender<Arc<Delivery>>) -> impl Service<Handle = ()> {
    let consumer = Consumer {
        source: Source::Events(subject),
        membership: Membership::Alone,
        start: Start::All,
        ack_wait: PATIENCE,
        max_in_flight: 100,
        batch: 10,
        concurrency: 1,
    };
    let handler = move |delivery: Arc<Delivery>, _: Stopping| {
        received.send(delivery).ok();
        std::future::ready(Verdict::Ack)
    };
    Subscription::new(bus.clone(), consumer, handler)
}

/// Each step with the time it was done at.
struct Steps {
    began: Instant,
}

impl Steps {
    fn done(&mut self, what: &str) -> Result<(), Error> {
        say(format_args!("{:>6.2} s  {what}", self.began.elapsed().as_secs_f64()))
    }
}

struct Scenario {
    addresses: Addresses,
    events: mpsc::UnboundedReceiver<Arc<Delivery>>,
    /// Received before they were expected: there is no order between subjects.
    early: VecDeque<(Subject, Value)>,
    steps: Steps,
    file: std::path::PathBuf,
}

impl Scenario {
    async fn play(mut self) -> Result<(), Error> {
        let api = self.addresses.api;
        let (mut seller, mut buyer) = (Client::new(api), Client::new(api));
        let seller_id = seller.sign_up("seller@example.com").await?["id"].clone();
        let buyer_id = buyer.sign_up("buyer@example.com").await?["id"].clone();
        self.steps.done("two people have signed up")?;

        let body = json!({ "title": "concert", "price": 20 });
        let ticket = seller.send(Method::POST, "/api/tickets", Some(body)).await?.expect(StatusCode::CREATED)?;
        let ticket = ticket["id"].clone();
        self.expect(Subject::TicketCreated, &json!({ "id": ticket, "version": 0, "userId": seller_id })).await?;
        self.steps.done("one sells a ticket: ticket:created")?;

        let first = self.reserve(&mut buyer, &ticket).await?;
        self.expect(Subject::OrderCreated, &json!({ "id": first, "version": 0, "userId": buyer_id })).await?;
        self.expect(Subject::TicketUpdated, &json!({ "id": ticket, "version": 1, "orderId": first })).await?;
        self.steps.done("the other reserves it: order:created, ticket:updated")?;

        let again = buyer.send(Method::POST, "/api/orders", Some(json!({ "ticketId": ticket }))).await?;
        let refused = again.expect(StatusCode::BAD_REQUEST)?;
        ensure!(refused == json!({ "errors": [{ "message": "Ticket is already reserved" }] }), "{refused}");
        self.steps.done("and can't reserve it twice")?;

        let path = format!("/api/orders/{}", text(&first)?);
        buyer.send(Method::DELETE, &path, None).await?.expect(StatusCode::NO_CONTENT)?;
        self.expect(Subject::OrderCancelled, &json!({ "id": first, "version": 1, "ticket": { "id": ticket } })).await?;
        self.expect(Subject::TicketUpdated, &json!({ "id": ticket, "version": 2 })).await?;
        self.steps.done("cancels: order:cancelled, ticket:updated")?;

        fs::write(&self.file, format!("[orders]\nwindow_seconds = {SHORT}\n"))?;
        self.addresses.reload()?;
        let second = self.reserve(&mut buyer, &ticket).await?;
        self.expect(Subject::OrderCreated, &json!({ "id": second, "version": 0 })).await?;
        self.expect(Subject::TicketUpdated, &json!({ "id": ticket, "version": 3, "orderId": second })).await?;
        self.steps.done("reserves it again, for two seconds: order:created, ticket:updated")?;

        self.expect(Subject::ExpirationComplete, &json!({ "orderId": second })).await?;
        self.expect(Subject::OrderCancelled, &json!({ "id": second, "version": 1 })).await?;
        self.expect(Subject::TicketUpdated, &json!({ "id": ticket, "version": 4 })).await?;
        self.steps.done("and lets it expire: expiration:complete, order:cancelled, ticket:updated")?;

        fs::write(&self.file, "")?;
        self.addresses.reload()?;
        let third = self.reserve(&mut buyer, &ticket).await?;
        self.expect(Subject::OrderCreated, &json!({ "id": third, "version": 0 })).await?;
        self.expect(Subject::TicketUpdated, &json!({ "id": ticket, "version": 5, "orderId": third })).await?;
        buyer.create("/api/payments", &json!({ "token": "tok_visa", "orderId": third })).await?;
        self.expect(Subject::PaymentCreated, &json!({ "orderId": third })).await?;
        let path = format!("/api/orders/{}", text(&third)?);
        let complete = async {
            while buyer.get(&path).await?["status"] != "complete" {
                sleep(Duration::from_millis(20)).await;
            }
            Ok::<_, Error>(())
        };
        timeout(PATIENCE, complete).await.context("the order is not complete")??;
        self.steps.done("reserves it once more and pays: order:created, ticket:updated, payment:created")?;

        let orders = buyer.get("/api/orders").await?;
        let statuses: Vec<_> = orders.as_array().context("a list")?.iter().map(|order| &order["status"]).collect();
        ensure!(statuses == ["cancelled", "cancelled", "complete"], "the orders stand so: {orders}");
        let listed = seller.get("/api/tickets").await?;
        ensure!(listed == json!([]), "the list is {listed}");
        ensure!(self.early.is_empty() && self.events.is_empty(), "more was published: {:?}", self.early);
        self.steps.done("the ticket is sold, and nothing else was published")?;

        let (order, list) = (buyer.page(&format!("/orders/{}", text(&third)?)).await?, buyer.page("/").await?);
        ensure!(order.contains("You have paid. The ticket is yours."), "the page of the order is {order}");
        ensure!(list.contains("Nobody sells a ticket at the moment."), "the page of the tickets is {list}");
        self.steps.done("and the pages show it so")
    }

    /// Reserves a ticket, which may not have reached the orders service yet.
    async fn reserve(&mut self, buyer: &mut Client, ticket: &Value) -> Result<Value, Error> {
        let reserve = async {
            loop {
                let answer = buyer.send(Method::POST, "/api/orders", Some(json!({ "ticketId": ticket }))).await?;
                let is_still_held = answer.json.to_string().contains("already reserved");
                if answer.status != StatusCode::NOT_FOUND && !is_still_held {
                    return answer.expect(StatusCode::CREATED);
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        Ok(timeout(PATIENCE, reserve).await.context("reserving took too long")??["id"].clone())
    }

    /// Waits for an event of the subject, and sees that it says at least this.
    async fn expect(&mut self, subject: Subject, says: &Value) -> Result<(), Error> {
        let received = async {
            loop {
                if let Some(place) = self.early.iter().position(|(of, _)| *of == subject) {
                    let (_, event) = self.early.remove(place).context("it was there")?;
                    return Ok::<_, Error>(event);
                }
                let Some(delivery) = self.events.recv().await else { bail!("nobody listens any more") };
                self.early.push_back((delivery.subject.parse()?, serde_json::from_slice(&delivery.payload)?));
            }
        };
        let event = timeout(PATIENCE, received).await.with_context(|| format!("no {subject} arrived"))??;
        let wanted = says.as_object().context("an object")?;
        let agrees = wanted.iter().all(|(name, value)| event[name] == *value);
        ensure!(agrees, "{subject} says {event}, and not {says}");
        Ok(())
    }
}

fn text(id: &Value) -> Result<&str, Error> {
    id.as_str().context("an id is a text")
}
