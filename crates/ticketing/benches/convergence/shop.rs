//! The tickets service and some processes of the orders service, as programs.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Api, Broker, Mongod, ServiceProgram, course_environment, session_of, until};
use tokio::time::sleep;

pub(crate) struct Shop {
    pub(crate) broker: Broker,
    pub(crate) mongod: Mongod,
    pub(crate) tickets: ServiceProgram,
    pub(crate) orders: Vec<ServiceProgram>,
    /// The orders service's copies of the tickets.
    copies: Collection<Document>,
    session: String,
    _folder: TempDir,
}

impl Shop {
    pub(crate) async fn open(processes: usize, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (broker, mongod) = (Broker::start().await, Mongod::start().await);
        let start = |name: &'static str, number: usize| {
            let (uri, id) = (mongod.uri(name), format!("{name}-{number}"));
            let course = course_environment(&uri, broker.url(), &id);
            let all = [course.as_slice(), environment].concat();
            ServiceProgram::start(name, &all, &folder.path().join(&id), None)
        };
        let tickets = start("tickets", 0);
        let orders: Vec<_> = (0..processes).map(|number| start("orders", number)).collect();
        for program in orders.iter().chain([&tickets]) {
            until("ready", || program.is_ready()).await;
        }
        let copies = collection(&mongod, "orders", "tickets").await;
        let session = session_of("seller@test.com");
        Self { broker, mongod, tickets, orders, copies, session, _folder: folder }
    }

    fn api(&self) -> Api {
        Api { address: self.tickets.address }
    }

    /// Sells a new ticket; returns its id.
    pub(crate) async fn sell(&self) -> String {
        let answer = self.api().send("POST", "/api/tickets", &self.session, &offer(1)).await;
        answer.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// Changes the price of a ticket this often at the same time; returns how often it was changed.
    pub(crate) async fn change(&self, ticket: &str, times: u64) -> u64 {
        let path = format!("/api/tickets/{ticket}");
        let changes = (0..times).map(|number| {
            let (api, path, session) = (self.api(), &path, &self.session);
            async move { api.send("PUT", path, session, &offer(number + 2)).await.status == 200 }
        });
        join_all(changes).await.into_iter().map(u64::from).sum()
    }

    /// Waits until the copy of a ticket has the version; returns how long that took.
    pub(crate) async fn copied(&self, ticket: &str, version: u64) -> Duration {
        let began = Instant::now();
        let version = i64::try_from(version).unwrap();
        let it = doc! { "_id": ticket, "version": { "$gte": version } };
        while self.copies.find_one(it.clone()).await.unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(120), "version {version} of {ticket} does not arrive");
            sleep(Duration::from_millis(1)).await;
        }
        began.elapsed()
    }

    /// A collection of a service.
    pub(crate) async fn collection_of(&self, service: &str, name: &str) -> Collection<Document> {
        collection(&self.mongod, service, name).await
    }

    pub(crate) async fn close(self) {
        drop((self.tickets, self.orders));
        self.broker.stop().await;
        self.mongod.stop().await;
    }
}

async fn collection(mongod: &Mongod, service: &str, name: &str) -> Collection<Document> {
    let client = mongodb::Client::with_uri_str(mongod.uri(service)).await.unwrap();
    client.database(service).collection(name)
}

fn offer(price: u64) -> Value {
    json!({ "title": "concert", "price": price })
}
