//! Every service restarted under load, one instance after the other, as a cluster does it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_nats::jetstream::consumer::Info;
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use mongodb::bson::doc;
use serde_json::json;
use testkit::{Api, Broker, Database, ServiceProgram, course_environment, session_of, until};

/// How many people sell and buy at once.
const PEOPLE: usize = 6;

/// Who takes requests, as a Service of Kubernetes knows it: those that are ready and were not told to stop.
#[derive(Default)]
struct Endpoints(Mutex<BTreeMap<&'static str, Vec<Api>>>);

impl Endpoints {
    fn change(&self, change: impl FnOnce(&mut BTreeMap<&'static str, Vec<Api>>)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn any(&self, service: &str, number: usize) -> Api {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all[service][number % all[service].len()]
    }
}

/// What became of the requests.
#[derive(Default)]
struct Counts {
    /// By person, each of whom does one thing after the other.
    answered: [AtomicUsize; PEOPLE],
    broken: AtomicUsize,
}

impl Counts {
    /// Waits until everybody has so many more answers: requests in flight are over then.
    async fn more(&self, count: usize) {
        let now = || self.answered.each_ref().map(|answered| answered.load(Ordering::Relaxed));
        let before = now();
        let goes_on = || now().iter().zip(&before).all(|(now, before)| *now >= before + count);
        until("everybody goes on", || std::future::ready(goes_on())).await;
    }
}

/// Sells, reserves, gives up, until told to stop. No answer may be a failure.
async fn trade(endpoints: &Endpoints, counts: &Counts, stop: &AtomicBool, person: usize) {
    let session = session_of(&format!("person-{person}@test.com"));
    let mut number = person;
    let mut ask = async |service: &'static str, method: &str, path: &str, body: serde_json::Value| {
        number += 1;
        let answer = endpoints.any(service, number).try_send(method, path, &session, &body).await;
        match &answer {
            Some(answer) => {
                assert!(answer.status < 500, "{method} {path}: {answer:?}");
                counts.answered[person].fetch_add(1, Ordering::Relaxed);
            }
            None => drop(counts.broken.fetch_add(1, Ordering::Relaxed)),
        }
        answer.filter(|answer| answer.status < 300)
    };
    while !stop.load(Ordering::Relaxed) {
        let concert = json!({ "title": "concert", "price": 20 });
        let Some(ticket) = ask("tickets", "POST", "/api/tickets", concert).await else { continue };
        let order = json!({ "ticketId": ticket.json()["id"] });
        // Received by then, or not yet: both are answers.
        if let Some(order) = ask("orders", "POST", "/api/orders", order).await {
            let path = format!("/api/orders/{}", order.json()["id"].as_str().unwrap());
            ask("orders", "DELETE", &path, json!(null)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request_and_a_kill_only_those_in_flight() {
    let (broker, folder) = (Broker::start().await, tempfile::tempdir().unwrap());
    let databases = BTreeMap::from([("tickets", Database::new()), ("orders", Database::new())]);
    let mut programs = Vec::new();
    for name in ["tickets", "orders", "expiration"] {
        for number in 1..3 {
            let client_id = format!("{name}-{number}");
            let uri = databases.get(name).map_or("", |database| database.uri());
            let course = course_environment(uri, broker.url(), &client_id);
            let environment = if name == "expiration" { &course[2..] } else { &course[..] };
            programs.push(ServiceProgram::start(name, environment, &folder.path().join(&client_id), None));
        }
    }
    let (endpoints, counts, stop) = (Endpoints::default(), Counts::default(), AtomicBool::new(false));
    for program in &programs {
        until("ready", || program.is_ready()).await;
        endpoints.change(|all| all.entry(program.name).or_default().push(Api { address: program.address }));
    }
    let load = join_all((0..PEOPLE).map(|person| trade(&endpoints, &counts, &stop, person)));
    let roll = async {
        for program in &mut programs {
            let (name, address) = (program.name, program.address);
            endpoints.change(|all| all.entry(name).or_default().retain(|api| api.address != address));
            counts.more(1).await; // what a pod's pause before its stop is for
            assert_eq!(program.terminate().await, Some(0), "{name}");
            program.start_again();
            until("ready again", || program.is_ready()).await;
            endpoints.change(|all| all.entry(name).or_default().push(Api { address }));
            counts.more(3).await;
        }
        assert_eq!(counts.broken.load(Ordering::Relaxed), 0, "a rolling restart breaks no connection");
        for program in &mut programs {
            let (name, address) = (program.name, program.address);
            program.kill();
            endpoints.change(|all| all.entry(name).or_default().retain(|api| api.address != address));
            program.start_again();
            until("ready again", || program.is_ready()).await;
            endpoints.change(|all| all.entry(name).or_default().push(Api { address }));
        }
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(load, roll);
    let answered: usize = counts.answered.into_iter().map(AtomicUsize::into_inner).sum();
    println!(
        "{answered} requests answered, {} connections broken by {} kills",
        counts.broken.into_inner(),
        programs.len()
    );

    // What was handled when an instance ended came again at most, and nothing more often than a few times.
    let stream = broker.outsider().await.get_stream("ticketing").await.unwrap();
    let consumers = async || -> Vec<Info> { stream.consumers().try_collect().await.unwrap() };
    until("all is handled", || async {
        consumers().await.iter().all(|consumer| consumer.num_pending == 0 && consumer.num_ack_pending == 0)
    })
    .await;
    for consumer in consumers().await {
        let subject = consumer.config.filter_subject;
        let mut events = stream.info_with_subjects(&subject).await.unwrap();
        let events = events.try_next().await.unwrap().map_or(0, |(_, count)| count as u64);
        let deliveries = consumer.delivered.consumer_sequence;
        assert!(deliveries <= 2 * events + 100, "{}: {deliveries} deliveries of {events} events", consumer.name);
    }
    let orders = databases["orders"].collection("outbox").await;
    let pending = doc! { "pending": { "$exists": true } };
    until("all is published", || async { orders.count_documents(pending.clone()).await.unwrap() == 0 }).await;
    drop(programs);
    broker.stop().await;
}
